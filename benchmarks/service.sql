-- What the service calls again and again, as service_role; `benchmarks.year` measures the last statement of each block, and what
-- is before it is not measured. All of it is rolled back. Recording hellos and pictures is not here: benchmarks.wakes does it.

-- claim_commands, none is awake
select public.claim_commands(200, interval '10 seconds', now());

-- claim_commands, 20 devices are awake
reset role;
update public.devices set last_seen_at = now() where device_id < 'BE0000000014';
insert into public.device_commands (device_id, type) select device_id, 'capture_image' from public.devices where device_id < 'BE0000000014';
set local role service_role;
select public.claim_commands(200, interval '10 seconds', now());

-- fail_stale_captures
select public.fail_stale_captures();

-- messages_to_examine, five devices
select public.messages_to_examine(5, 200);

-- claim_smaller_pictures, ten of a company
reset role;
insert into public.keep_policies (company_id, smaller_after_days, smaller_quality, smaller_width)
select company_id, 7, 60, 400 from public.devices where device_id = 'BE0000000000';
set local role service_role;
select public.claim_smaller_pictures(10);

-- apply_keep_policies, 100 pictures of a company
reset role;
insert into public.keep_policies (company_id, max_age_days) select company_id, 25 from public.devices where device_id = 'BE0000000000';
set local role service_role;
select public.apply_keep_policies(100);

-- claim_removals, 200 objects
reset role;
insert into fleet_private.object_removals (path) select 'captures/x/' || n from generate_series(1, 1000) as n;
set local role service_role;
select public.claim_removals(200);

-- refresh_capture_days, 40 days of 20 devices
reset role;
delete from fleet_private.touched_hours;
insert into fleet_private.touched_hours (device_id, hour)
select device_id, date_trunc('hour', now()) - n * interval '1 day' from public.devices, generate_series(0, 1) as n where device_id < 'BE0000000014';
update fleet_private.day_clocks set looked_at = now(), due_at = 'infinity';
set local role service_role;
select public.refresh_capture_days(500);

-- refresh_company_days, ten days of a company
reset role;
delete from fleet_private.touched_company_days;
insert into fleet_private.touched_company_days (company_id, day)
select company_id, current_date - n from public.devices, generate_series(0, 9) as n where device_id = 'BE0000000000';
set local role service_role;
select public.refresh_company_days(10);

-- maintain_tables, nothing is due
select public.maintain_tables(1000, 1000, 1000, 1000);
