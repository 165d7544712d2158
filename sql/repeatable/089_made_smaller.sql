-- How older pictures are made smaller, where a policy says so: the service claims some, encodes them anew, and records each.
-- docs/retention.md tells it, docs/adr/0031-smaller-pictures.md has the reasons.

-- The pictures of a device, taken after a time, that a policy has made smaller: the oldest p_limit of them. Not those that are
-- pinned or damaged, those that were looked at before, and those of which nobody has noted what the device sent.
create or replace function fleet_private.to_make_smaller(
  p_policy public.keep_policies, p_device text, p_after timestamptz, p_at timestamptz, p_limit bigint
)
returns table (capture_id uuid, captured_at timestamptz, bytes integer, image_sha256 text, storage_path text)
language sql
stable
set search_path = ''
as $$
  select c.capture_id, c.captured_at, coalesce(c.image_bytes, 0), c.image_sha256, c.storage_path
    from public.captures c
   where c.company_id = p_policy.company_id and c.device_id = p_device and c.ingest_status = 'stored'
     and c.captured_at > p_after and c.captured_at < p_at - make_interval(days => p_policy.smaller_after_days)
     and c.smaller_at is null and not c.pinned and not c.damaged and c.shares_object is not true
     and c.image_sha256 is not null and c.storage_path like 'captures/%'
   order by c.captured_at
   limit p_limit
$$;

-- The service takes some p_limit pictures to make smaller:
--   [{capture_id, path, image_sha256, quality, width: null for as it is, new_path, until}].
-- new_path is of no object yet. It is queued for removal at `until`, so what is uploaded to it and not recorded goes then.
-- A company's devices are gone through once in p_every, and at once after a policy was changed, when what its policies let
-- go has gone. A picture that is claimed and not recorded has its turn in the next round. p_at is the caller's time.
create or replace function public.claim_smaller_pictures(
  p_limit integer default 10, p_at timestamptz default now(), p_every interval default '20 hours',
  p_lease interval default '10 minutes'
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_round fleet_private.smaller_rounds;
  v_policy public.keep_policies;
  v_device text;
  v_found jsonb;
  v_claims jsonb := '[]';
  v_last timestamptz;
  v_until constant timestamptz := clock_timestamp() + interval '2 seconds';
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.claim_smaller_pictures', 0)) then
    return '[]';
  end if;
  insert into fleet_private.smaller_rounds as r (company_id, began_at, policies_at)
  select company_id, p_at, max(changed_at) from public.keep_policies group by company_id
  having count(smaller_after_days) > 0
  on conflict (company_id) do update
    set began_at = p_at, policies_at = excluded.policies_at, device_id = '', captured_at = '-infinity', done_at = null
    where r.done_at <= p_at - p_every or r.policies_at <> excluded.policies_at;

  for v_round in
    select r.* from fleet_private.smaller_rounds r
      join fleet_private.keep_rounds k on k.company_id = r.company_id and k.policies_at = r.policies_at
     where r.done_at is null and k.done_at is not null
     order by r.began_at, r.company_id for update of r
  loop
    while v_round.done_at is null and jsonb_array_length(v_claims) < p_limit and clock_timestamp() < v_until loop
      select device_id into v_device
        from fleet_private.devices_with_pictures(v_round.company_id, v_round.device_id, 1) as device_id;
      if not found then
        v_round.done_at := p_at;
        exit;
      end if;
      select * into v_policy from fleet_private.keep_policy_of(v_round.company_id, v_device);
      select jsonb_agg(jsonb_build_object(
               'capture_id', s.capture_id, 'path', s.storage_path, 'image_sha256', s.image_sha256,
               'quality', coalesce(v_policy.smaller_quality, 60), 'width', v_policy.smaller_width,
               -- No name that a device gives ends so, and no other picture has these digits.
               'new_path', regexp_replace(left(s.storage_path, 1000), '(--[0-9a-f]{12})?(\.[^./]*)?$',
                                          '--' || left(replace(gen_random_uuid()::text, '-', ''), 12) || '.jpg'),
               'until', now() + p_lease) order by s.captured_at), max(s.captured_at)
        into v_found, v_last
        from fleet_private.to_make_smaller(
               v_policy, v_device, v_round.captured_at, p_at, p_limit - jsonb_array_length(v_claims)) as s;
      v_claims := v_claims || coalesce(v_found, '[]');
      if jsonb_array_length(v_claims) < p_limit then
        v_round.device_id := v_device;
        v_round.captured_at := '-infinity';
      else
        v_round.captured_at := v_last;
      end if;
    end loop;
    update fleet_private.smaller_rounds
       set device_id = v_round.device_id, captured_at = v_round.captured_at, done_at = v_round.done_at
     where company_id = v_round.company_id;
    exit when jsonb_array_length(v_claims) >= p_limit or clock_timestamp() >= v_until;
  end loop;

  insert into fleet_private.object_removals (path, claimed_until)
  select c->>'new_path', (c->>'until')::timestamptz from jsonb_array_elements(v_claims) as c;
  return v_claims;
end
$$;

-- Records what became of a claim, in one transaction: the row names the smaller picture, and a trigger queues the former one.
-- p_made is {original_bytes, bytes, sha256, width, height} of what lies at new_path, or null if the picture stays as it is for
-- good. Returns the bytes that were saved; null, and changes nothing, if the row has changed since, or the claim has ended:
-- then what lies at new_path is removed when its time has come. Called again it changes nothing.
create or replace function public.record_smaller_picture(p_claim jsonb, p_made jsonb default null)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_row public.captures;
  v_saved bigint := 0;
begin
  select * into v_row from public.captures where capture_id = (p_claim->>'capture_id')::uuid for no key update;
  if v_row.ingest_status is distinct from 'stored' or v_row.storage_path is distinct from p_claim->>'path'
     or v_row.smaller_at is not null or v_row.pinned or v_row.damaged then
    return null;
  end if;
  -- From now on nobody may remove it. Who has begun to has another time there.
  delete from fleet_private.object_removals
   where path = p_claim->>'new_path' and claimed_until = (p_claim->>'until')::timestamptz and removed_at is null;
  if not found then
    return null;
  end if;
  if jsonb_typeof(p_made) = 'object' then
    update public.captures
       set storage_path = p_claim->>'new_path', image_bytes = (p_made->>'bytes')::integer,
           original_bytes = (p_made->>'original_bytes')::integer, stored_sha256 = p_made->>'sha256',
           stored_quality = (p_claim->>'quality')::smallint, width = (p_made->>'width')::integer,
           height = (p_made->>'height')::integer, smaller_at = now(), updated_at = now()
     where capture_id = v_row.capture_id
    returning original_bytes - image_bytes into v_saved;
  else
    update public.captures set smaller_at = now() where capture_id = v_row.capture_id;
  end if;
  update fleet_private.smaller_rounds
     set pictures = pictures + (v_saved > 0)::integer, saved_bytes = saved_bytes + v_saved,
         left_alone = left_alone + (v_saved = 0)::integer
   where company_id = v_row.company_id;
  return v_saved;
end
$$;

select fleet_private.set_callers('service', 'fleet_private.to_make_smaller', 'public.claim_smaller_pictures',
  'public.record_smaller_picture');

grant select, insert, update, delete on fleet_private.smaller_rounds to service_role;
