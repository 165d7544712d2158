-- Store metadata; the first valid value of a field stays. KEYS and ARGV 1–3 as in prelude.lua;
-- ARGV: 4 member of the superseded capture  5 begins a capture (1/0)
--       6 captured  7 image bytes  8 total chunks  9 error, each '' if unknown; then field, value, …
-- Returns the answer of `arrival` in prelude.lua; status is waiting, complete, late, stored, refused or
-- ignored.
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
  if tombstone[4] == 'sealed' then return arrival('late') end
  if tombstone[4] == 'stored' then
    -- The device now has a newer image of this name, and an ACK would make it delete that one.
    if open_capture[3] then return arrival('late') end
    return acknowledge_again()
  end
end

local superseded = 0
if not open_capture[4] then
  if not begins then return arrival('ignored') end
  if not open(finished) then return arrival('refused') end
elseif not same(open_capture) then
  if not begins then return arrival('ignored') end
  redis.call('HSET', KEYS[1], 'state', 'superseded')
  move(KEYS[8], KEYS[9], ARGV[4])
  superseded = 1
  if not open(false) then return arrival('refused', 0, 1) end
elseif begins then
  if not open_capture[3] and now - tonumber(open_capture[6]) >= CAPTURE_TIMEOUT_MS then
    -- Chunks that came long before this metadata may belong to an earlier image of this name.
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
  return arrival('complete', 0, superseded)
end
return arrival('waiting', 0, superseded)
