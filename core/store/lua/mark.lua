-- Note how far Home Assistant was told, unless what it was told is lost.
-- KEYS: 1 announced. ARGV: 1 mark  2 1 at the beginning, when there may be none yet, else 0
-- Returns 1 if it is noted, 0 if it is lost.
if ARGV[2] == '0' and redis.call('HEXISTS', KEYS[1], MARK) == 0 then return 0 end
redis.call('HSET', KEYS[1], MARK, ARGV[1])
redis.call('EXPIRE', KEYS[1], ANNOUNCED_TTL_S)
return 1
