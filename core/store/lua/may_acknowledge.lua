-- Decide whether an ACK may be sent now. It carries only the name of an image, and the device deletes whatever
-- it holds under that name: so none is sent while another image of that name is arriving, waits or has failed.
-- Comes after acked.lua.
-- KEYS: 1 open capture  3 tombstone  8 report  10 acked
-- ARGV: 1 member of the sealed image or report that is now recorded; '' to repeat the ACK of whatever is, which is noted
--       2 now (ms)
-- Returns 1 if the ACK may be sent, else 0.
local image = redis.call('HMGET', KEYS[3], 'state', 'seal', 'doubted')
local report = redis.call('HMGET', KEYS[8], 'state', 'seal')
if image[3] or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if image[2] == ARGV[1] then return 1 end
if image[1] and image[1] ~= 'stored' then return 0 end
if report[2] == ARGV[1] then return 1 end
local stored = image[1] == 'stored' and KEYS[3] or report[1] == 'stored' and KEYS[8]
if ARGV[1] ~= '' or not stored then return 0 end
local row = redis.call('HGET', stored, 'capture_id')
if row then note_ack(stored, row, ARGV[2]) end
return 1
