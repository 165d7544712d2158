-- Take a sealed capture for one worker. KEYS: 1 capture  2 chunks  3 tombstone  4 due  5 held.
-- ARGV: 1 now  2 member  3 owner. Returns {status, attempts, fields…}; status is gone, busy or claimed.
-- A start that has no end (its worker died) stays counted in `attempts`.
local now, member, owner = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local known = redis.call('HMGET', KEYS[1], 'first_at', 'lease_until', 'owner')
if not known[1] then
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return {'gone', 0}
end
if known[2] and tonumber(known[2]) > now and known[3] ~= owner then return {'busy', 0} end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'lease_until', now + LEASE_MS, 'owner', owner)
-- Its message came through: should it be lost after this, the sweep is quick again.
redis.call('HDEL', KEYS[1], 'requeues')
redis.call('ZADD', KEYS[4], now + LEASE_MS, member)
return {'claimed', attempts, redis.call('HGETALL', KEYS[1])}
