-- Note what a station has finished, if anything, and extend the lease.
-- KEYS: 1 capture  7 waiting. ARGV: 1 now (ms)  2 member  3 owner, then field, value, …
-- Returns 1, or 0 if another worker owns the capture; then nothing is noted.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'lease_until', ARGV[1] + LEASE_MS)
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', KEYS[7], ARGV[1] + LEASE_MS, ARGV[2])
return 1
