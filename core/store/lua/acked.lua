-- What close.lua and may_acknowledge.lua share; it comes before them.
-- KEYS: 10 acked

-- Note an ACK for the next hello of the device, which tells whether it has worked: the row, when, and how often. A device
-- that never says hello has the latest ones noted.
local function note_ack(tombstone, row, now)
  local times = redis.call('HINCRBY', tombstone, 'acks', 1)
  if redis.call('HLEN', KEYS[10]) >= ACKS then redis.call('DEL', KEYS[10]) end
  redis.call('HSET', KEYS[10], row, now .. ':' .. times)
  redis.call('EXPIRE', KEYS[10], SEALED_TTL_S)
end
