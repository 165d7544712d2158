-- baseline
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

-- No two captures name one object. Before these indexes exist, an older table may have such captures. They keep
-- their paths, because nothing in the database tells whose picture the object is; all but the oldest are marked
-- and left out of the indexes. The lock keeps a worker from adding another one meanwhile.
do $$
declare
  v_marked bigint;
begin
  if to_regclass('public.captures_storage_path_key') is null
     or to_regclass('public.captures_thumbnail_path_key') is null then
    lock table public.captures in share row exclusive mode;
    update public.captures c
       set shares_object = true
      from (select capture_id,
                   row_number() over (partition by storage_path order by created_at, capture_id) as of_image,
                   row_number() over (partition by thumbnail_path order by created_at, capture_id) as of_thumbnail,
                   storage_path, thumbnail_path
              from public.captures where shares_object is not true) as n
     where c.capture_id = n.capture_id
       and ((n.storage_path is not null and n.of_image > 1)
            or (n.thumbnail_path is not null and n.of_thumbnail > 1));
    get diagnostics v_marked = row_count;
    if v_marked > 0 then
      raise warning '% older captures name an object that another capture names too; verification.sql lists them', v_marked;
    end if;
    create unique index if not exists captures_storage_path_key
      on public.captures (storage_path) where shares_object is not true;
    create unique index if not exists captures_thumbnail_path_key
      on public.captures (thumbnail_path) where shares_object is not true;
  end if;
end
$$;

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
