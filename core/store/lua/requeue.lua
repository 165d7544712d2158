-- Let a failed capture be tried anew, as if it had just become complete: the next sweep enqueues it. Comes after
-- identity.lua.
-- KEYS: 1 capture  2 chunks  3 tombstone  5 held  7 waiting  8 report  9 failed
-- ARGV: 1 now (ms)  2 member  3 whether to change nothing and only say what would be done (1/0)
-- Returns taken, gone (it is not there, or has not failed) or sent again (its device has sent the image once more,
-- so that one counts, and this one is dropped).
local now, member, dry = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local known = redis.call('HMGET', KEYS[1], 'state', 'ends', unpack(IDENTITY))
if known[1] ~= 'failed' then
  if not dry then redis.call('ZREM', KEYS[9], member) end
  return 'gone'
end
local last = redis.call('HMGET', KEYS[3], 'state', 'ends', unpack(IDENTITY))
local sent_again = (last[1] == 'sealed' or last[1] == 'stored') and known[2] == last[2]
  and compare({unpack(known, 3)}, {unpack(last, 3)}) ~= 'different'
if dry then return sent_again and 'sent again' or 'taken' end
redis.call('ZREM', KEYS[9], member)
if sent_again then
  redis.call('DEL', KEYS[1], KEYS[2])
  return 'sent again'
end
redis.call('HDEL', KEYS[1], 'state', 'failed_code', 'ends')
redis.call('EXPIRE', KEYS[1], SEALED_TTL_S)
redis.call('EXPIRE', KEYS[2], SEALED_TTL_S)
redis.call('ZADD', KEYS[7], now, member)
redis.call('EXPIRE', KEYS[7], SEALED_TTL_S)
redis.call('ZADD', KEYS[5], now + SEALED_TTL_S * 1000, member)
redis.call('EXPIRE', KEYS[5], SEALED_TTL_S)
-- Its ACK goes out only if it still is the last one of its name; what the device repeats meanwhile waits for it.
for _, tombstone in ipairs({KEYS[3], KEYS[8]}) do
  if redis.call('HGET', tombstone, 'seal') == member then
    redis.call('HSET', tombstone, 'state', 'sealed')
    redis.call('EXPIRE', tombstone, SEALED_TTL_S)
  end
end
return 'taken'
