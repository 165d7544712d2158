-- Store a report: metadata with an error, which is complete by itself. It ends no image that arrives under its
-- name, and has a tombstone of its own. KEYS and ARGV 1–3 as in prelude.lua;
-- KEYS: 8 report (the tombstone). ARGV: 4 error  5 captured, '' if unknown; then field, value, …
-- Returns the answer of `arrival` in prelude.lua; status is complete, late, stored or refused.
local last = redis.call('HMGET', KEYS[8], 'state', 'error', 'captured')
local another_time = last[3] and last[3] ~= '' and ARGV[5] ~= '' and last[3] ~= ARGV[5]
if last[2] == ARGV[4] and not another_time then
  if last[1] == 'sealed' then return arrival('late') end
  -- Nothing on the device depends on this report, so a missing capture time does no harm here.
  if last[1] == 'stored' then return arrival(acknowledge_again(KEYS[8])) end
end

-- Whether there is an image, by its hash or tombstone, that this report may be about.
local function beside(image)
  local captured = redis.call('HGET', image, 'captured')
  return redis.call('EXISTS', image) == 1 and compare({captured}, {ARGV[5]}) ~= 'different'
end

if not take_place(sealed_member, SEALED_TTL_S) then return arrival('refused') end
redis.call('HSET', KEYS[6], 'first_at', now, 'last_at', now)
if beside(KEYS[1]) or beside(KEYS[3]) then redis.call('HSET', KEYS[6], 'beside', 1) end
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[6], ARGV[i], ARGV[i + 1]) end
wait(KEYS[6], sealed_member)
begun = 1
redis.call('DEL', KEYS[8])
redis.call('HSET', KEYS[8], 'state', 'sealed', 'seal', sealed_member, 'error', ARGV[4], 'captured', ARGV[5])
redis.call('EXPIRE', KEYS[8], SEALED_TTL_S)
return arrival('complete')
