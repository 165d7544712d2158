-- Store the heartbeat of a listener. Forget the listeners that have written none for LISTENERS_TTL_S, and those
-- before this one that had its session and are dead.
-- KEYS: 1 listeners. ARGV: 1 now (ms)  2 listener: client id@start  3 until when it has heard everything (ms)
-- Returns nothing.
local function session(name) return string.match(name, '^[^@]*') end
local written = redis.call('HGETALL', KEYS[1])
for i = 1, #written, 2 do
  local at = tonumber(string.match(written[i + 1], '^%d+'))
  local life = session(written[i]) == session(ARGV[2]) and LISTENER_LIFE_MS or LISTENERS_TTL_S * 1000
  if not at or at < ARGV[1] - life then redis.call('HDEL', KEYS[1], written[i]) end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1] .. ' ' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], LISTENERS_TTL_S)
