-- What the members of a company do about keeping: policies and what they would let go, pins, deletion, usage.
-- docs/retention.md tells it.

-- Reads a policy as users give it: {site_id or device_id or neither, and any of max_age_days, max_count, max_bytes,
-- hourly_after_days, daily_after_days, weekly_after_days, smaller_after_days, smaller_quality, smaller_width}. Null is no
-- limit. Raises 22023 for anything else.
create or replace function fleet_private.as_keep_policy(p_policy jsonb, p_company uuid)
returns public.keep_policies
language plpgsql
stable
set search_path = ''
as $$
declare
  v_policy public.keep_policies;
  v_unknown text;
begin
  if jsonb_typeof(p_policy) is distinct from 'object' then
    raise exception 'the policy is no object' using errcode = '22023';
  end if;
  select string_agg(key, ', ' order by key) into v_unknown
    from jsonb_each(p_policy) as e (key, value)
   where key not in ('site_id', 'device_id', 'max_age_days', 'max_count', 'max_bytes', 'hourly_after_days',
                     'daily_after_days', 'weekly_after_days', 'smaller_after_days', 'smaller_quality', 'smaller_width')
      or case when key in ('site_id', 'device_id') then jsonb_typeof(value) not in ('string', 'null')
              else value <> 'null' and fleet_private.as_integer(
                     value #>> '{}', 1, case key when 'max_bytes' then 1e15::bigint else 2147483647 end) is null end;
  if v_unknown is not null then
    raise exception 'these are no limits of a policy: %', left(v_unknown, 200) using errcode = '22023';
  end if;
  v_policy.company_id := p_company;
  v_policy.device_id := p_policy->>'device_id';
  v_policy.max_age_days := fleet_private.as_integer(p_policy->>'max_age_days', 1, 2147483647);
  v_policy.max_count := fleet_private.as_integer(p_policy->>'max_count', 1, 2147483647);
  v_policy.max_bytes := fleet_private.as_integer(p_policy->>'max_bytes', 1, 1e15::bigint);
  v_policy.hourly_after_days := fleet_private.as_integer(p_policy->>'hourly_after_days', 1, 2147483647);
  v_policy.daily_after_days := fleet_private.as_integer(p_policy->>'daily_after_days', 1, 2147483647);
  v_policy.weekly_after_days := fleet_private.as_integer(p_policy->>'weekly_after_days', 1, 2147483647);
  v_policy.smaller_after_days := fleet_private.as_integer(p_policy->>'smaller_after_days', 1, 2147483647);
  v_policy.smaller_quality := fleet_private.as_integer(p_policy->>'smaller_quality', 1, 2147483647);
  v_policy.smaller_width := fleet_private.as_integer(p_policy->>'smaller_width', 1, 2147483647);
  if p_policy->>'site_id' is not null then
    select site_id into v_policy.site_id from public.sites
     where company_id = p_company and site_id::text = p_policy->>'site_id';
    if not found then
      raise exception 'the company has no such site' using errcode = 'PT404';
    end if;
  end if;
  if v_policy.device_id is not null and not exists (
       select from public.devices where device_id = v_policy.device_id and company_id = p_company)
     and not exists (select from public.captures
                      where company_id = p_company and device_id = v_policy.device_id and ingest_status = 'stored') then
    raise exception 'the company has no such device' using errcode = 'PT404';
  end if;
  if num_nonnulls(v_policy.site_id, v_policy.device_id) = 2 then
    raise exception 'a policy is for a site, for a device, or for the company' using errcode = '22023';
  end if;
  return v_policy;
end
$$;

-- For admins: sets the policy of the own company, or of one of its sites or devices, in place of what it was; without a
-- limit it ends, and the next wider one is in force. Raises 42501, PT404 for an unknown site or device, and 22023 for
-- what is no policy.
create or replace function public.set_keep_policy(p_policy jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_policy public.keep_policies;
begin
  perform fleet_private.require_role('admin');
  -- One change after the other, so that two never wait for each other, and the last one has the latest time.
  perform pg_advisory_xact_lock(hashtextextended('set_keep_policy of ' || v_company, 0));
  v_policy := fleet_private.as_keep_policy(p_policy, v_company);
  if num_nonnulls(v_policy.max_age_days, v_policy.max_count, v_policy.max_bytes, v_policy.hourly_after_days,
                  v_policy.daily_after_days, v_policy.weekly_after_days, v_policy.smaller_after_days,
                  v_policy.smaller_quality, v_policy.smaller_width) = 0 then
    delete from public.keep_policies
     where company_id = v_company and site_id is not distinct from v_policy.site_id
       and device_id is not distinct from v_policy.device_id;
    -- What was under it is under a wider one now, which counts at once too.
    update public.keep_policies set changed_at = clock_timestamp() where company_id = v_company;
    return;
  end if;
  insert into public.keep_policies (company_id, site_id, device_id, max_age_days, max_count, max_bytes, hourly_after_days,
                                    daily_after_days, weekly_after_days, smaller_after_days, smaller_quality, smaller_width,
                                    changed_at)
  values (v_company, v_policy.site_id, v_policy.device_id, v_policy.max_age_days, v_policy.max_count, v_policy.max_bytes,
          v_policy.hourly_after_days, v_policy.daily_after_days, v_policy.weekly_after_days, v_policy.smaller_after_days,
          v_policy.smaller_quality, v_policy.smaller_width, clock_timestamp())
  on conflict (company_id, site_id, device_id) do update
    set max_age_days = excluded.max_age_days, max_count = excluded.max_count, max_bytes = excluded.max_bytes,
        hourly_after_days = excluded.hourly_after_days, daily_after_days = excluded.daily_after_days,
        weekly_after_days = excluded.weekly_after_days, smaller_after_days = excluded.smaller_after_days,
        smaller_quality = excluded.smaller_quality, smaller_width = excluded.smaller_width, changed_at = excluded.changed_at;
exception
  when check_violation then
    raise exception
      'days are from 1 to 36500, max_count is at most 10 million, max_bytes at least 1000000; smaller_quality is from 30 to 90, smaller_width from 160 to 10000, both with smaller_after_days'
      using errcode = '22023';
end
$$;

-- For members: what this policy would let go now, if it were set: {captures, bytes, devices, oldest, newest,
-- by: {age: captures, …}, pinned: those that it spares, smaller: {captures, bytes} of those that it would make smaller; their
-- bytes are those of now}. Raises as set_keep_policy, but for the role, and PT429 while the company is looking at another one:
-- it reads all pictures.
create or replace function public.preview_keep_policy(p_policy jsonb, p_at timestamptz default now())
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_policy public.keep_policies;
  v_answer jsonb;
begin
  perform fleet_private.require_role('viewer');
  if not pg_try_advisory_xact_lock(hashtextextended('preview_keep_policy of ' || v_company, 0)) then
    raise exception 'the company is looking at another policy: try again when that is done' using errcode = 'PT429';
  end if;
  v_policy := fleet_private.as_keep_policy(p_policy, v_company);
  with governed as (
    -- Where a narrower policy is in force, this one would not be.
    select d.device_id
      from fleet_private.devices_with_pictures(v_company, '', 2147483647) as d (device_id)
      left join public.devices o on o.device_id = d.device_id and o.company_id = v_company
     where case
       when v_policy.device_id is not null then d.device_id = v_policy.device_id
       when exists (select from public.keep_policies k where k.company_id = v_company and k.device_id = d.device_id) then false
       when v_policy.site_id is not null then o.site_id = v_policy.site_id
       else not exists (select from public.keep_policies k where k.company_id = v_company and k.site_id = o.site_id)
     end
  ), looked_at as (
    select g.device_id, e.*
      from governed g cross join lateral fleet_private.expiring(v_policy, g.device_id, p_at) as e
  ), weighed as (
    select *, sum(bytes) filter (where why is null) over () as kept,
           sum(bytes) filter (where why is null and not pinned) over (order by captured_at, capture_id) as up_to_here
      from looked_at
  ), judged as (
    select *, case when why is null and not pinned and up_to_here - bytes < kept - v_policy.max_bytes then 'bytes' else why end
                as reason
      from weighed
  )
  select jsonb_build_object(
           'captures', count(*) filter (where reason is not null),
           'bytes', coalesce(sum(bytes) filter (where reason is not null), 0),
           'devices', count(distinct device_id) filter (where reason is not null),
           'oldest', min(captured_at) filter (where reason is not null),
           'newest', max(captured_at) filter (where reason is not null),
           'pinned', count(*) filter (where pinned),
           'by', coalesce((select jsonb_object_agg(reason, n) from (
                    select reason, count(*) as n from judged where reason is not null group by reason) as r), '{}'),
           'smaller', (
              select jsonb_build_object('captures', count(*), 'bytes', coalesce(sum(s.bytes), 0))
                from governed g
               cross join lateral fleet_private.to_make_smaller(v_policy, g.device_id, '-infinity', p_at, null) as s
                join judged j on j.capture_id = s.capture_id and j.reason is null))
    into v_answer
    from judged;
  return v_answer;
end
$$;

-- Raises 22023 for more than 1000 captures, and PT404 if one of them is not the company's.
create or replace function fleet_private.check_captures(p_captures uuid[], p_company uuid)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_captures is null or cardinality(p_captures) > 1000 then
    raise exception 'name at most 1000 captures' using errcode = '22023';
  end if;
  if exists (select from unnest(p_captures) as n (capture_id)
              where not exists (select from public.captures c
                                 where c.capture_id = n.capture_id and c.company_id = p_company)) then
    raise exception 'the company has no such picture' using errcode = 'PT404';
  end if;
end
$$;

-- For operators: keeps pictures of the own company from every policy, or no longer. Returns how many it has changed. Raises
-- 42501, PT404 for another company's picture, and 22023 for more than 1000.
create or replace function public.pin_captures(p_captures uuid[], p_pinned boolean default true)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_changed integer;
begin
  perform fleet_private.require_role('operator');
  perform fleet_private.check_captures(p_captures, fleet_private.company_of_user());
  update public.captures c
     set pinned = coalesce(p_pinned, true)
   where c.capture_id = any (p_captures) and c.ingest_status = 'stored' and c.pinned is distinct from coalesce(p_pinned, true);
  get diagnostics v_changed = row_count;
  return v_changed;
end
$$;

-- For admins: lets pictures of the own company go, for good; those that are pinned stay. Returns {captures, bytes}. Raises
-- as pin_captures.
create or replace function public.delete_captures(p_captures uuid[])
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_answer jsonb;
begin
  perform fleet_private.require_role('admin');
  perform fleet_private.check_captures(p_captures, fleet_private.company_of_user());
  v_answer := fleet_private.expire(
    p_captures, array(select 'person'::text from generate_series(1, cardinality(p_captures))), now());
  if (v_answer->>'captures')::bigint > 0 then
    perform fleet_private.write_audit(fleet_private.company_of_user(), 'delete', 'captures', v_answer->>'captures', v_answer);
  end if;
  return v_answer;
end
$$;

-- For members: what the company has in storage, as counted within the last minutes: {bytes, quota_bytes: null without a
-- quota, devices: how many have pictures, largest: [{device_id, name, bytes}], the p_limit devices with most,
-- smaller: {captures: how many were made smaller since ever, saved_bytes}}.
create or replace function public.storage_usage(p_limit integer default 100)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
begin
  perform fleet_private.require_role('viewer');
  return jsonb_build_object(
    'bytes', coalesce((select bytes from fleet_private.stored_bytes where company_id = v_company), 0),
    'quota_bytes', (select storage_quota_bytes from public.companies where company_id = v_company),
    'devices', (select count(*) from fleet_private.device_bytes where company_id = v_company and bytes > 0),
    'smaller', coalesce((select jsonb_build_object('captures', pictures, 'saved_bytes', saved_bytes)
                           from fleet_private.smaller_rounds where company_id = v_company),
                        '{"captures": 0, "saved_bytes": 0}'),
    'largest', (select coalesce(jsonb_agg(to_jsonb(l) order by l.bytes desc, l.device_id), '[]') from (
       select b.device_id, d.name, b.bytes
         from fleet_private.device_bytes b
         left join public.devices d on d.device_id = b.device_id and d.company_id = v_company
        where b.company_id = v_company and b.bytes > 0
        order by b.bytes desc, b.device_id
        limit least(greatest(p_limit, 0), 1000)) as l));
end
$$;

-- For whoever runs the service: sets how much a company may have in storage, by default as much as it likes. Nothing is
-- refused or let go for it: alerts tell of it. Returns {bytes: what it has, quota_bytes}. Raises PT404.
create or replace function public.set_storage_quota(p_company uuid, p_bytes bigint default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update public.companies set storage_quota_bytes = p_bytes where company_id = p_company;
  if not found then
    raise exception 'there is no such company' using errcode = 'PT404';
  end if;
  return jsonb_build_object(
    'bytes', coalesce((select bytes from fleet_private.stored_bytes where company_id = p_company), 0), 'quota_bytes', p_bytes);
end
$$;

create or replace trigger keep_policies_audit after insert or delete or update on public.keep_policies
  for each row execute function fleet_private.audit('policy_id', 'site_id', 'device_id', 'max_age_days', 'max_count',
    'max_bytes', 'hourly_after_days', 'daily_after_days', 'weekly_after_days', 'smaller_after_days', 'smaller_quality',
    'smaller_width');

select fleet_private.set_callers('users', 'public.set_keep_policy', 'public.preview_keep_policy', 'public.pin_captures',
  'public.delete_captures', 'public.storage_usage');
select fleet_private.set_callers('service', 'fleet_private.as_keep_policy', 'fleet_private.check_captures',
  'public.set_storage_quota');

grant select on public.keep_policies to authenticated, service_role;
grant insert, update, delete on public.keep_policies to service_role;
drop policy if exists keep_policies_read_company on public.keep_policies;
create policy keep_policies_read_company on public.keep_policies for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
