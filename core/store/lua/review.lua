-- Decide what a due capture needs now, and when to look again.
-- KEYS: 1 capture  2 chunks  3 tombstone  4 due  5 held
-- ARGV: 1 now (ms)  2 member
--       3 heard until (ms): the listeners have heard everything sent until then; '' if no listener is alive
--       4 whether Redis is so full that the listeners take no messages (1/0)
-- Returns {action, announce, missing}:
--   action    gone, wait, timed_out, nack or acknowledge
--   announce  1 if its `assembling` row is wanted, else 0
--   missing   the chunk ids to ask for; empty unless the action is nack
local now, member, heard = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local known = redis.call('HMGET', KEYS[1], 'first_at', 'last_at', 'nacked_at', 'nacks', 'total', 'state',
  'announced', 'again', 'captured')
-- Another sweep has looked at it since this one has read what is due.
local at = redis.call('ZSCORE', KEYS[4], member)
if not at then return {'gone', 0, {}} end
if tonumber(at) > now then return {'wait', 0, {}} end
local function look_again(at) redis.call('ZADD', KEYS[4], math.max(at, now + 250), member) end

if not known[1] then
  local finished = redis.call('HMGET', KEYS[3], 'state', 'seen_at')
  if finished[1] == 'stored' and finished[2] then
    if not heard or heard - finished[2] < RETRANSMIT_DELAY_MS then
      look_again(finished[2] + RETRANSMIT_DELAY_MS)
      return {'wait', 0, {}}
    end
    redis.call('HDEL', KEYS[3], 'seen_at')
    redis.call('HSET', KEYS[3], 'acked_at', now)
    redis.call('ZREM', KEYS[4], member)
    return {'acknowledge', 0, {}}
  end
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return {'gone', 0, {}}
end
if known[6] == 'timed_out' then
  look_again(now + MAX_REQUEUE_MS)
  return {'timed_out', 0, {}}
end

local announce = 0
-- The capture time is part of the row's key, and it may come later than the number of chunks.
if known[5] and known[9] and not known[7] then
  redis.call('HSET', KEYS[1], 'announced', 1)
  announce = 1
end
local last, total, nacks = tonumber(known[2]), tonumber(known[5]), tonumber(known[4] or 0)
local quiet_since = math.max(last, tonumber(known[3] or 0))
-- While the listeners take no messages, `heard` stands still; then a long silence counts without it.
if ARGV[4] == '1' and now - last >= CAPTURE_TIMEOUT_MS then heard = now end
if not heard or heard - quiet_since < RETRANSMIT_DELAY_MS then
  look_again(quiet_since + RETRANSMIT_DELAY_MS)
  return {'wait', announce, {}}
end
local leftover = known[8] and (not total or redis.call('EXISTS', KEYS[2]) == 0)
if heard - last >= CAPTURE_TIMEOUT_MS then
  if leftover then
    -- Only late repeats of a failed capture arrived: the device has not sent the image anew.
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('ZREM', KEYS[4], member)
    redis.call('ZREM', KEYS[5], member)
    return {'gone', 0, {}}
  end
  redis.call('HSET', KEYS[1], 'state', 'timed_out')
  look_again(now + MAX_REQUEUE_MS)
  return {'timed_out', announce, {}}
end
if not total or nacks >= RETRANSMIT_MAX or leftover then
  look_again(last + CAPTURE_TIMEOUT_MS)
  return {'wait', announce, {}}
end
redis.call('HSET', KEYS[1], 'nacks', nacks + 1, 'nacked_at', now)
look_again(now + RETRANSMIT_DELAY_MS)
local missing = {}
for id = 0, total - 1 do
  if redis.call('HEXISTS', KEYS[2], id) == 0 then missing[#missing + 1] = id end
end
return {'nack', announce, missing}
