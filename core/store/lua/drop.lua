-- Make room: delete a capture that has timed out, was let go or has failed, and its chunks.
-- Its device still has the image.
-- KEYS: 1 capture  2 chunks  6 abandoned  9 failed. ARGV: 1 member. Returns nothing.
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZREM', KEYS[9], ARGV[1])
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'timed_out' or state == 'let_go' or state == 'failed' then redis.call('DEL', KEYS[1], KEYS[2]) end
