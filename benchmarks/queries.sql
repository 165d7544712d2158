-- What users and operators ask most often; `benchmarks.database` times each. :device, :day and :month are filled in.

-- newest 20 captures by arrival
select * from public.captures order by created_at desc limit 20;
-- newest 20 captures by capture time
select * from public.captures order by captured_at desc limit 20;
-- the day of one device
select * from public.captures
 where device_id = :device and captured_at >= :day and captured_at < :day + interval '1 day'
 order by captured_at;
-- the first 100 captures of the company's month
select * from public.captures
 where captured_at >= :month and captured_at < :month + interval '1 month'
 order by captured_at desc limit 100;
-- the month of the company, day by day
select day, devices, expected, silent, stored, bytes, temperature_mean from public.company_days
 where day >= (:month)::date and day < (:month + interval '1 month')::date
 order by day;
-- the same, added up from the days of its devices
select day, count(*), sum(expected), sum(silent), sum(stored), sum(bytes) from public.capture_days
 where day >= (:month)::date and day < (:month + interval '1 month')::date
 group by day order by day;
-- the same, counted from its captures
select (captured_at at time zone 'UTC')::date as day, count(*), sum(image_bytes) from public.captures
 where captured_at >= :month and captured_at < :month + interval '1 month'
 group by day order by day;
-- newest 20 readings
select * from public.sensor_readings order by created_at desc limit 20;
-- the trends of 30 days of the whole company
select public.console_trends(current_date - 29, current_date);
-- the same by device, as far as is added up
select public.console_trends(current_date - 29, current_date, 'day', 'device');
-- temperatures of 30 days, of the first devices that have some
select public.console_trend_sensor('temperature', current_date - 29, current_date);
-- a report of 92 days of a device
select public.console_report(current_date - 91, current_date, null, array[:device]);
