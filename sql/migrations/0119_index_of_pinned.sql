-- run: concurrently
-- The pictures of a company that somebody has pinned, the latest first, for the console's page of them.
create index concurrently if not exists captures_pinned_idx
  on public.captures (company_id, captured_at desc, capture_id desc) where pinned;
