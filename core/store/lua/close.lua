-- End a capture: keep how it ended in its tombstone, and delete its chunks; or, if it has failed, keep them for a
-- while, so that it may be tried anew. Comes after acked.lua.
-- KEYS: 1 capture  2 chunks  3 tombstone  5 held  7 waiting  8 report  9 failed  10 acked
-- ARGV: 1 now (ms)  2 member  3 state (stored or failed)  4 whether its ACK was sent (1/0)
--       5 how long the tombstone stays (s)  6 the error for which it is kept, '' to delete it
-- Returns nothing.
local found = redis.call('HMGET', KEYS[1], 'sha256', 'stored_bytes', 'capture_id')
local last = redis.call('HMGET', KEYS[3], 'seal', 'ends')
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('ZREM', KEYS[7], ARGV[2])
if ARGV[6] == '' then
  redis.call('DEL', KEYS[1], KEYS[2])
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HDEL', KEYS[1], 'owner', 'lease_until', 'attempts', 'tries')
  redis.call('HSET', KEYS[1], 'state', 'failed', 'failed_code', ARGV[6])
  -- If the device sends the image once more, it is known by the ends of its chunks.
  if last[1] == ARGV[2] then redis.call('HSET', KEYS[1], 'ends', last[2]) end
  redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
  redis.call('EXPIRE', KEYS[2], CAPTURE_TTL_S)
  redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', ARGV[1] - CAPTURE_TTL_S * 1000)
  redis.call('ZADD', KEYS[9], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[9], CAPTURE_TTL_S)
end
for _, tombstone in ipairs({KEYS[3], KEYS[8]}) do
  if redis.call('HGET', tombstone, 'seal') == ARGV[2] then
    redis.call('HSET', tombstone, 'state', ARGV[3])
    if found[3] then redis.call('HSET', tombstone, 'capture_id', found[3]) end
    if ARGV[4] == '1' then
      redis.call('HSET', tombstone, 'acked_at', ARGV[1])
      if found[3] then note_ack(tombstone, found[3], ARGV[1]) end
    end
    if found[1] then redis.call('HSET', tombstone, 'image_sha256', found[1], 'image_bytes', found[2]) end
    redis.call('EXPIRE', tombstone, ARGV[5])
  end
end
