-- run: concurrently
-- The history of a device, the latest first, for the console's page of its settings.
create index concurrently if not exists audit_log_device_id_idx
  on public.audit_log (device_id, audit_id desc) where device_id is not null;
