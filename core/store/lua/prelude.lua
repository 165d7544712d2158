-- Code that the scripts of the listener share; it comes after story.lua and identity.lua. They all have the same KEYS:
--   1 capture  2 chunks  3 tombstone  4 due  5 held   of the open capture (see keys.py)
--   6 capture  7 chunks                               of the sealed capture that it becomes
--   and, as the last key, the set of the sealed captures that wait to be stored
-- ARGV begins with: 1 now (ms)  2 open member  3 sealed member
-- The constants in capitals are set from the settings when the scripts are loaded.
local now, member, sealed_member = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local waiting = KEYS[#KEYS]

-- Whether this operation has begun a capture or a report (1/0); `open` and put_report.lua set it.
local begun = 0

-- The answer for one operation: {status, out_of_range, superseded, begun}
--   status        waiting (chunks or metadata are missing), complete (sealed now), late (a repeat),
--                 stored (stored earlier: send the ACK again), refused (too much in flight),
--                 too_large, or ignored (metadata that says too little to begin a capture)
--   out_of_range  number of chunks left out because their id is beyond the total
--   superseded    1 if this image superseded another one of this name, else 0
local function arrival(status, out_of_range, superseded)
  return {status, out_of_range or 0, superseded or 0, begun}
end

-- Count the places that the device has taken; those whose time is over are free.
local function places()
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
  return redis.call('ZCARD', KEYS[5])
end

-- Let the sweep look at the open capture after the next silence.
local function look()
  redis.call('ZADD', KEYS[4], now + RETRANSMIT_DELAY_MS, member)
  redis.call('EXPIRE', KEYS[4], SEALED_TTL_S)
end

local function has_place(capture)
  places()
  return redis.call('ZSCORE', KEYS[5], capture)
end

-- Let a capture have a place among those in flight for `seconds`, or for longer if it had.
local function hold(capture, seconds)
  redis.call('ZADD', KEYS[5], 'GT', now + seconds * 1000, capture)
  redis.call('EXPIRE', KEYS[5], SEALED_TTL_S)
end

-- Take a place for `seconds`, or keep the one that the capture has; return false if device or shard have none left.
-- Whatever is to be in flight comes by here, or inherits the place of what it was before.
local function take_place(capture, seconds)
  if not has_place(capture) then
    local in_shard = redis.call('ZCARD', KEYS[4]) + redis.call('ZCARD', waiting)
    if places() >= MAX_PER_DEVICE or in_shard >= MAX_PER_SHARD then return false end
  end
  hold(capture, seconds)
  return true
end

-- Leave the place of the open capture to others; the sweep need not look at it any more.
local function leave_place()
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
end

-- Let a sealed capture wait for a worker. The listener enqueues it now; the sweep checks that later.
local function wait(capture, sealed)
  redis.call('HSET', capture, 'queued_at', now)
  redis.call('EXPIRE', capture, SEALED_TTL_S)
  redis.call('ZADD', waiting, now + REQUEUE_MS, sealed)
  redis.call('EXPIRE', waiting, SEALED_TTL_S)
end

-- Begin an open capture; return false if there is no place. `again` says that it may be the image of the
-- tombstone once more.
local function open(again)
  if redis.call('EXISTS', KEYS[3]) == 1 then
    -- From now on the device may have another image of that name, whatever becomes of this capture, and also if
    -- it is refused. Only bytes can prove that the device still has the one of the tombstone.
    redis.call('HSET', KEYS[3], 'doubted', 1)
    redis.call('HDEL', KEYS[3], 'asked_at', 'seen')
  end
  if not take_place(member, CAPTURE_TTL_S) then return false end
  redis.call('HSET', KEYS[1], 'first_at', now, 'last_at', now)
  redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
  look()
  begun = 1
  if again then redis.call('HSET', KEYS[1], 'again', 1) end
  local damaged = redis.call('HGET', KEYS[3], 'damaged_sha256')
  if damaged then redis.call('HSET', KEYS[1], 'damaged_sha256', damaged) end
  return true
end

-- Whether an open capture of this state rests, and must be revived before it goes on.
local function rests(state) return state == 'timed_out' or state == 'let_go' end

-- Let a capture that rests arrive again, with what is still here of it; return false if there is no place.
local function revive()
  if not take_place(member, CAPTURE_TTL_S) then return false end
  if now - redis.call('HGET', KEYS[1], 'last_at') >= CAPTURE_TIMEOUT_MS then
    -- The device offers it anew. Before that, its chunks are the rest of what was on its way, and it is asked for
    -- them no more often than for any others.
    redis.call('HDEL', KEYS[1], 'nacks', 'announced')
    redis.call('HSET', KEYS[1], 'revived', 1)
  end
  tell(KEYS[1], redis.call('HGET', KEYS[1], 'first_at'), now, 'resumed')
  -- Without its last id, the time in which it rested is no gap of its story.
  redis.call('HDEL', KEYS[1], 'state', 'last_id')
  redis.call('HSET', KEYS[1], 'last_at', now)
  look()
  return true
end

-- Let the open capture go, whose chunks are too many for what the device has in flight: they are dropped and its
-- place is free, but its description stays, so it may come when there is room.
local function let_go()
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'state', 'let_go', 'bytes', 0, 'last_at', now)
  redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
  redis.call('ZREM', KEYS[5], member)
  look()
end

-- Forget the open capture and its chunks.
local function forget()
  redis.call('DEL', KEYS[1], KEYS[2])
  leave_place()
end

-- Rename the open capture to its sealed keys; it keeps its place.
local function move(capture, chunks, sealed)
  redis.call('RENAME', KEYS[1], capture)
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('RENAME', KEYS[2], chunks)
    redis.call('EXPIRE', chunks, SEALED_TTL_S)
  end
  -- Add before removing: Redis deletes a set that becomes empty, and its TTL with it.
  wait(capture, sealed)
  hold(sealed, SEALED_TTL_S)
  leave_place()
end

-- The device wants an ACK. The sweep sends it when the device has been silent for a while, since what follows
-- may still tell of a newer image. It takes a place among those in flight; a device that has none left asks later.
local function ask(tombstone)
  if not take_place(member, CAPTURE_TIMEOUT_MS / 1000) then return end
  redis.call('HSET', tombstone, 'asked_at', now)
  look()
end

-- The device sends again what is stored, so it missed its ACK. It gets the ACK again: at once, or, within
-- RETRANSMIT_DELAY_MS of the last one, when it has been silent for as long.
local function acknowledge_again(tombstone)
  local acked_at = tonumber(redis.call('HGET', tombstone, 'acked_at') or 0)
  if now - acked_at < RETRANSMIT_DELAY_MS then
    ask(tombstone)
    return 'late'
  end
  redis.call('HDEL', tombstone, 'asked_at', 'seen')
  redis.call('HSET', tombstone, 'acked_at', now)
  return 'stored'
end

-- The last bytes of a chunk, by which it is recognised when it comes again.
local function ending(data)
  return (('\0'):rep(END_BYTES) .. data):sub(-END_BYTES)
end

-- Whether the tombstone's image has a chunk of this id that ends in the same bytes; `ends` is its field.
local function has_chunk(ends, id, data)
  return ends:sub(id * END_BYTES + 1, (id + 1) * END_BYTES) == ending(data)
end

-- The open capture has all its chunks. Seal it, so that nothing can change it any more and a worker may claim
-- it; but if it is the image of the tombstone once more, forget it. Returns the status for `arrival`.
local function seal()
  local chunks, ends, bytes = redis.call('HGETALL', KEYS[2]), {}, 0
  for i = 1, #chunks, 2 do
    ends[tonumber(chunks[i]) + 1] = ending(chunks[i + 1])
    bytes = bytes + #chunks[i + 1]
  end
  ends = table.concat(ends)
  local identity = redis.call('HMGET', KEYS[1], unpack(IDENTITY))
  local finished = redis.call('HMGET', KEYS[3], unpack(IDENTITY))
  local before = redis.call('HMGET', KEYS[3], 'state', 'ends')
  if (before[1] == 'sealed' or before[1] == 'stored') and before[2] == ends
    and compare(finished, identity) ~= 'different' then
    forget()
    redis.call('HDEL', KEYS[3], 'doubted')
    return before[1] == 'stored' and acknowledge_again(KEYS[3]) or 'late'
  end
  move(KEYS[6], KEYS[7], sealed_member)
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'state', 'sealed', 'seal', sealed_member, 'ends', ends,
    'captured', identity[1] or '', 'image_sha256', identity[2] or '',
    'image_bytes', identity[3] or bytes, 'total', identity[4])
  redis.call('EXPIRE', KEYS[3], SEALED_TTL_S)
  return 'complete'
end
