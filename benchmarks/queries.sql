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
-- newest 20 readings
select * from public.sensor_readings order by created_at desc limit 20;
