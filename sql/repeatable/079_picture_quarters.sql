-- The pictures of a company by quarters of an hour, counted again when one of them has changed. docs/adr/0024-rollups.md has
-- the reasons.

-- Notes the quarter of a picture that was written, changed or deleted, for the next refresh. One that is still on its way
-- counts nowhere.
create or replace function fleet_private.touch_quarter()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into fleet_private.touched_quarters (company_id, quarter)
  select distinct company_id, date_bin('15 minutes', at, '2000-01-01 00:00:00+00')
    from (values (old.company_id, old.captured_at, old.ingest_status),
                 (new.company_id, new.captured_at, new.ingest_status)) as row (company_id, at, status)
   where company_id is not null and isfinite(at) and status <> 'assembling';
  return null;
end
$$;
create or replace trigger captures_touch_quarter
  after insert or delete or update of captured_at, ingest_status, company_id on public.captures
  for each row execute function fleet_private.touch_quarter();

-- Counts anew the quarters of p_limit entries, and goes on with ten companies of which older pictures were never counted, by
-- ten times p_limit pictures each, the latest first. Two at once do no harm: the second does nothing.
-- Returns {stretches: how many were counted, more: whether the next call has something to do at once}.
create or replace function public.refresh_picture_quarters(p_limit integer default 1000)
returns jsonb
language plpgsql
set search_path = ''
-- For the reason that refresh_capture_days has.
set enable_seqscan = off
set jit = off
as $$
declare
  v_taken integer;
  v_touched uuid[];
  v_late uuid[];
  v_companies uuid[];
  v_from timestamptz[];
  v_to timestamptz[];
  v_late_from timestamptz[];
  v_late_to timestamptz[];
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.refresh_picture_quarters', 0)) then
    return '{"stretches": 0, "more": false}';
  end if;

  -- What is noted while this runs is for the next one. What was never counted will be, and not because of an entry.
  with seen as (
    select ctid as place, company_id, quarter from fleet_private.touched_quarters limit p_limit
  ), taken as (
    delete from fleet_private.touched_quarters where ctid = any (array(select place from seen))
  ), touched as (
    select distinct s.company_id, s.quarter
      from seen s join fleet_private.counted_since k on k.company_id = s.company_id and s.quarter >= k.since
  )
  select (select count(*) from seen), array_agg(company_id), array_agg(quarter), array_agg(quarter + interval '15 minutes')
    into v_taken, v_touched, v_from, v_to from touched;

  with late as (
    select c.company_id, coalesce(k.since, 'infinity') as until
      from public.companies c left join fleet_private.counted_since k on k.company_id = c.company_id
     where coalesce(k.since, 'infinity') > '-infinity'
     limit 10
  )
  select array_agg(company_id), array_agg(since), array_agg(until) into v_late, v_late_from, v_late_to
    from (select l.company_id, l.until, coalesce((
                   select date_bin('15 minutes', c.captured_at, '2000-01-01 00:00:00+00')
                     from public.captures c
                    where c.company_id = l.company_id and c.captured_at < l.until
                    order by c.captured_at desc offset 10 * p_limit limit 1), '-infinity') as since
            from late l) as stretch;

  -- These stretches do not overlap: the ones were counted before, the others were not.
  v_companies := v_touched || v_late;
  v_from := v_from || v_late_from;
  v_to := v_to || v_late_to;
  delete from fleet_private.picture_quarters p
   using unnest(v_companies, v_from, v_to) as s (company_id, since, until)
   where p.company_id = s.company_id and p.quarter >= s.since and p.quarter < s.until;
  insert into fleet_private.picture_quarters (company_id, quarter, ingest_status, pictures)
  select s.company_id, date_bin('15 minutes', c.captured_at, '2000-01-01 00:00:00+00'), c.ingest_status, count(*)
    from unnest(v_companies, v_from, v_to) as s (company_id, since, until)
    join public.captures c on c.company_id = s.company_id and c.captured_at >= s.since and c.captured_at < s.until
   where c.ingest_status <> 'assembling' and isfinite(c.captured_at)
   group by 1, 2, 3;

  insert into fleet_private.counted_since (company_id, since)
  select * from unnest(v_late, v_late_from) as l (company_id, since)
  on conflict (company_id) do update set since = excluded.since;

  return jsonb_build_object(
    'stretches', coalesce(cardinality(v_companies), 0),
    'more', v_taken = p_limit or coalesce(cardinality(v_late) = 10 or '-infinity' < any (v_late_from), false));
end
$$;

-- How many pictures of these statuses the user's company has of each quarter of an hour, exactly: what changed since it was
-- counted, or never was, is counted now. Security definer, since nobody has a right on what is counted; it has no argument that
-- names a company.
create or replace function fleet_private.pictures_by_quarter(p_statuses text[])
returns table (quarter timestamptz, pictures bigint)
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_since constant timestamptz := coalesce(
    (select k.since from fleet_private.counted_since k where k.company_id = v_company), 'infinity');
  v_touched constant timestamptz[] := array(
    select distinct t.quarter from fleet_private.touched_quarters t where t.company_id = v_company and t.quarter >= v_since);
begin
  return query
  select p.quarter, sum(p.pictures)
    from fleet_private.picture_quarters p
   where p.company_id = v_company and p.quarter >= v_since and p.ingest_status = any (p_statuses)
     and not exists (select from unnest(v_touched) as t (quarter) where t.quarter = p.quarter)
   group by p.quarter
  union all
  select t.quarter, count(*)
    from unnest(v_touched) as t (quarter)
    join public.captures c on c.company_id = v_company and c.captured_at >= t.quarter
                          and c.captured_at < t.quarter + interval '15 minutes'
   where c.ingest_status = any (p_statuses)
   group by t.quarter
  union all
  select date_bin('15 minutes', c.captured_at, '2000-01-01 00:00:00+00'), count(*)
    from public.captures c
   where c.company_id = v_company and c.captured_at < v_since and c.ingest_status = any (p_statuses)
   group by 1;
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.touch_quarter', 'public.refresh_picture_quarters');
select fleet_private.set_callers('users', 'fleet_private.pictures_by_quarter');

grant select, insert, update, delete on
  fleet_private.picture_quarters, fleet_private.touched_quarters, fleet_private.counted_since to service_role;
