-- The row of a timed-out capture is written: leave its chunks to their TTL, unless it has come back.
-- KEYS: 1 capture  4 due  5 held. ARGV: 1 member
if redis.call('HGET', KEYS[1], 'state') == 'timed_out' then
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZREM', KEYS[5], ARGV[1])
end
