-- What two captures of one device and name are to each other; other scripts begin with this.

-- The fields that identify a capture among those of one device and name.
local IDENTITY = {'captured', 'image_sha256', 'image_bytes', 'total'}

-- Compare two captures by the values of IDENTITY, each nil, false or '' if unknown.
--   different  some field is known of both and differs
--   same       none differs, and the capture time or the SHA-256 is known of both
--   unknown    none differs, but that proves nothing: a field that is missing matches nothing
-- A clock that is not set yet may give two images one capture time; then the size must agree too.
local function compare(one, other)
  local agree = {}
  for i = 1, #IDENTITY do
    local a, b = one[i] or '', other[i] or ''
    if a ~= '' and b ~= '' then
      if a ~= b then return 'different' end
      agree[IDENTITY[i]] = true
    end
  end
  if agree.image_sha256 or (agree.captured and (agree.image_bytes or one[1] >= CLOCK_SET_SINCE)) then
    return 'same'
  end
  return 'unknown'
end

