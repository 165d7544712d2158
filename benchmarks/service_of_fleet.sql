-- As service.sql, but what is done for the whole fleet at once.

-- evaluate_alerts
select public.evaluate_alerts('{"silence_minutes": 100000}');

-- refresh_capture_days, 500 days of a fleet that has woken
reset role;
delete from fleet_private.touched_hours;
insert into fleet_private.touched_hours (device_id, hour) select device_id, date_trunc('hour', now()) from public.devices order by device_id;
update fleet_private.day_clocks set looked_at = now(), due_at = 'infinity';
set local role service_role;
select public.refresh_capture_days(500);

-- refresh_company_days, the day of ten companies
reset role;
delete from fleet_private.touched_company_days;
insert into fleet_private.touched_company_days (company_id, day) select company_id, current_date from public.companies;
set local role service_role;
select public.refresh_company_days(10);

-- maintain_tables, three weeks are made, and one of hellos goes
reset role;
do $$
declare
  v_table regclass;
  v_last regclass;
begin
  foreach v_table in array array['public.device_publish_log', 'public.device_status', 'public.device_errors']::regclass[] loop
    select partition into v_last from fleet_private.partitions(v_table) where until is not null order by until desc limit 1;
    execute format('drop table %s', v_last);
  end loop;
end
$$;
set local role service_role;
select public.maintain_tables(
  1000, (select extract(day from now() - min(until))::integer from fleet_private.partitions('public.device_status')), 1000, 1000);
