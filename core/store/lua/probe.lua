-- Begin a probe of a service that does not answer, unless another one has begun just now.
-- KEYS: 1 breaker. ARGV: 1 now (ms). Returns 1 if the probe may begin, else 0.
local last = tonumber(redis.call('HGET', KEYS[1], 'probed_at') or 0)
-- A last probe in the future comes from a process whose clock is ahead.
if last <= tonumber(ARGV[1]) and ARGV[1] - last < PROBE_EVERY_MS then return 0 end
redis.call('HSET', KEYS[1], 'probed_at', ARGV[1])
redis.call('EXPIRE', KEYS[1], BREAKER_TTL_S)
return 1
