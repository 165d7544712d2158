-- How pictures are let go: by policies, or by hand. Their rows become `expired`, and 049_objects.sql has what becomes of their
-- objects. docs/retention.md tells it, docs/adr/0030-keeping.md has the reasons.

-- Marks pictures as expired, if they are still stored and nobody has pinned them. Of a partial one only the failure stays:
-- it was never stored, and is when its device offers it again. Returns {captures, bytes} of those that have gone.
create or replace function fleet_private.expire(p_captures uuid[], p_why text[], p_at timestamptz)
returns jsonb
language sql
set search_path = ''
as $$
  with chosen as (
    -- In one order, so that two at once wait for each other instead of deadlocking; what a worker holds goes the next time.
    select c.capture_id, w.why
      from unnest(p_captures, p_why) as w (capture_id, why)
      join public.captures c using (capture_id)
     where c.ingest_status in ('stored', 'partial') and not c.pinned
     order by c.capture_id
       for no key update of c skip locked
  ), expired as (
    update public.captures c
       set ingest_status = case when partial_rows is null then 'expired' else 'failed' end,
           expired_at = case when partial_rows is null then p_at end,
           expired_by = case when partial_rows is null then chosen.why end,
           storage_path = null, thumbnail_path = null, shares_object = null, partial_rows = null, updated_at = now()
      from chosen
     where c.capture_id = chosen.capture_id
    returning c.image_bytes
  )
  select jsonb_build_object('captures', count(*), 'bytes', coalesce(sum(image_bytes), 0)) from expired
$$;

-- The policy in force for a device's pictures of a company; none if there is none.
create or replace function fleet_private.keep_policy_of(p_company uuid, p_device text)
returns setof public.keep_policies
language sql
stable
set search_path = ''
as $$
  select p.*
    from public.keep_policies p
    left join public.devices d on d.device_id = p_device and d.company_id = p_company
   where p.company_id = p_company
     and (p.device_id = p_device or (p.device_id is null and (p.site_id is null or p.site_id = d.site_id)))
   order by p.device_id nulls last, p.site_id nulls last
   limit 1
$$;

-- The pictures of a device that the limits of a policy let go, but for max_bytes, which looks at all devices together.
-- Hours, days and weeks are local. A pinned picture counts, and stays. A partial one is none of those that are counted, nor
-- the one of its hour, day or week: it goes with those that are as old.
create or replace function fleet_private.expiring(p_policy public.keep_policies, p_device text, p_at timestamptz)
returns table (capture_id uuid, captured_at timestamptz, bytes integer, pinned boolean, why text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_zone constant text := coalesce((select timezone from fleet_private.wakes(p_device, p_at)), 'UTC');
begin
  return query
  -- One order for all of it, that of captures_stored_idx: a device may have a million pictures.
  with placed as (
    select c.capture_id, c.captured_at, coalesce(c.image_bytes, 0) as bytes, c.pinned,
           count(*) over () - row_number() over taken + 1 as place,
           c.captured_at at time zone v_zone as at, lag(c.captured_at at time zone v_zone) over taken as before
      from public.captures c
     where c.company_id = p_policy.company_id and c.device_id = p_device and c.ingest_status = 'stored'
    window taken as (order by c.captured_at, c.capture_id)
  )
  select r.capture_id, r.captured_at, r.bytes, r.pinned,
         case
           when r.pinned then null
           when r.captured_at < p_at - make_interval(days => p_policy.max_age_days) then 'age'
           when r.place > p_policy.max_count then 'count'
           when r.captured_at < p_at - make_interval(days => p_policy.weekly_after_days)
                and date_trunc('week', r.before) = date_trunc('week', r.at) then 'weekly'
           when r.captured_at < p_at - make_interval(days => p_policy.daily_after_days)
                and date_trunc('day', r.before) = date_trunc('day', r.at) then 'daily'
           when r.captured_at < p_at - make_interval(days => p_policy.hourly_after_days)
                and date_trunc('hour', r.before) = date_trunc('hour', r.at) then 'hourly'
         end
    from placed r
  union all
  select c.capture_id, c.captured_at, coalesce(c.image_bytes, 0), c.pinned,
         case
           when c.captured_at < p_at - make_interval(days => p_policy.max_age_days) then 'age'
           when p_policy.max_count is not null and c.captured_at < (
             select s.captured_at from public.captures s
              where s.company_id = p_policy.company_id and s.device_id = p_device and s.ingest_status = 'stored'
              order by s.captured_at desc offset p_policy.max_count - 1 limit 1) then 'count'
           when c.captured_at < p_at - make_interval(days => p_policy.weekly_after_days) then 'weekly'
           when c.captured_at < p_at - make_interval(days => p_policy.daily_after_days) then 'daily'
           when c.captured_at < p_at - make_interval(days => p_policy.hourly_after_days) then 'hourly'
         end
    from public.captures c
   where c.company_id = p_policy.company_id and c.device_id = p_device and c.ingest_status = 'partial' and not c.pinned;
end
$$;

-- The first device after another of which a company has pictures, whole ones or partial ones: two looks into indexes.
create or replace function fleet_private.next_with_pictures(p_company uuid, p_after text)
returns text
language sql
stable
set search_path = ''
as $$
  select least(
    (select device_id from public.captures
      where company_id = p_company and device_id > p_after and ingest_status = 'stored' order by device_id limit 1),
    (select device_id from public.captures
      where company_id = p_company and device_id > p_after and ingest_status = 'partial' order by device_id limit 1))
$$;

-- The devices of which a company has pictures, from one on.
create or replace function fleet_private.devices_with_pictures(p_company uuid, p_after text, p_limit integer)
returns setof text
language sql
stable
set search_path = ''
as $$
  with recursive found (device_id, place) as (
    select fleet_private.next_with_pictures(p_company, p_after), 1
    union all
    select fleet_private.next_with_pictures(p_company, f.device_id), f.place + 1
      from found f
     where f.device_id is not null and f.place < p_limit
  )
  select device_id from found where device_id is not null
$$;

-- The oldest pictures under a policy that are not pinned, at least one and at most some p_limit of them if there are any.
-- Of each device twenty are looked at, so none is missing that is older than the last one that is returned.
create or replace function fleet_private.oldest_under(p_policy public.keep_policies, p_limit integer)
returns table (capture_id uuid, captured_at timestamptz, bytes integer)
language sql
stable
set search_path = ''
as $$
  with looked_at as (
    select d.device_id, c.capture_id, c.captured_at, coalesce(c.image_bytes, 0) as bytes,
           row_number() over (partition by d.device_id order by c.captured_at, c.capture_id) as place
      from fleet_private.devices_with_pictures(p_policy.company_id, '', 2147483647) as d (device_id)
     cross join lateral fleet_private.keep_policy_of(p_policy.company_id, d.device_id) as p
     cross join lateral (
       (select * from public.captures c
         where c.company_id = p_policy.company_id and c.device_id = d.device_id and c.ingest_status = 'stored'
           and not c.pinned
         order by c.captured_at limit 20)
       union all
       (select * from public.captures c
         where c.company_id = p_policy.company_id and c.device_id = d.device_id and c.ingest_status = 'partial'
           and not c.pinned
         order by c.captured_at limit 20)
       order by captured_at limit 20) as c
     where p.policy_id = p_policy.policy_id
  )
  select l.capture_id, l.captured_at, l.bytes
    from looked_at l
   where l.captured_at <= coalesce((select min(f.captured_at) from looked_at f where f.place = 20), 'infinity')
   order by l.captured_at, l.capture_id
   limit p_limit
$$;

-- Applies the policies: lets go some p_limit pictures at most, the rest at the next calls. A company's devices are gone
-- through once in p_every, and at once after a policy was changed. Two at once do no harm: the second does nothing.
-- p_at is the caller's time, for simulated time.
-- Returns {captures, bytes: what was let go, more: whether the next call has something to do at once}.
create or replace function public.apply_keep_policies(
  p_limit integer default 500, p_at timestamptz default now(), p_every interval default '20 hours'
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_round fleet_private.keep_rounds;
  v_policy public.keep_policies;
  v_device text;
  v_ids uuid[];
  v_why text[];
  v_kept bigint;
  v_excess bigint;
  v_answer jsonb;
  v_captures bigint := 0;
  v_bytes bigint := 0;
  -- A call ends soon, however many pictures the devices have; what it has done stays done.
  v_until constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.apply_keep_policies', 0)) then
    return '{"captures": 0, "bytes": 0, "more": false}';
  end if;

  insert into fleet_private.keep_rounds as r (company_id, began_at, policies_at)
  select company_id, p_at, max(changed_at) from public.keep_policies group by company_id
  on conflict (company_id) do update
    set began_at = p_at, policies_at = excluded.policies_at, device_id = '', bytes = '{}', devices_done = false, done_at = null
    where r.done_at <= p_at - p_every or r.policies_at <> excluded.policies_at;

  for v_round in
    select * from fleet_private.keep_rounds where done_at is null order by began_at, company_id for update
  loop
    while not v_round.devices_done and v_captures < p_limit and clock_timestamp() < v_until loop
      select device_id into v_device
        from fleet_private.devices_with_pictures(v_round.company_id, v_round.device_id, 1) as device_id;
      if not found then
        v_round.devices_done := true;
        exit;
      end if;
      select * into v_policy from fleet_private.keep_policy_of(v_round.company_id, v_device);
      if found then
        select array_agg(e.capture_id order by e.captured_at) filter (where e.why is not null and e.place <= p_limit - v_captures),
               array_agg(e.why order by e.captured_at) filter (where e.why is not null and e.place <= p_limit - v_captures),
               coalesce(sum(e.bytes) filter (where e.why is null), 0),
               coalesce(max(e.place) filter (where e.why is not null), 0)
          into v_ids, v_why, v_kept, v_excess
          from (select *, row_number() over (partition by x.why is not null order by x.captured_at, x.capture_id) as place
                  from fleet_private.expiring(v_policy, v_device, p_at) as x) as e;
        if v_ids is not null then
          v_answer := fleet_private.expire(v_ids, v_why, p_at);
          v_captures := v_captures + (v_answer->>'captures')::bigint;
          v_bytes := v_bytes + (v_answer->>'bytes')::bigint;
          exit when v_excess > cardinality(v_ids);  -- this device is not done yet
        end if;
        v_round.bytes := jsonb_set(v_round.bytes, array[v_policy.policy_id::text],
          to_jsonb(coalesce((v_round.bytes->>v_policy.policy_id::text)::bigint, 0) + v_kept));
      end if;
      v_round.device_id := v_device;
    end loop;

    if v_round.devices_done then
      v_round.done_at := p_at;
      for v_policy in
        select * from public.keep_policies where company_id = v_round.company_id and max_bytes is not null
      loop
        v_excess := (v_round.bytes->>v_policy.policy_id::text)::bigint - v_policy.max_bytes;
        continue when v_excess is null or v_excess <= 0;
        if v_captures >= p_limit then
          v_round.done_at := null;
          exit;
        end if;
        -- The oldest, up to the one with which enough has gone.
        select array_agg(o.capture_id), array_agg('bytes'::text) into v_ids, v_why
          from (select capture_id, sum(bytes) over (order by captured_at, capture_id) - bytes as gone_before
                  from fleet_private.oldest_under(v_policy, (p_limit - v_captures)::integer)) as o
         where o.gone_before < v_excess;
        continue when v_ids is null;  -- all that is left is pinned
        v_answer := fleet_private.expire(v_ids, v_why, p_at);
        v_captures := v_captures + (v_answer->>'captures')::bigint;
        v_bytes := v_bytes + (v_answer->>'bytes')::bigint;
        v_kept := (v_round.bytes->>v_policy.policy_id::text)::bigint - (v_answer->>'bytes')::bigint;
        v_round.bytes := jsonb_set(v_round.bytes, array[v_policy.policy_id::text], to_jsonb(v_kept));
        -- What a worker held just now waits for the next round.
        if v_kept > v_policy.max_bytes and (v_answer->>'captures')::bigint > 0 then
          v_round.done_at := null;
        end if;
      end loop;
    end if;
    update fleet_private.keep_rounds
       set device_id = v_round.device_id, bytes = v_round.bytes, devices_done = v_round.devices_done,
           done_at = v_round.done_at
     where company_id = v_round.company_id;
    exit when v_captures >= p_limit or clock_timestamp() >= v_until;
  end loop;
  return jsonb_build_object('captures', v_captures, 'bytes', v_bytes,
    'more', exists (select from fleet_private.keep_rounds where done_at is null));
end
$$;

select fleet_private.set_callers('service', 'fleet_private.expire', 'fleet_private.keep_policy_of',
  'fleet_private.expiring', 'fleet_private.next_with_pictures', 'fleet_private.devices_with_pictures', 'fleet_private.oldest_under',
  'public.apply_keep_policies');

grant select, insert, update, delete on fleet_private.keep_rounds to service_role;
