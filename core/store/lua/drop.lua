-- Make room: delete a timed-out capture and its chunks.
-- Its row is written, and its device still has the image.
-- KEYS: 1 capture  2 chunks  6 abandoned. ARGV: 1 member. Returns nothing.
redis.call('ZREM', KEYS[6], ARGV[1])
if redis.call('HGET', KEYS[1], 'state') == 'timed_out' then redis.call('DEL', KEYS[1], KEYS[2]) end
