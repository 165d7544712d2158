drop function fleet_private.partition_by_time(text, text);

-- public.maintain_tables has taken its place, and nobody has to remember it.
drop function if exists public.prune(interval, integer);
