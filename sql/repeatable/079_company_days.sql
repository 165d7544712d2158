-- The days of a company, added up again when those of its devices have changed. docs/adr/0024-rollups.md has the reasons.

-- Notes the days of companies whose rows in capture_days were written, changed or deleted, for the next refresh.
create or replace function fleet_private.touch_company_days()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_op <> 'DELETE' then
    insert into fleet_private.touched_company_days (company_id, day)
    select distinct company_id, day from added where company_id is not null;
  end if;
  if tg_op <> 'INSERT' then
    insert into fleet_private.touched_company_days (company_id, day)
    select distinct company_id, day from gone where company_id is not null;
  end if;
  return null;
end
$$;
create or replace trigger capture_days_insert_touch after insert on public.capture_days
  referencing new table as added
  for each statement execute function fleet_private.touch_company_days();
create or replace trigger capture_days_update_touch after update on public.capture_days
  referencing old table as gone new table as added
  for each statement execute function fleet_private.touch_company_days();
create or replace trigger capture_days_delete_touch after delete on public.capture_days
  referencing old table as gone
  for each statement execute function fleet_private.touch_company_days();

-- Adds up anew the days of companies that have changed: p_limit of them, the latest, and the rest at the next calls. Two at
-- once do no harm: the second does nothing. Returns {days: how many were added up, more: whether there are others}.
create or replace function public.refresh_company_days(p_limit integer default 10)
returns jsonb
language plpgsql
set search_path = ''
-- For the reason that refresh_capture_days has.
set enable_seqscan = off
set jit = off
as $$
declare
  v_companies uuid[];
  v_days date[];
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.refresh_company_days', 0)) then
    return '{"days": 0, "more": false}';
  end if;

  -- What is noted while this runs is for the next one: it is added up after these entries are gone.
  with picked as (
    select company_id, day from fleet_private.touched_company_days group by company_id, day
     order by day desc, company_id limit p_limit
  ), taken as (
    delete from fleet_private.touched_company_days t
     using picked p where t.company_id = p.company_id and t.day = p.day
  )
  select array_agg(company_id), array_agg(day) into v_companies, v_days from picked;

  delete from public.company_days c
   using unnest(v_companies, v_days) as d (company_id, day)
   where c.company_id = d.company_id and c.day = d.day;
  insert into public.company_days
  select d.company_id, d.day, s.*
    from unnest(v_companies, v_days) as d (company_id, day)
   cross join lateral (
     select count(*) as devices, sum(c.expected) as expected, sum(c.silent) as silent, sum(c.stored) as stored,
            sum(c.partial) as partial, sum(c.failed_device) as failed_device,
            sum(c.failed_transfer) as failed_transfer, sum(c.failed_service) as failed_service,
            sum(c.bytes) as bytes, sum(c.nacks) as nacks, sum(c.hellos) as hellos,
            sum(c.temperature_readings) as temperature_readings, min(c.temperature_min) as temperature_min,
            sum(c.temperature_mean * c.temperature_readings) / nullif(sum(c.temperature_readings), 0) as temperature_mean,
            max(c.temperature_max) as temperature_max,
            sum(c.humidity_readings) as humidity_readings, min(c.humidity_min) as humidity_min,
            sum(c.humidity_mean * c.humidity_readings) / nullif(sum(c.humidity_readings), 0) as humidity_mean,
            max(c.humidity_max) as humidity_max,
            sum(c.pressure_readings) as pressure_readings, min(c.pressure_min) as pressure_min,
            sum(c.pressure_mean * c.pressure_readings) / nullif(sum(c.pressure_readings), 0) as pressure_mean,
            max(c.pressure_max) as pressure_max,
            sum(c.gas_readings) as gas_readings, min(c.gas_min) as gas_min,
            sum(c.gas_mean * c.gas_readings) / nullif(sum(c.gas_readings), 0) as gas_mean,
            max(c.gas_max) as gas_max,
            min(c.battery_percent_min) as battery_percent_min, min(c.rssi_min) as rssi_min,
            max(c.refreshed_at) as refreshed_at, sum(coalesce(c.kept_bytes, c.bytes)) as kept_bytes
       from public.capture_days c
      where c.company_id = d.company_id and c.day = d.day) as s
   where s.devices > 0;

  return jsonb_build_object(
    'days', coalesce(cardinality(v_days), 0),
    'more', exists (select from fleet_private.touched_company_days));
end
$$;

select fleet_private.set_callers('service', 'fleet_private.touch_company_days', 'public.refresh_company_days');

grant select, insert, update, delete on public.company_days, fleet_private.touched_company_days to service_role;
grant select on public.company_days to authenticated;

drop policy if exists company_days_read_company on public.company_days;
create policy company_days_read_company on public.company_days for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
