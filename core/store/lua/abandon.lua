-- What review.lua and settle_timeout.lua share; it comes before them.
-- KEYS: 4 due  5 held  6 abandoned

-- Leave a capture that has ended without all its chunks to its TTL, unless it arrives again. It leaves its place to
-- others, and is among the first that are dropped to make room.
local function abandon(now, member)
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - CAPTURE_TTL_S * 1000)
  redis.call('ZADD', KEYS[6], now, member)
  redis.call('EXPIRE', KEYS[6], CAPTURE_TTL_S)
end
