-- The row of a timed-out capture is written: leave its chunks to their TTL, unless it arrives again.
-- KEYS: 1 capture  4 due  5 held  6 abandoned. ARGV: 1 now (ms)  2 member. Returns nothing.
if redis.call('HGET', KEYS[1], 'state') == 'timed_out' then
  redis.call('ZREM', KEYS[4], ARGV[2])
  redis.call('ZREM', KEYS[5], ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', ARGV[1] - CAPTURE_TTL_S * 1000)
  redis.call('ZADD', KEYS[6], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[6], CAPTURE_TTL_S)
end
