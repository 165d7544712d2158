-- run: concurrently
-- The few days on which pictures have failed, for the alerts.
create index concurrently if not exists capture_days_failed_idx on public.capture_days (day)
  where failed_device + failed_transfer + failed_service > 0;
