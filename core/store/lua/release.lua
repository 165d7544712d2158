-- Release a claim: this start had an end, so it does not count as a crash.
-- KEYS: 1 capture  4 due
-- ARGV: 1 now (ms)  2 member  3 owner  4 how long the sweep leaves the capture alone (ms)
--       5 earlier starts that still count as crashes
-- Returns nothing.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[3] then return end
redis.call('HDEL', KEYS[1], 'lease_until', 'owner')
redis.call('HSET', KEYS[1], 'attempts', ARGV[5])
redis.call('ZADD', KEYS[4], ARGV[1] + ARGV[4], ARGV[2])
