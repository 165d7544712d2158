-- run: concurrently
-- The few alerts that are snoozed: one that opens again is snoozed as it was.
create index concurrently if not exists alerts_snoozed_until_idx on public.alerts (snoozed_until)
  where snoozed_until is not null;
