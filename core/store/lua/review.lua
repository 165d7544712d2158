-- Decide what a due capture needs now, and when to look again. Comes after story.lua and abandon.lua.
-- KEYS: 1 capture  2 chunks  3 tombstone  4 due  5 held  6 abandoned  8 report
-- ARGV: 1 now (ms)  2 member
--       3 heard until (ms): the listeners have heard everything sent until then; '' if no listener is alive
--       4 whether Redis is full, and what is silent must make room (1/0)
--       5 until when chunks were turned away (ms): nobody was silent before
-- Returns {action, announce, missing}:
--   action    gone, wait, timed_out, nack or acknowledge
--   announce  1 if its `assembling` row is wanted, else 0
--   missing   the chunk ids to ask for, at most NACK_AT_MOST; empty unless the action is nack
local now, member, heard = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local known = redis.call('HMGET', KEYS[1], 'first_at', 'last_at', 'nacked_at', 'nacks', 'total', 'state',
  'announced', 'again', 'captured')
-- Another sweep has looked at it since this one has read what is due.
local at = redis.call('ZSCORE', KEYS[4], member)
if not at then return {'gone', 0, {}} end
if tonumber(at) > now then return {'wait', 0, {}} end
local function look_again(at) redis.call('ZADD', KEYS[4], math.max(at, now + 250), member) end

if not known[1] then
  for _, tombstone in ipairs({KEYS[3], KEYS[8]}) do
    local asked_at = redis.call('HGET', tombstone, 'asked_at')
    if asked_at then
      if not heard or heard - asked_at < RETRANSMIT_DELAY_MS then
        look_again(asked_at + RETRANSMIT_DELAY_MS)
        return {'wait', 0, {}}
      end
      redis.call('HDEL', tombstone, 'asked_at', 'seen')
      redis.call('HSET', tombstone, 'acked_at', now)
      redis.call('ZREM', KEYS[4], member)
      redis.call('ZREM', KEYS[5], member)
      return {'acknowledge', 0, {}}
    end
  end
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return {'gone', 0, {}}
end
if known[6] == 'let_go' then
  abandon(now, member)
  return {'gone', 0, {}}
end
if known[6] == 'timed_out' then
  look_again(now + MAX_REQUEUE_MS)
  return {'timed_out', 0, {}}
end

-- The ids of chunks for the story: the first RANGES ranges, as `5+12-23`.
local function ranges(ids)
  local found, from = {}, nil
  for i, id in ipairs(ids) do
    from = from or id
    if ids[i + 1] ~= id + 1 then
      if #found == RANGES then
        found[#found + 1] = 'more'
        break
      end
      found[#found + 1] = from == id and tostring(id) or from .. '-' .. id
      from = nil
    end
  end
  return table.concat(found, '+')
end

-- So far only a repeat of metadata has come, perhaps of an image that is known already.
local repeated = known[8] and (not known[5] or redis.call('EXISTS', KEYS[2]) == 0)
local announce = 0
-- The capture time is part of the row's key, and it may come later than the number of chunks.
if known[5] and known[9] and not known[7] and not repeated then
  redis.call('HSET', KEYS[1], 'announced', 1)
  announce = 1
end
local last, total, nacks = tonumber(known[2]), tonumber(known[5]), tonumber(known[4] or 0)
local make_room = ARGV[4] == '1' and now - last >= CAPTURE_TIMEOUT_MS
last = math.max(last, tonumber(ARGV[5]))
local quiet_since = math.max(last, tonumber(known[3] or 0))
if not make_room and (not heard or heard - quiet_since < RETRANSMIT_DELAY_MS) then
  look_again(quiet_since + RETRANSMIT_DELAY_MS)
  return {'wait', announce, {}}
end
local silent = make_room or heard - quiet_since >= CAPTURE_TIMEOUT_MS

-- A large image is asked for in portions, so one more NACK for each, while the device answers them.
local answers = known[3] and last > tonumber(known[3])
local at_most = RETRANSMIT_MAX + (answers and math.floor((total or 0) / NACK_AT_MOST) or 0)
local may_ask = total and nacks < at_most and not make_room
if repeated then
  -- A device whose image failed has not sent it anew, one that was sent its ACK may have heard it. But where an
  -- ACK was withheld, only its chunks tell which image the device has.
  local finished = redis.call('HMGET', KEYS[3], 'state', 'acked_at')
  if finished[1] == 'sealed' and not silent then
    look_again(now + RETRANSMIT_DELAY_MS)
    return {'wait', 0, {}}
  end
  may_ask = may_ask and finished[1] == 'stored' and not finished[2]
end
-- However long nobody could be heard: a device is asked before its image is given up, since it waits for that.
if not may_ask then
  if not silent then
    look_again(quiet_since + CAPTURE_TIMEOUT_MS)
    return {'wait', announce, {}}
  end
  if repeated then
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('ZREM', KEYS[4], member)
    redis.call('ZREM', KEYS[5], member)
    return {'gone', 0, {}}
  end
  redis.call('HSET', KEYS[1], 'state', 'timed_out')
  tell(KEYS[1], known[1], now, 'timed_out')
  look_again(now + MAX_REQUEUE_MS)
  return {'timed_out', announce, {}}
end
redis.call('HSET', KEYS[1], 'nacks', nacks + 1, 'nacked_at', now)
look_again(now + RETRANSMIT_DELAY_MS)
local missing = {}
for id = 0, total - 1 do
  if redis.call('HEXISTS', KEYS[2], id) == 0 then missing[#missing + 1] = id end
  if #missing == NACK_AT_MOST then break end
end
tell(KEYS[1], known[1], now, string.format('asked,%d,%d,%s', #missing, total - redis.call('HLEN', KEYS[2]), ranges(missing)))
return {'nack', announce, missing}
