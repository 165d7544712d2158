-- Release a claim: this start had an end, so it does not count as a crash.
-- KEYS: 1 capture  7 waiting
-- ARGV: 1 now (ms)  2 member  3 owner  4 how long nobody may claim it (ms)
--       5 earlier starts that still count as crashes  6 tries that have failed
-- Returns nothing.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[3] then return end
local retry_at = ARGV[1] + ARGV[4]
redis.call('HDEL', KEYS[1], 'lease_until', 'owner')
redis.call('HSET', KEYS[1], 'retry_at', retry_at, 'attempts', ARGV[5], 'tries', ARGV[6])
redis.call('ZADD', KEYS[7], retry_at, ARGV[2])
