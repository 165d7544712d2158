-- Claim a sealed capture for one worker. The owner is a token of this one claim, so a claim whose answer was lost
-- may be repeated.
-- KEYS: 1 capture  5 held  7 waiting. ARGV: 1 now (ms)  2 member  3 owner
-- Returns {status, attempts, hash}:
--   status    gone (no such capture, or it has failed), busy (another worker owns it), early (its next try is
--             later) or claimed
--   attempts  starts that had no end, since their worker died, plus this start; 0 unless claimed
--   hash      field, value, field, value, … of the capture; empty unless claimed
local now, member, owner = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local known = redis.call('HMGET', KEYS[1], 'first_at', 'lease_until', 'retry_at', 'state', 'owner',
  'attempts')
if not known[1] or known[4] == 'failed' then
  redis.call('ZREM', KEYS[7], member)
  redis.call('ZREM', KEYS[5], member)
  return {'gone', 0, {}}
end
if known[5] == owner then return {'claimed', tonumber(known[6]), redis.call('HGETALL', KEYS[1])} end
if known[2] and tonumber(known[2]) > now then return {'busy', 0, {}} end
if known[3] and tonumber(known[3]) > now then return {'early', 0, {}} end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'lease_until', now + LEASE_MS, 'owner', owner)
-- Its message has arrived, so none waits in the queue any more.
redis.call('HDEL', KEYS[1], 'queued_at', 'retry_at')
redis.call('ZADD', KEYS[7], now + LEASE_MS, member)
redis.call('EXPIRE', KEYS[7], SEALED_TTL_S)
return {'claimed', attempts, redis.call('HGETALL', KEYS[1])}
