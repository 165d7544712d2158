-- Let the device send a claimed image once more, since its stream is broken: the capture is open again, with its
-- metadata and without chunks, and the sweep asks for all of them. Comes after story.lua.
-- KEYS: 1 capture  2 chunks  3 tombstone  4 due  5 held  6 waiting   of the sealed capture
--       7 capture                                                    of the open capture that it becomes
-- ARGV: 1 now (ms)  2 sealed member  3 owner  4 open member  5 SHA-256 of the broken stream
--       then the fields of what the stations have done
-- Returns asked, newer (the device may have another image of that name: nothing changes) or lost (another worker
-- owns the capture: nothing changes)
local now, sealed, member, sha256 = tonumber(ARGV[1]), ARGV[2], ARGV[4], ARGV[5]
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[3] then return 'lost' end
local last = redis.call('HMGET', KEYS[3], 'seal', 'doubted')
if redis.call('EXISTS', KEYS[7]) == 1 or last[1] ~= sealed or last[2] then return 'newer' end
redis.call('HDEL', KEYS[1], 'owner', 'lease_until', 'attempts', 'tries', 'again', 'nacks',
  'nacked_at', 'revived')
for i = 6, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[1], 'last_at', now, 'bytes', 0, 'damaged_sha256', sha256)
redis.call('HINCRBY', KEYS[1], 'asked_again', 1)
tell(KEYS[1], redis.call('HGET', KEYS[1], 'first_at'), now, 'sent_again')
redis.call('RENAME', KEYS[1], KEYS[7])
redis.call('EXPIRE', KEYS[7], CAPTURE_TTL_S)
redis.call('DEL', KEYS[2])
-- A device that does not answer offers the image at a later wake; `open` in prelude.lua then knows this SHA-256.
redis.call('HSET', KEYS[3], 'state', 'failed', 'damaged_sha256', sha256)
redis.call('EXPIRE', KEYS[3], SEALED_TTL_S)
redis.call('ZREM', KEYS[6], sealed)
redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
redis.call('EXPIRE', KEYS[4], SEALED_TTL_S)
-- Add before removing: Redis deletes a set that becomes empty, and its TTL with it.
redis.call('ZADD', KEYS[5], now + CAPTURE_TTL_S * 1000, member)
redis.call('EXPIRE', KEYS[5], SEALED_TTL_S)
redis.call('ZREM', KEYS[5], sealed)
return 'asked'
