-- run: concurrently
-- The pictures of a company by when they were taken, newest first, with all that the gallery counts them by.
create index concurrently if not exists captures_gallery_idx
  on public.captures (company_id, captured_at desc, capture_id desc) include (device_id, ingest_status, health, pinned);
