-- Reads the table while others write to it.
alter table public.captures validate constraint captures_health_check;
