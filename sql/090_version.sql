-- This file runs last, so that the version shows that all other files were applied. The service checks the
-- version when it starts.

-- An older table may have a required column that the service does not fill. Every insert would then fail in
-- operation, so the installation stops here instead.
do $$
declare
  v_demands text;
begin
  select string_agg(format('public.%s.%s', c.relname, a.attname), ', ' order by c.relname, a.attnum)
    into v_demands
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where c.relnamespace = 'public'::regnamespace
     and c.relname in ('devices', 'device_status', 'captures', 'sensor_readings', 'device_errors', 'device_publish_log',
                       'device_commands', 'device_command_logs')
     and a.attnotnull and not a.atthasdef and a.attidentity = ''
     and (c.relname, a.attname) not in (
       ('devices', 'device_id'), ('device_status', 'device_id'), ('captures', 'device_id'),
       ('captures', 'device_capture_id'), ('captures', 'captured_at'), ('sensor_readings', 'device_id'),
       ('device_errors', 'error_code'), ('device_publish_log', 'direction'), ('device_commands', 'device_id'),
       ('device_commands', 'type'), ('device_command_logs', 'command_id'), ('device_command_logs', 'device_id'),
       ('device_command_logs', 'status'));
  if v_demands is not null then
    raise exception 'older columns that the service does not fill are required: %', v_demands
      using hint = 'Give them a default or drop their "not null", then run this file again.';
  end if;
end
$$;

insert into public.schema_version (version) values (2)
on conflict (singleton) do update
  set version = excluded.version, applied_at = now()
  where schema_version.version <> excluded.version;
