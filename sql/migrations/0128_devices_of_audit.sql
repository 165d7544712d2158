-- The device that an entry of the audit log is about, so that a device's history is found at once; null where there is none.
alter table public.audit_log add column if not exists device_id text;
