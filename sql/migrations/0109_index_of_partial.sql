-- run: concurrently
-- The few pictures of which a part came, for the policies.
create index concurrently if not exists captures_partial_idx
  on public.captures (company_id, device_id, captured_at) where ingest_status = 'partial';
