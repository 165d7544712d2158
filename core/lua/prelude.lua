-- What the scripts of the listener share. KEYS, the same for all of them:
--   1 capture  2 chunks  3 tombstone  4 due  5 held   of the open capture (see keys.py)
--   6 capture  7 chunks                               of the sealed one it becomes
--   8 capture  9 chunks                               of the sealed one that makes way for it
-- ARGV begins with: 1 now (ms)  2 open member  3 sealed member
-- The constants in capitals are set from the settings when the scripts are loaded.
local now, member, sealed_member = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- Begin an open capture; false where the device or the shard holds too many.
local function open(failed_before)
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
  if redis.call('ZCARD', KEYS[5]) >= MAX_PER_DEVICE or redis.call('ZCARD', KEYS[4]) >= MAX_PER_SHARD then
    return false
  end
  redis.call('ZADD', KEYS[5], now + CAPTURE_TTL_S * 1000, member)
  redis.call('EXPIRE', KEYS[5], SEALED_TTL_S)
  redis.call('HSET', KEYS[1], 'first_at', now, 'last_at', now)
  redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
  redis.call('EXPIRE', KEYS[4], SEALED_TTL_S)
  if failed_before then redis.call('HSET', KEYS[1], 'again', 1) end
  return true
end

-- Take up a capture again that had timed out: its chunks are still here.
local function revive()
  redis.call('HDEL', KEYS[1], 'state', 'nacks', 'nacked_at', 'announced')
  redis.call('HSET', KEYS[1], 'last_at', now)
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
end

-- Move the open capture to sealed keys, where the sweep looks at it from `due` (ms) on.
local function move(capture, chunks, sealed, due)
  redis.call('RENAME', KEYS[1], capture)
  redis.call('EXPIRE', capture, SEALED_TTL_S)
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], chunks)
    redis.call('EXPIRE', chunks, SEALED_TTL_S)
  end
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZADD', KEYS[4], due, sealed)
  redis.call('ZREM', KEYS[5], member)
  redis.call('ZADD', KEYS[5], now + SEALED_TTL_S * 1000, sealed)
end

-- The capture is complete: nothing can change it any more, and a worker may take it.
local function seal()
  local identity = redis.call('HMGET', KEYS[1], 'captured', 'image_bytes', 'total')
  redis.call('HSET', KEYS[1], 'sealed_at', now)
  move(KEYS[6], KEYS[7], sealed_member, now + REQUEUE_MS)
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'state', 'sealed', 'seal', sealed_member,
    'captured', identity[1] or '', 'image_bytes', identity[2] or '', 'total', identity[3] or '')
  redis.call('EXPIRE', KEYS[3], SEALED_TTL_S)
end

-- The device sends again what is finished: it missed its ACK. Once per silence it gets the same one again.
local function acknowledge_again()
  local last = redis.call('HMGET', KEYS[3], 'acked_at', 'ack')
  if now - tonumber(last[1]) < RETRANSMIT_DELAY_MS then return {'late'} end
  redis.call('HSET', KEYS[3], 'acked_at', now)
  return {'stored', last[2]}
end
