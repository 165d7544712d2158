-- Store the heartbeat of a listener, and forget the listeners that have written none for LISTENERS_TTL_S.
-- KEYS: 1 listeners. ARGV: 1 now (ms)  2 listener  3 until when it has heard everything (ms)
-- Returns nothing.
local written = redis.call('HGETALL', KEYS[1])
for i = 1, #written, 2 do
  local at = tonumber(string.match(written[i + 1], '^%d+'))
  if not at or at < ARGV[1] - LISTENERS_TTL_S * 1000 then redis.call('HDEL', KEYS[1], written[i]) end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1] .. ' ' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], LISTENERS_TTL_S)
