-- run: concurrently
-- The oldest entries, which go first, and the latest of an account, which are counted.
create index concurrently if not exists audit_log_at_idx on public.audit_log (at);
create index concurrently if not exists audit_log_actor_at_idx on public.audit_log (actor, at desc) where actor is not null;
-- The devices that have just got their first company.
create index concurrently if not exists former_devices_until_idx on fleet_private.former_devices (until) where company_id is null;
