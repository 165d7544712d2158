-- Store chunks of one capture. KEYS and ARGV 1–3 as in prelude.lua;
-- ARGV: from 4 on: chunk id, bytes, chunk id, bytes, …
-- Returns the answer of `arrival` in prelude.lua; status is waiting, complete, late, stored, refused or
-- too_large.
local tombstone = redis.call('HMGET', KEYS[3], 'state', 'ends', 'seen')
local ends = (tombstone[1] == 'sealed' or tombstone[1] == 'stored') and tombstone[2] or ''

-- Whether all chunks in ARGV are of the tombstone's image, as far as their ends tell.
local function of_the_tombstone()
  for i = 4, #ARGV, 2 do
    if not has_chunk(ends, ARGV[i], ARGV[i + 1]) then return false end
  end
  return true
end

-- Note which chunks of a stored image came again. A newer image may have some chunks of the same bytes, so only
-- all of them show that the device still has this one.
local function note_repeats()
  local seen = tombstone[3] or ('0'):rep(#ends / END_BYTES)
  for i = 4, #ARGV, 2 do seen = seen:sub(1, ARGV[i]) .. '1' .. seen:sub(ARGV[i] + 2) end
  redis.call('HSET', KEYS[3], 'seen', seen)
  if not seen:find('0', 1, true) then
    redis.call('HDEL', KEYS[3], 'doubted')
    ask(KEYS[3])
  end
end

-- Note a pause in which no chunk came: `ms since first_at,its ms,id of the chunk before it,id after it;`. The longest
-- GAPS stay.
local function note_gap(first_at, last_at, after)
  local gaps, shortest, before = {}, nil, redis.call('HGET', KEYS[1], 'last_id')
  if not before then return end -- it has rested, or it began under the version before
  for gap, length in (redis.call('HGET', KEYS[1], 'gaps') or ''):gmatch('(%d+,(%d+),[^;]*;)') do
    gaps[#gaps + 1] = gap
    if not shortest or tonumber(length) < tonumber(shortest.length) then shortest = {at = #gaps, length = length} end
  end
  if #gaps == GAPS then
    if tonumber(shortest.length) >= now - last_at then return end
    table.remove(gaps, shortest.at)
  end
  gaps[#gaps + 1] = string.format('%d,%d,%s,%s;', last_at - first_at, now - last_at, before, after)
  redis.call('HSET', KEYS[1], 'gaps', table.concat(gaps))
end

local known = redis.call('HMGET', KEYS[1], 'first_at', 'total', 'bytes', 'state', 'again', 'nacks',
  'revived', 'last_at')
if not known[1] then
  if ends ~= '' and of_the_tombstone() then
    if tombstone[1] == 'stored' then note_repeats() end
    return arrival('late')
  end
  if not open(tombstone[1] == 'failed') then return arrival('refused') end
elseif rests(known[4]) then
  if not revive() then return arrival('refused') end
  known[7] = redis.call('HGET', KEYS[1], 'revived')
end

local total, bytes, out_of_range, duplicates = tonumber(known[2]), tonumber(known[3] or 0), 0, 0
-- A chunk of the last image may come late, among those of the next one. So a chunk that also fits the last image
-- is left out until a NACK has asked for it, or the device, which may know no NACK, offers the image again.
local another, asked_for = ends ~= '' and not known[5], known[6] or known[7]
if ends ~= '' and known[5] and not of_the_tombstone() then
  another = true
  redis.call('HDEL', KEYS[1], 'again')
  local held = redis.call('HGETALL', KEYS[2])
  for i = 1, #held, 2 do
    if has_chunk(ends, held[i], held[i + 1]) then
      redis.call('HDEL', KEYS[2], held[i])
      bytes = bytes - #held[i + 1]
    end
  end
end

for i = 4, #ARGV, 2 do
  local id, data = ARGV[i], ARGV[i + 1]
  local doubtful = another and not asked_for and has_chunk(ends, id, data)
  if total and tonumber(id) >= total then
    out_of_range = out_of_range + 1
  elseif not doubtful then
    if redis.call('HSETNX', KEYS[2], id, data) == 1 then
      bytes = bytes + #data
    elseif redis.call('HGET', KEYS[2], id) ~= data then
      -- The same id came with other bytes, so another image now has this name. Two images are never mixed: drop
      -- the older chunks; a NACK asks for what is missing of the new image.
      redis.call('DEL', KEYS[2])
      redis.call('HSET', KEYS[2], id, data)
      bytes = #data
    else
      duplicates = duplicates + 1
    end
  end
end
if bytes > MAX_IMAGE_BYTES then
  forget()
  return arrival('too_large')
elseif bytes > SMALL_IMAGE_BYTES and bytes > MAX_IMAGE_BYTES * WHOLE_IMAGES / places() then
  let_go()
  return arrival('refused')
end

-- The story of the capture. The silence before an answer to a NACK is no gap, and neither is that of one that rested.
if tonumber(known[3] or 0) == 0 then
  redis.call('HSETNX', KEYS[1], 'chunk_at', now)
elseif not rests(known[4]) then
  if known[6] and tonumber(redis.call('HGET', KEYS[1], 'nacked_at')) > tonumber(known[8]) then
    tell(KEYS[1], known[1], now, 'answered')
  elseif now - known[8] >= GAP_MS then
    note_gap(known[1], known[8], ARGV[4])
  end
end
if duplicates > 0 then redis.call('HINCRBY', KEYS[1], 'duplicates', duplicates) end
redis.call('HSET', KEYS[1], 'bytes', bytes, 'last_at', now, 'last_id', ARGV[#ARGV - 1])
if total and redis.call('HLEN', KEYS[2]) == total then return arrival(seal(), out_of_range) end
redis.call('EXPIRE', KEYS[1], CAPTURE_TTL_S)
redis.call('EXPIRE', KEYS[2], CAPTURE_TTL_S)
hold(member, CAPTURE_TTL_S)
return arrival('waiting', out_of_range)
