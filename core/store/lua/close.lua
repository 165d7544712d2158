-- End a capture: delete its chunks, and keep how it ended in its tombstone.
-- KEYS: 1 capture  2 chunks  3 tombstone  5 held  7 waiting  8 report
-- ARGV: 1 now (ms)  2 member  3 state (stored or failed)  4 whether its ACK was sent (1/0)
--       5 how long the tombstone stays (s)
-- Returns nothing.
local found = redis.call('HMGET', KEYS[1], 'sha256', 'stored_bytes')
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('ZREM', KEYS[7], ARGV[2])
for _, tombstone in ipairs({KEYS[3], KEYS[8]}) do
  if redis.call('HGET', tombstone, 'seal') == ARGV[2] then
    redis.call('HSET', tombstone, 'state', ARGV[3])
    if ARGV[4] == '1' then redis.call('HSET', tombstone, 'acked_at', ARGV[1]) end
    if found[1] then redis.call('HSET', tombstone, 'image_sha256', found[1], 'image_bytes', found[2]) end
    redis.call('EXPIRE', tombstone, ARGV[5])
  end
end
