-- Note what metadata says. ARGV: 4 member of the one that makes way  5 begins a capture (1/0)
-- 6 captured  7 image bytes  8 total chunks  9 error, each '' where unknown; then field, value, …
-- The first good value of a field stays.
-- Returns {status, …}: waiting, complete, late, stored (second value: the ACK to send again), refused,
-- ignored, and superseded in third place where another image under this name was given up for this one.
local begins, error_code = ARGV[5] == '1', ARGV[9]

local function same(known)
  for i = 1, 3 do
    local said = ARGV[5 + i]
    if known[i] and known[i] ~= '' and said ~= '' and known[i] ~= said then return false end
  end
  return true
end

local tombstone = redis.call('HMGET', KEYS[3], 'captured', 'image_bytes', 'total', 'state')
local finished = tombstone[4] and same(tombstone)
local open_capture = redis.call('HMGET', KEYS[1], 'captured', 'image_bytes', 'total', 'first_at', 'state',
  'last_at')
if finished and (begins or not open_capture[4]) then
  if tombstone[4] == 'sealed' then return {'late'} end
  if tombstone[4] == 'stored' then
    -- The device has a newer image under this name by now, which an ACK would make it delete.
    if open_capture[3] then return {'late'} end
    return acknowledge_again()
  end
end

local superseded = ''
if not open_capture[4] then
  if not begins then return {'ignored'} end
  if not open(finished) then return {'refused'} end
elseif not same(open_capture) then
  if not begins then return {'ignored'} end
  redis.call('HSET', KEYS[1], 'state', 'superseded')
  move(KEYS[8], KEYS[9], ARGV[4], now)
  superseded = 'superseded'
  if not open(false) then return {'refused', 0, superseded} end
elseif begins then
  if not open_capture[3] and now - tonumber(open_capture[6]) >= CAPTURE_TIMEOUT_MS then
    -- Chunks that came long before their metadata may be of an earlier image of that name.
    redis.call('DEL', KEYS[2])
    redis.call('HDEL', KEYS[1], 'bytes')
  end
  if open_capture[5] == 'timed_out' then revive() end
end

for i = 10, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
local total = tonumber(redis.call('HGET', KEYS[1], 'total'))
if total and not open_capture[3] then
  for _, id in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tonumber(id) >= total then redis.call('HDEL', KEYS[2], id) end
  end
end
local held = redis.call('HLEN', KEYS[2])
if error_code ~= '' or (total and held == total) then
  seal()
  return {'complete', held, superseded}
end
return {'waiting', held, superseded}
