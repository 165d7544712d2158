-- run: concurrently
-- For verification.sql: the few captures that are damaged, and those of an older version that share an object. Their indexes
-- have no entry of any other capture.
create index concurrently if not exists captures_damaged_idx
  on public.captures (created_at desc) where damaged;
create index concurrently if not exists captures_shares_object_idx
  on public.captures (storage_path) where shares_object;
