-- Choose the sealed captures that need a message, and note that they are enqueued now.
-- A capture needs none while a worker owns it, before its next try, or while its last message may still wait:
-- the queue is first in, first out, so that message waits unless all that wait were sent later. The margin
-- covers the time from the note to the sending, and from a worker's taking a message to its claim.
-- KEYS: 1 waiting, then a capture each
-- ARGV: 1 now (ms)  2 when the oldest waiting message was sent (ms), '' if none waits, then a member each
-- Returns the members to enqueue.
local now, oldest = tonumber(ARGV[1]), tonumber(ARGV[2])
local enqueued = {}
for i = 2, #KEYS do
  local member = ARGV[i + 1]
  local known = redis.call('HMGET', KEYS[i], 'first_at', 'lease_until', 'retry_at', 'queued_at')
  local busy_until = math.max(tonumber(known[2] or 0), tonumber(known[3] or 0))
  local queued = tonumber(known[4])
  if not known[1] then
    redis.call('ZREM', KEYS[1], member)
  elseif busy_until > now then
    redis.call('ZADD', KEYS[1], busy_until, member)
  elseif queued and (now < queued + REQUEUE_MS or oldest and oldest <= queued + QUEUE_MARGIN_MS) then
    local waits = math.min(math.max(now - queued, REQUEUE_MS), MAX_REQUEUE_MS)
    redis.call('ZADD', KEYS[1], now + waits, member)
  else
    redis.call('HSET', KEYS[i], 'queued_at', now)
    redis.call('ZADD', KEYS[1], now + REQUEUE_MS, member)
    enqueued[#enqueued + 1] = member
  end
end
return enqueued
