-- run: concurrently
-- The days of all devices since a date, for the alerts. It serves what the index of migration 0056 did.
create index concurrently if not exists capture_days_day_idx on public.capture_days (day);
drop index concurrently if exists public.capture_days_failed_idx;
