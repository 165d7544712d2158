-- The top of a capture that timed out is shown, or there is none; unless it has timed out once more since, with more
-- chunks perhaps.
-- KEYS: 11 partial. ARGV: 1 member  2 when it timed out (ms). Returns nothing.
if tonumber(redis.call('ZSCORE', KEYS[11], ARGV[1])) == tonumber(ARGV[2]) then redis.call('ZREM', KEYS[11], ARGV[1]) end
