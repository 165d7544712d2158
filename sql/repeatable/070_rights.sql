-- The access rights. Rights are first revoked by name, because older projects granted everything to
-- everybody, and then granted by name, because Supabase grants new tables to nobody (October 2026).
--   service_role   the workers: reads and writes every table, executes every function
--   authenticated  reads the rows of its own company; 025_people.sql says what its role lets it do
--   anon           nothing

grant usage on schema public to authenticated, service_role;
grant usage on schema fleet_private to authenticated, service_role;
revoke all on schema fleet_private from public, anon;

-- Tables.
select fleet_private.close_tables(
  'public.companies', 'public.users', 'public.devices', 'public.device_status', 'public.captures',
  'public.sensor_readings', 'public.device_errors', 'public.device_publish_log', 'public.device_configs',
  'public.device_commands', 'public.device_command_logs', 'public.schema_version');
grant select, insert, update, delete on
  public.companies, public.users, public.devices, public.device_status, public.captures, public.sensor_readings,
  public.device_errors, public.device_publish_log, public.device_configs, public.device_commands,
  public.device_command_logs
  to service_role;
grant select on public.schema_version to service_role;
grant select on
  public.companies, public.users, public.devices, public.device_status, public.captures, public.sensor_readings,
  public.device_errors, public.device_publish_log, public.device_configs, public.device_commands,
  public.device_command_logs
  to authenticated;
grant insert (device_id, type, payload, deadline) on public.device_commands to authenticated;

-- Rows. The policies call the functions in a sub-select, so that they run once per query, not once per row.
drop policy if exists companies_read_own on public.companies;
create policy companies_read_own on public.companies for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists devices_read_company on public.devices;
create policy devices_read_company on public.devices for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists device_status_read_company on public.device_status;
create policy device_status_read_company on public.device_status for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists captures_read_company on public.captures;
create policy captures_read_company on public.captures for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists sensor_readings_read_company on public.sensor_readings;
create policy sensor_readings_read_company on public.sensor_readings for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists device_errors_read_company on public.device_errors;
create policy device_errors_read_company on public.device_errors for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists device_publish_log_read_company on public.device_publish_log;
create policy device_publish_log_read_company on public.device_publish_log for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists device_configs_read_company on public.device_configs;
create policy device_configs_read_company on public.device_configs for select to authenticated
  using (
    company_id = (select fleet_private.company_of_user())
    or device_id in (select device_id from public.devices where company_id = (select fleet_private.company_of_user()))
    or (device_id is null and company_id is null and (select fleet_private.company_of_user()) is not null)
  );

drop policy if exists device_commands_read_company on public.device_commands;
create policy device_commands_read_company on public.device_commands for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

-- The policy also checks the columns that the grant excludes, so that a row must look like a new command even
-- if a wider grant exists.
drop policy if exists device_commands_queue_company on public.device_commands;
create policy device_commands_queue_company on public.device_commands for insert to authenticated
  with check (
    company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('operator'))
    and device_id in (select device_id from public.devices where company_id = (select fleet_private.company_of_user()))
    and created_by = (select auth.uid())
    and status = 'queued' and attempts = 0 and max_attempts = 3
    and num_nonnulls(reason, capture_id, sent_at, finished_at) = 0
  );

drop policy if exists device_command_logs_read_company on public.device_command_logs;
create policy device_command_logs_read_company on public.device_command_logs for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

-- Permissive policies are combined with OR, so an older policy on these tables may allow what ours deny. The
-- service does not own such a policy, so this file only warns about it.
do $$
declare
  v_others text;
begin
  select string_agg(format('%I on %I.%I', policyname, schemaname, tablename), ', ' order by tablename, policyname)
    into v_others
    from pg_catalog.pg_policies
   where schemaname = 'public'
     and tablename in ('companies', 'users', 'devices', 'device_status', 'captures', 'sensor_readings', 'device_errors',
                       'device_publish_log', 'device_configs', 'device_commands', 'device_command_logs',
                       'schema_version')
     and permissive = 'PERMISSIVE'
     and policyname not in (
       'companies_read_own', 'users_read_company', 'devices_read_company', 'device_status_read_company',
       'captures_read_company', 'sensor_readings_read_company', 'device_errors_read_company',
       'device_publish_log_read_company', 'device_configs_read_company', 'device_commands_read_company',
       'device_commands_queue_company', 'device_command_logs_read_company');
  if v_others is not null then
    raise warning 'older policies may let users see more than their company has; drop them if so: %', v_others;
  end if;
end
$$;
