-- Store chunks of one capture. KEYS and ARGV 1–3 as in prelude.lua;
-- ARGV: from 4 on: chunk id, bytes, chunk id, bytes, …
-- Returns the answer of `arrival` in prelude.lua; status is waiting, complete, late, refused or too_large.
local known = redis.call('HMGET', KEYS[1], 'first_at', 'total', 'bytes', 'state')
if not known[1] then
  local state = redis.call('HGET', KEYS[3], 'state')
  if state == 'sealed' then return arrival('late') end
  if state == 'stored' and of_the_finished_image() then
    note_repeat()
    return arrival('late')
  end
  if not open(state == 'failed') then return arrival('refused') end
elseif known[4] == 'timed_out' then
  revive()
end

local total, bytes, out_of_range = tonumber(known[2]), tonumber(known[3] or 0), 0
for i = 4, #ARGV, 2 do
  local id, data = ARGV[i], ARGV[i + 1]
  if total and tonumber(id) >= total then
    out_of_range = out_of_range + 1
  elseif redis.call('HSETNX', KEYS[2], id, data) == 1 then
    bytes = bytes + #data
  elseif redis.call('HGET', KEYS[2], id) ~= data then
    -- The same id came with other bytes, so another image now has this name. Two images are never mixed: drop
    -- the older chunks; a NACK asks for what is missing of the new image.
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[2], id, data)
    bytes = #data
  end
end
if bytes > MAX_IMAGE_BYTES then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return arrival('too_large')
end

redis.call('HSET', KEYS[1], 'bytes', bytes, 'last_at', now)
local held = redis.call('HLEN', KEYS[2])
if total and held == total then
  seal()
  return arrival('complete', out_of_range)
end
redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
redis.call('EXPIRE', KEYS[2], CAPTURE_TTL_S)
return arrival('waiting', out_of_range)
