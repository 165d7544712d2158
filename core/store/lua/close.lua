-- End a capture: delete its chunks and keep its tombstone. The tombstone of a stored capture keeps the last
-- END_BYTES of each chunk, to recognise chunks that come again.
-- KEYS: 1 capture  2 chunks  3 tombstone  5 held  7 waiting
-- ARGV: 1 now (ms)  2 member  3 state (stored or failed)  4 how long the tombstone stays (s)
-- Returns nothing.
local ends = {}
if ARGV[3] == 'stored' then
  local chunks = redis.call('HGETALL', KEYS[2])
  for i = 1, #chunks, 2 do
    ends[tonumber(chunks[i]) + 1] = (('\0'):rep(END_BYTES) .. chunks[i + 1]):sub(-END_BYTES)
  end
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('ZREM', KEYS[7], ARGV[2])
if redis.call('HGET', KEYS[3], 'seal') == ARGV[2] then
  redis.call('HSET', KEYS[3], 'state', ARGV[3], 'acked_at', ARGV[1])
  if ends[1] then redis.call('HSET', KEYS[3], 'ends', table.concat(ends)) end
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
