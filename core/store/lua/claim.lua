-- Claim a sealed capture for one worker.
-- KEYS: 1 capture  4 due  5 held. ARGV: 1 now (ms)  2 member  3 owner
-- Returns {status, attempts, hash}:
--   status    gone (no such capture), busy (another worker owns it) or claimed
--   attempts  starts that had no end, since their worker died, plus this start; 0 unless claimed
--   hash      field, value, field, value, … of the capture; empty unless claimed
local now, member, owner = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local known = redis.call('HMGET', KEYS[1], 'first_at', 'lease_until', 'owner')
if not known[1] then
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return {'gone', 0, {}}
end
if known[2] and tonumber(known[2]) > now and known[3] ~= owner then return {'busy', 0, {}} end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'lease_until', now + LEASE_MS, 'owner', owner)
-- This task arrived. Restart the backoff, so that the sweep soon enqueues the capture again if the next task
-- is lost.
redis.call('HDEL', KEYS[1], 'requeues')
redis.call('ZADD', KEYS[4], now + LEASE_MS, member)
redis.call('EXPIRE', KEYS[4], SEALED_TTL_S)
return {'claimed', attempts, redis.call('HGETALL', KEYS[1])}
