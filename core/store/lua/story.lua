-- What scripts note for the story of a capture; it comes before them. `core/store/story.py` reads it.

-- Note in the capture's hash that something came to pass at `at`, as `ms since first_at,what;`. What is beyond
-- STORY_BYTES is left out.
local function tell(capture, first_at, at, what)
  local told = redis.call('HGET', capture, 'story') or ''
  local more = string.format('%d,%s;', at - first_at, what)
  if #told + #more <= STORY_BYTES then redis.call('HSET', capture, 'story', told .. more) end
end

