-- What a company has in storage by the day that it was taken on: without it, a chart of a year would add up all days of all
-- devices. The days are added up again, by repeatable/079_company_days.sql, which knows the column.
alter table public.company_days add column kept_bytes bigint;
comment on column public.company_days.bytes is 'Bytes of the stored pictures, also of those that have expired since.';
comment on column public.company_days.kept_bytes is
  'Bytes of the pictures that are in storage; null for a day that was not added up since there is this column: as bytes.';
insert into fleet_private.touched_company_days (company_id, day)
select company_id, day from public.company_days;
