-- Store the metadata of an image; the first valid value of a field stays. KEYS and ARGV 1–3 as in prelude.lua;
-- KEYS: 8 capture  9 chunks   of the sealed capture that this image supersedes
-- ARGV: 4 member of the superseded capture
--       5 captured  6 SHA-256  7 image bytes  8 total chunks, each '' if unknown; then field, value, …
-- Returns the answer of `arrival` in prelude.lua; status is waiting, complete, late, stored, refused or
-- ignored.
--
-- The metadata is compared with the tombstone (T) and with the open capture (O), as `compare` in prelude.lua
-- does. An open capture is stale if its last chunk came CAPTURE_TIMEOUT_MS ago or earlier. A tombstone is in
-- doubt if another capture was opened under its name. The first line that fits counts:
--
--   tombstone         T              open capture, O                   then
--   sealed, stored    same           there, O not same, not stale      late: an old message, much delayed
--   sealed            same           none, no doubt                    late: its end will bring the ACK
--   stored            same           none, no doubt                    ACK again
--   any or none       any            O different                       supersedes it and begins
--   any or none       any            O unknown, stale                  supersedes it and begins
--   any or none       any            O same or unknown                 joins it
--   any               not different  none                              begins, perhaps the same image again
--   any or none       different      none                              begins
--
-- Only metadata with a number of chunks begins a capture. Without one, an open capture is never stale; where
-- it would begin a capture, it is ignored.
local begins, said = ARGV[8] ~= '', {ARGV[5], ARGV[6], ARGV[7], ARGV[8]}
local tombstone = redis.call('HMGET', KEYS[3], 'state', 'doubted')
local of_tombstone = tombstone[1] and compare(redis.call('HMGET', KEYS[3], unpack(IDENTITY)), said)
local known = redis.call('HMGET', KEYS[1], unpack(IDENTITY))
local progress = redis.call('HMGET', KEYS[1], 'last_at', 'state')
local is_open = progress[1]
local of_open = is_open and compare(known, said)
local stale = is_open and begins and now - tonumber(progress[1]) >= CAPTURE_TIMEOUT_MS

if of_tombstone == 'same' and tombstone[1] ~= 'failed' then
  if is_open and of_open ~= 'same' and not stale then return arrival('late') end
  if not is_open and not tombstone[2] then
    return arrival(tombstone[1] == 'stored' and acknowledge_again(KEYS[3]) or 'late')
  end
end
if not begins and (not is_open or of_open == 'different') then return arrival('ignored') end

local superseded = 0
if of_open == 'different' or (of_open == 'unknown' and stale) then
  if has_place(member) then
    redis.call('HSET', KEYS[1], 'state', 'superseded')
    move(KEYS[8], KEYS[9], ARGV[4])
    superseded = 1
  else
    -- It has ended before, as timed out or let go, and takes no place to end once more.
    forget()
  end
  is_open = false
end
if not is_open then
  if not open(of_tombstone and of_tombstone ~= 'different') then return arrival('refused', 0, superseded) end
elseif begins and rests(progress[2]) and not revive() then
  return arrival('refused')
end

if begins then redis.call('HSETNX', KEYS[1], 'described_at', now) end
for i = 9, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
local total = tonumber(redis.call('HGET', KEYS[1], 'total'))
if total and not known[4] then
  for _, id in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tonumber(id) >= total then redis.call('HDEL', KEYS[2], id) end
  end
end
if total and redis.call('HLEN', KEYS[2]) == total then return arrival(seal(), 0, superseded) end
return arrival('waiting', 0, superseded)
