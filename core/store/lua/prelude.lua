-- Code that the scripts of the listener share. They all have the same KEYS:
--   1 capture  2 chunks  3 tombstone  4 due  5 held   of the open capture (see keys.py)
--   6 capture  7 chunks                               of the sealed capture that it becomes
--   8 capture  9 chunks                               of the sealed capture that it supersedes
--   and, as the last key, the set of the sealed captures that wait to be stored
-- ARGV begins with: 1 now (ms)  2 open member  3 sealed member
-- The constants in capitals are set from the settings when the scripts are loaded.
local now, member, sealed_member = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local waiting = KEYS[#KEYS]

-- The answer for one operation: {status, out_of_range, superseded}
--   status        waiting (chunks or metadata are missing), complete (sealed now), late (a repeat),
--                 stored (stored earlier: send the ACK again), refused (too many captures in flight),
--                 too_large, or ignored (metadata that says too little to begin a capture)
--   out_of_range  number of chunks left out because their id is beyond the total
--   superseded    1 if this image superseded another one of this name, else 0
local function arrival(status, out_of_range, superseded)
  return {status, out_of_range or 0, superseded or 0}
end

-- Begin an open capture; return false if the device or the shard holds too many.
local function open(failed_before)
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
  local in_shard = redis.call('ZCARD', KEYS[4]) + redis.call('ZCARD', waiting)
  if redis.call('ZCARD', KEYS[5]) >= MAX_PER_DEVICE or in_shard >= MAX_PER_SHARD then return false end
  redis.call('ZADD', KEYS[5], now + CAPTURE_TTL_S * 1000, member)
  redis.call('EXPIRE', KEYS[5], SEALED_TTL_S)
  redis.call('HSET', KEYS[1], 'first_at', now, 'last_at', now)
  redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
  redis.call('EXPIRE', KEYS[4], SEALED_TTL_S)
  if failed_before then redis.call('HSET', KEYS[1], 'again', 1) end
  local damaged = redis.call('HGET', KEYS[3], 'damaged_sha256')
  if damaged then redis.call('HSET', KEYS[1], 'damaged_sha256', damaged) end
  return true
end

-- A timed-out capture arrives again; its chunks are still here.
local function revive()
  redis.call('HDEL', KEYS[1], 'state', 'nacks', 'nacked_at', 'announced')
  redis.call('HSET', KEYS[1], 'last_at', now)
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
end

-- Rename the open capture to its sealed keys. The listener enqueues it now; the sweep checks that later.
local function move(capture, chunks, sealed)
  redis.call('RENAME', KEYS[1], capture)
  redis.call('HSET', capture, 'queued_at', now)
  redis.call('EXPIRE', capture, SEALED_TTL_S)
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], chunks)
    redis.call('EXPIRE', chunks, SEALED_TTL_S)
  end
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZADD', waiting, now + REQUEUE_MS, sealed)
  redis.call('EXPIRE', waiting, SEALED_TTL_S)
  -- Add before removing: Redis deletes a set that becomes empty, and its TTL with it.
  redis.call('ZADD', KEYS[5], now + SEALED_TTL_S * 1000, sealed)
  redis.call('ZREM', KEYS[5], member)
end

-- Seal the complete capture: nothing can change it any more, and a worker may claim it.
local function seal()
  local identity = redis.call('HMGET', KEYS[1], 'captured', 'image_bytes', 'total')
  redis.call('HSET', KEYS[1], 'sealed_at', now)
  move(KEYS[6], KEYS[7], sealed_member)
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'state', 'sealed', 'seal', sealed_member,
    'captured', identity[1] or '', 'image_bytes', identity[2] or '', 'total', identity[3] or '')
  redis.call('EXPIRE', KEYS[3], SEALED_TTL_S)
end

-- Whether the chunks in ARGV (from 4 on: id, bytes, …) have the same last bytes as the chunks of the finished
-- image of this name.
local function of_the_finished_image()
  local ends = redis.call('HGET', KEYS[3], 'ends') or ''
  for i = 4, #ARGV, 2 do
    local at = ARGV[i] * END_BYTES
    local known = ends:sub(at + 1, at + END_BYTES)
    if known == '' or known ~= (('\0'):rep(END_BYTES) .. ARGV[i + 1]):sub(-END_BYTES) then return false end
  end
  return true
end

-- Chunks of a finished image come again. They carry no capture time, and a wrong ACK would make the device
-- delete a newer image of that name. So the sweep sends the ACK again only after the chunks have stopped
-- and no metadata has announced a newer image.
local function note_repeat()
  if now - tonumber(redis.call('HGET', KEYS[3], 'acked_at')) < RETRANSMIT_DELAY_MS then return end
  redis.call('HSET', KEYS[3], 'seen_at', now)
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
end

-- The device sends a finished image again, so it missed its ACK. It gets the same ACK again, at most once per
-- RETRANSMIT_DELAY_MS.
local function acknowledge_again()
  local acked_at = redis.call('HGET', KEYS[3], 'acked_at')
  if now - tonumber(acked_at) < RETRANSMIT_DELAY_MS then return arrival('late') end
  redis.call('HDEL', KEYS[3], 'seen_at')
  redis.call('HSET', KEYS[3], 'acked_at', now)
  return arrival('stored')
end
