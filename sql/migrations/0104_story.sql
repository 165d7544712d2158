-- How a capture came and was handled, for people who ask why; repeatable/087_story.sql describes it. And when a device said
-- hello last, with which a story begins.
alter table public.captures add column story jsonb;
alter table public.captures add constraint captures_story_check check (octet_length(story::text) <= 2000) not valid;
alter table public.devices add column last_hello_at timestamptz;

comment on column public.captures.story is 'How it came and was handled: gaps, NACKs, stations, ACK; capture_story tells it. Null if that was not kept.';
comment on column public.devices.last_hello_at is 'When it said hello last; null if it has not since this was kept.';
