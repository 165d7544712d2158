-- Reserve the plain name of an object for one capture; the first one that asks gets it.
-- KEYS: 1 place. ARGV: 1 suffix of the capture  2 how long the reservation stays (s)
-- Returns 1 if this capture has the name, 0 if another one has it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
