-- run: concurrently
-- As in 0014_statistics_of_companies.sql the planner is not told how large companies are on average, so that it takes the
-- index of the company for the newest rows of one that is small. A thousandth of the table was too few, however: of 10
-- million pictures it took a company for 1,000 rows, and where the pictures of a device in some days were asked for, it read 5
-- million index entries of a company to combine them with the 90 of the device: 10 s for the page of a device, and 0.15 s now.
-- For the days and the log of a small company it read those of all companies.
alter table public.captures alter column company_id set (n_distinct = 100);
analyze public.captures;
alter table public.sensor_readings alter column company_id set (n_distinct = 100);
analyze public.sensor_readings;
alter table public.capture_days alter column company_id set (n_distinct = 100);
analyze public.capture_days;
alter table public.audit_log alter column company_id set (n_distinct = 100);
analyze public.audit_log;
