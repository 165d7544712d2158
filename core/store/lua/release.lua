-- Release a claim: this start had an end, so it does not count as a crash. Comes after story.lua.
-- KEYS: 1 capture  7 waiting
-- ARGV: 1 now (ms)  2 member  3 owner  4 how long nobody may claim it (ms)
--       5 whether the capture was tried and failed (1), so that its worker did not die of it; else 0
--       6 the station at which it failed
-- Returns nothing.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[3] then return end
local retry_at = ARGV[1] + ARGV[4]
redis.call('HDEL', KEYS[1], 'lease_until', 'owner')
redis.call('HSET', KEYS[1], 'retry_at', retry_at)
if ARGV[5] == '1' then
  redis.call('HDEL', KEYS[1], 'attempts')
  redis.call('HINCRBY', KEYS[1], 'tries', 1)
  tell(KEYS[1], redis.call('HGET', KEYS[1], 'first_at'), ARGV[1], 'failed,' .. ARGV[6])
else
  redis.call('HINCRBY', KEYS[1], 'attempts', -1)
end
redis.call('ZADD', KEYS[7], retry_at, ARGV[2])
