-- Decide whether an ACK may be sent now. It carries only the name of an image, and the device deletes whatever
-- it holds under that name: so none is sent while another image of that name is arriving, waits or has failed.
-- KEYS: 1 open capture  3 tombstone  8 report
-- ARGV: 1 member of the sealed image or report that is now recorded; '' to repeat the ACK of whatever is
-- Returns 1 if the ACK may be sent, else 0.
local image = redis.call('HMGET', KEYS[3], 'state', 'seal', 'doubted')
local report = redis.call('HMGET', KEYS[8], 'state', 'seal')
if image[3] or redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if image[2] == ARGV[1] then return 1 end
if image[1] and image[1] ~= 'stored' then return 0 end
if report[2] == ARGV[1] then return 1 end
return ARGV[1] == '' and (image[1] == 'stored' or report[1] == 'stored') and 1 or 0
