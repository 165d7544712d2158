-- What Home Assistant is told of the devices that have a company, and what its button asks for.
-- docs/adr/0028-home-assistant.md has the reasons.

-- The number of the transaction that wrote a row, of which xmin has the last 32 bits. p_upcoming is a number that no
-- transaction has yet.
create or replace function fleet_private.written_by(p_xmin xid, p_upcoming bigint)
returns bigint
language sql
immutable
set search_path = ''
as $$
  select p_upcoming - ((p_upcoming - p_xmin::text::bigint) & 4294967295)
$$;

-- The devices that have changed, at most p_limit of them, the longest unchanged first. p_after and p_after_device are
-- `after` and `after_device` of the answer before; without them these are all. Returns
--   {devices: [{device_id, company_id, former: [company_id],
--      and for one that has a company
--       name, site, firmware_version, pending_count, battery_percent, battery_mv, wifi_rssi_dbm, last_seen_at,
--       next_wake_at, temperature_c, humidity_pct, pressure_hpa, gas_kohm,
--       picture: {capture_id, captured_at, image_bytes, storage_path, thumbnail_path} | null}],
--    after, after_device, more: whether there may be others,
--    settled: what begins after (settled, '') was not complete yet when this was asked}.
-- `former` are the other companies that have had the device. A device that never had a company is left out.
--
-- Whatever changes here changes the row of the device or of its site: record_hello and record_capture write the
-- former each time. So no table and no trigger keeps what has changed; a row tells which transaction wrote it. One
-- with a lower number may still end later: from `settled` on, the caller asks again.
--
-- A company is told what was written while it had the device; 028_hand_over.sql sees to that in the row of the device.
-- Its rows are looked for by the device: `is not distinct from` keeps the planner from the index of the company.
create or replace function public.home_assistant_devices(
  p_after bigint default 0, p_after_device text default '', p_limit integer default 100
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with present as (
    select pg_snapshot_xmin(s)::text::bigint as settled, pg_snapshot_xmax(s)::text::bigint as upcoming
      from pg_current_snapshot() as s
  ), changed as materialized (
    select d.device_id, written, d.company_id, d.name, s.name as site, d.firmware_version, d.pending_count,
           d.battery_percent, d.battery_mv, d.wifi_rssi_dbm, d.last_seen_at, d.next_wake_at
      from present
     cross join public.devices d
      left join public.sites s on s.site_id = d.site_id
     cross join lateral (
       select greatest(fleet_private.written_by(d.xmin, upcoming), fleet_private.written_by(s.xmin, upcoming))
     ) as w (written)
     where (d.company_id is not null or d.released_at is not null)
       and (written, d.device_id) > (p_after, p_after_device)
     order by written, d.device_id
     limit p_limit
  ), described as (
    select c.written, c.device_id,
           jsonb_build_object('device_id', c.device_id, 'company_id', c.company_id, 'former', f.companies)
           || case when c.company_id is null then '{}' else jsonb_build_object(
                'name', c.name, 'site', c.site, 'firmware_version', c.firmware_version,
                'pending_count', c.pending_count, 'battery_percent', c.battery_percent, 'battery_mv', c.battery_mv,
                'wifi_rssi_dbm', c.wifi_rssi_dbm, 'last_seen_at', c.last_seen_at, 'next_wake_at', c.next_wake_at,
                'temperature_c', r.temperature_c, 'humidity_pct', r.humidity_pct, 'pressure_hpa', r.pressure_hpa,
                'gas_kohm', r.gas_kohm, 'picture', p.picture) end
           as device
      from changed c
     cross join lateral (
       select coalesce(jsonb_agg(distinct company_id), '[]') as companies
         from fleet_private.former_devices
        where device_id = c.device_id and company_id is not null and company_id is distinct from c.company_id
     ) as f
      left join lateral (
        select temperature_c, humidity_pct, pressure_hpa, gas_kohm
          from public.sensor_readings
         where device_id = c.device_id and company_id is not distinct from c.company_id
           and measured_at < now() + interval '1 hour'
         order by measured_at desc
         limit 1
      ) as r on true
      left join lateral (
        select jsonb_build_object(
                 'capture_id', capture_id, 'captured_at', captured_at, 'image_bytes', image_bytes,
                 'storage_path', storage_path, 'thumbnail_path', thumbnail_path) as picture
          from public.captures
         where device_id = c.device_id and company_id is not distinct from c.company_id
           and captured_at < now() + interval '1 hour'
           and ingest_status = 'stored' and not damaged and shares_object is not true
         order by captured_at desc
         limit 1
      ) as p on true
  ), found as (
    select count(*) as number, coalesce(jsonb_agg(device order by written, device_id), '[]') as devices,
           (array_agg(written order by written desc, device_id desc))[1] as written,
           (array_agg(device_id order by written desc, device_id desc))[1] as device_id
      from described
  )
  select jsonb_build_object(
           'devices', devices, 'settled', settled, 'more', number = p_limit,
           'after', case when number = p_limit then written else settled end,
           'after_device', case when number = p_limit then device_id else '' end)
    from found cross join present
$$;

-- Queues `capture_image` for a device of the company whose button was pressed, and returns the id of the command.
-- Returns null, and queues nothing, if the company has no such device, if one is open already, or if the device has as
-- many open commands as users may give it.
create or replace function public.press_capture_button(p_company uuid, p_device text)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_command uuid;
begin
  -- The lock keeps the device from being handed over meanwhile.
  perform from public.devices where device_id = p_device and company_id = p_company for no key update;
  if not found or fleet_private.open_commands(p_device, p_company) >= 20
     or exists (select from public.device_commands
                 where device_id = p_device and company_id = p_company and type = 'capture_image'
                   and status in ('queued', 'sent')) then
    return null;
  end if;
  insert into public.device_commands (device_id, type) values (p_device, 'capture_image')
  returning command_id into v_command;
  return v_command;
end
$$;

select fleet_private.set_callers('service', 'fleet_private.written_by', 'public.home_assistant_devices',
  'public.press_capture_button');
