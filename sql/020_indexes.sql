-- Indexes for the queries that exist: the newest rows of a table, the newest rows of a device, the devices of
-- a company. A query that a primary key or a unique constraint already serves has no index here.

create index if not exists devices_company_id_idx on public.devices (company_id);
create index if not exists device_status_created_at_idx on public.device_status (created_at desc);
create index if not exists device_status_device_id_created_at_idx on public.device_status (device_id, created_at desc);
create index if not exists captures_created_at_idx on public.captures (created_at desc);
create index if not exists captures_device_id_created_at_idx on public.captures (device_id, created_at desc);
create index if not exists sensor_readings_created_at_idx on public.sensor_readings (created_at desc);
create index if not exists sensor_readings_device_id_created_at_idx on public.sensor_readings (device_id, created_at desc);
create index if not exists device_errors_occurred_at_idx on public.device_errors (occurred_at desc);
create index if not exists device_errors_device_id_occurred_at_idx on public.device_errors (device_id, occurred_at desc);
create index if not exists device_publish_log_received_at_idx on public.device_publish_log (received_at desc);
create index if not exists device_publish_log_device_id_received_at_idx
  on public.device_publish_log (device_id, received_at desc);

-- Few rows are in this state at any time. record_capture looks for them to adopt a row, and the sweep to fail
-- old ones.
create index if not exists captures_assembling_idx
  on public.captures (device_id, device_capture_id, updated_at) where ingest_status = 'assembling';

-- One schedule per scope.
create unique index if not exists device_configs_device_key on public.device_configs (device_id)
  where device_id is not null;
create unique index if not exists device_configs_company_key on public.device_configs (company_id)
  where company_id is not null;
create unique index if not exists device_configs_global_key on public.device_configs ((true))
  where device_id is null and company_id is null;

-- Commands by device for the owners' queries, and the few open commands for the service.
create index if not exists device_commands_device_id_created_at_idx
  on public.device_commands (device_id, created_at desc);
create index if not exists device_commands_open_idx
  on public.device_commands (device_id, queue_number) where status in ('queued', 'sent');
create index if not exists device_commands_capture_id_idx
  on public.device_commands (capture_id) where capture_id is not null;
create index if not exists device_command_logs_command_id_idx on public.device_command_logs (command_id, log_id);
