-- run: concurrently
-- The newest rows of a company, and a company's days, for users whose every query is bound to their company.
create index concurrently if not exists captures_company_id_created_at_idx
  on public.captures (company_id, created_at desc);
create index concurrently if not exists captures_company_id_captured_at_idx
  on public.captures (company_id, captured_at desc);
create index concurrently if not exists sensor_readings_company_id_created_at_idx
  on public.sensor_readings (company_id, created_at desc);
create index concurrently if not exists device_status_company_id_created_at_idx
  on public.device_status (company_id, created_at desc);
create index concurrently if not exists device_errors_company_id_occurred_at_idx
  on public.device_errors (company_id, occurred_at desc);
create index concurrently if not exists device_publish_log_company_id_received_at_idx
  on public.device_publish_log (company_id, received_at desc);
create index concurrently if not exists device_commands_company_id_created_at_idx
  on public.device_commands (company_id, created_at desc);
