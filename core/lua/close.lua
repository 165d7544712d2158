-- End a capture: its chunks go, its tombstone stays. KEYS: 1 capture  2 chunks  3 tombstone  4 due  5 held.
-- ARGV: 1 now  2 member  3 state (stored or failed)  4 ACK sent, '' for none  5 how long the tombstone stays (s)
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[5], ARGV[2])
if redis.call('HGET', KEYS[3], 'seal') == ARGV[2] then
  redis.call('HSET', KEYS[3], 'state', ARGV[3], 'ack', ARGV[4], 'acked_at', ARGV[1])
  redis.call('EXPIRE', KEYS[3], ARGV[5])
end
