-- run: concurrently
-- The pictures of a company's device that are there, by time; what has expired or failed is not in the way.
create index concurrently if not exists captures_stored_idx
  on public.captures (company_id, device_id, captured_at) where ingest_status = 'stored';
