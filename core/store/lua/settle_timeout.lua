-- The row of a timed-out capture is written: abandon it, and let its top be shown if its first chunk is there. Comes
-- after abandon.lua.
-- KEYS: 1 capture  2 chunks  4 due  5 held  6 abandoned  11 partial. ARGV: 1 now (ms)  2 member. Returns nothing.
if redis.call('HGET', KEYS[1], 'state') == 'timed_out' then
  abandon(ARGV[1], ARGV[2])
  if redis.call('HEXISTS', KEYS[2], 0) == 1 then
    redis.call('ZADD', KEYS[11], ARGV[1], ARGV[2])
    redis.call('EXPIRE', KEYS[11], CAPTURE_TTL_S)
  end
end
