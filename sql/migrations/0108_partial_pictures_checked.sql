-- With lighter locks than a constraint that is made valid at once.
alter table public.captures validate constraint captures_partial_check;
alter table public.captures validate constraint captures_ingest_status_check;
