-- What becomes of the objects that no row names any more: a trigger queues them in the transaction in which that comes about,
-- and a task of the workers removes them through the Storage API. docs/adr/0030-keeping.md has the reasons.

-- Queues the objects that a row names no more, in the transaction in which it ceases to.
create or replace function fleet_private.queue_removal()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into fleet_private.object_removals (path)
  select path
    from unnest(array[old.storage_path, old.thumbnail_path]) as path
   where path is not null
     and (tg_op = 'DELETE' or path not in (coalesce(new.storage_path, ''), coalesce(new.thumbnail_path, '')))
     and path ~ '^(captures|thumbnails|quarantine)/.'
  on conflict do nothing;
  return null;
end
$$;
create or replace trigger captures_removals after update of storage_path, thumbnail_path on public.captures
  for each row when (old.storage_path is distinct from new.storage_path or old.thumbnail_path is distinct from new.thumbnail_path)
  execute function fleet_private.queue_removal();
create or replace trigger captures_removals_deleted after delete on public.captures
  for each row execute function fleet_private.queue_removal();

-- Lets a row name these objects: what is queued of them is not removed. Raises 23505, as if another row named it, if one may
-- be removed at this moment, or was in the last two days: an upload of before may have ended in between.
create or replace function fleet_private.keep_objects(p_paths text[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from fleet_private.object_removals where path = any (p_paths) and claimed_until is null;
  if exists (select from fleet_private.object_removals where path = any (p_paths)) then
    raise exception 'an object of this path is being removed (captures_storage_path_key)'
      using errcode = '23505', hint = 'Upload it under another path.';
  end if;
end
$$;

-- Queues objects that were uploaded for a row which names others, or has let them go.
create or replace function fleet_private.discard_objects(p_capture public.captures, p_paths text[])
returns void
language sql
set search_path = ''
as $$
  insert into fleet_private.object_removals (path)
  select path from unnest(p_paths) as path
   where path ~ '^(captures|thumbnails)/.'
     and path not in (coalesce(p_capture.storage_path, ''), coalesce(p_capture.thumbnail_path, ''))
  -- One that was removed lately lies there again.
  on conflict (path) do update set removed_at = null, claimed_until = null, queued_at = now()
    where object_removals.removed_at is not null
$$;

-- Whether a row names this object. Asked in parts, each of which one index answers: a question for the path alone has no
-- index, and reads all captures. Those that share an object are few.
create or replace function fleet_private.is_named(p_path text)
returns boolean
language sql
stable
set search_path = ''
set enable_seqscan = off
as $$
  select exists (select from public.captures where storage_path = p_path and shares_object is not true)
      or exists (select from public.captures where thumbnail_path = p_path and shares_object is not true)
      or exists (select from public.captures where storage_path = p_path and shares_object)
      or exists (select from public.captures where thumbnail_path = p_path and shares_object)
      or exists (select from public.timelapses where path = p_path)
$$;

-- The service takes some p_limit objects to remove, for p_lease. Each is one that no row names. Returns their paths.
create or replace function public.claim_removals(p_limit integer default 200, p_lease interval default '5 minutes')
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_paths jsonb;
begin
  delete from fleet_private.object_removals where removed_at < now() - interval '2 days';
  with free as (
    select path from fleet_private.object_removals
     where removed_at is null and (claimed_until is null or claimed_until < now())
     order by claimed_until nulls first, queued_at
     limit p_limit
       for update skip locked
  ), named as (
    -- Only SQL by hand can have brought this about; the object is a row's.
    delete from fleet_private.object_removals r using free f
     where r.path = f.path and fleet_private.is_named(r.path)
    returning r.path
  ), claimed as (
    update fleet_private.object_removals r
       set claimed_until = now() + p_lease
      from free f
     where r.path = f.path and f.path not in (select path from named)
    returning r.path
  )
  select coalesce(jsonb_agg(path order by path), '[]') into v_paths from claimed;
  return v_paths;
end
$$;

-- Notes that these objects are gone from Storage.
create or replace function public.finish_removals(p_paths jsonb)
returns void
language sql
set search_path = ''
as $$
  update fleet_private.object_removals set removed_at = now()
   where path in (select jsonb_array_elements_text(p_paths)) and removed_at is null
$$;

-- Compares rows with objects: some p_limit of the objects by name, and once all are, some p_limit of the rows; it goes on at
-- the next call. Objects that no row names and that are older than p_older_than are queued for removal; rows whose
-- object is missing are told. Returns the row of the comparison as JSON, whose `done_at` is null until it is done; null if
-- none is due within p_every of the last one, and where there is no Storage in this database.
-- Security definer, since the service reads no objects by SQL otherwise.
create or replace function public.reconcile_objects(
  p_bucket text, p_limit integer default 2000, p_older_than interval default '1 day', p_every interval default '20 hours'
)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- Each row and each object is looked for by its name: to compare tables as wholes would read all of both in each call.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  v_run fleet_private.reconciliations;
  v_found record;
begin
  if to_regclass('storage.objects') is null or not pg_try_advisory_xact_lock(hashtextextended('public.reconcile_objects', 0)) then
    return null;
  end if;
  select * into v_run from fleet_private.reconciliations where done_at is null order by reconciliation_id limit 1;
  if not found then
    if exists (select from fleet_private.reconciliations where began_at > now() - p_every) then
      return null;
    end if;
    delete from fleet_private.reconciliations where began_at < now() - interval '1 year';
    insert into fleet_private.reconciliations default values returning * into v_run;
  end if;

  if v_run.after_object is not null then
    -- Names are sorted by bytes: `0` comes after a slash, so it ends the names of a folder.
    with objects as materialized (
      select o.name, o.created_at, fleet_private.as_integer(o.metadata->>'size', 0, 1e15::bigint) as bytes
        from unnest(array['captures', 'quarantine', 'thumbnails', 'timelapses']) as folder
       cross join lateral (
         select * from storage.objects
          where bucket_id = p_bucket and name collate "C" < folder || '0'
            and name collate "C" > greatest(v_run.after_object collate "C", folder || '/')
          order by name collate "C" limit p_limit) as o
       order by o.name collate "C" limit p_limit
    ), orphans as (
      select o.name, o.bytes from objects o
       where o.created_at <= now() - p_older_than
         -- Nearly all are named, and by these two; is_named asks for the others too.
         and not exists (select from public.captures c where c.storage_path = o.name and c.shares_object is not true)
         and not exists (select from public.captures c where c.thumbnail_path = o.name and c.shares_object is not true)
         and not fleet_private.is_named(o.name)
         and not exists (select from fleet_private.object_removals r where r.path = o.name and r.removed_at is null)
    ), queued as (
      insert into fleet_private.object_removals as r (path) select name from orphans
      on conflict (path) do update set removed_at = null, claimed_until = null, queued_at = now() where r.removed_at is not null
    )
    select (select count(*) from objects) as compared,
           -- Fewer than asked for are the last ones.
           (select max(name collate "C") from objects having count(*) = p_limit) as last,
           (select count(*) from orphans) as orphans, (select coalesce(sum(bytes), 0) from orphans) as orphan_bytes,
           (select coalesce(jsonb_agg(jsonb_build_object('orphan', name)), '[]')
              from (select name from orphans order by name limit 10) as first) as examples
      into v_found;
    update fleet_private.reconciliations r
       set after_object = v_found.last, objects = r.objects + v_found.compared, orphans = r.orphans + v_found.orphans,
           orphan_bytes = r.orphan_bytes + v_found.orphan_bytes
     where r.reconciliation_id = v_run.reconciliation_id;
  else
    -- Pictures and films in the order of their ids, as if they were one table.
    with rows as materialized (
      select * from (
        (select capture_id as id, 'capture_id' as key, ingest_status, storage_path, thumbnail_path, shares_object
           from public.captures
          where capture_id > coalesce(v_run.after_capture, '00000000-0000-0000-0000-000000000000')
          order by capture_id limit p_limit)
        union all
        (select timelapse_id, 'timelapse_id', 'stored', path, null, false
           from public.timelapses
          where timelapse_id > coalesce(v_run.after_capture, '00000000-0000-0000-0000-000000000000') and path is not null
          order by timelapse_id limit p_limit)) as both_tables
       order by id limit p_limit
    ), named as (
      select path as name, r.id, r.key, r.ingest_status
        from rows r cross join lateral unnest(array[r.storage_path, r.thumbnail_path]) as path
       where path is not null and r.shares_object is not true
    ), missing as (
      select n.name, n.id, n.key from named n
       where n.ingest_status in ('stored', 'partial')
         and not exists (select from storage.objects o where o.bucket_id = p_bucket and o.name = n.name)
    )
    select (select count(*) from named) as compared,
           (select id from rows order by id offset p_limit - 1) as last,
           (select count(*) from missing) as missing,
           (select coalesce(jsonb_agg(jsonb_build_object('missing', name, key, id)), '[]')
              from (select name, id, key from missing order by name limit 10) as first) as examples
      into v_found;
    update fleet_private.reconciliations r
       set after_capture = v_found.last, done_at = case when v_found.last is null then now() end,
           named = r.named + v_found.compared, missing = r.missing + v_found.missing
     where r.reconciliation_id = v_run.reconciliation_id;
  end if;
  -- Some of each kind.
  update fleet_private.reconciliations r
     set examples = case when jsonb_array_length(r.examples) < case when v_run.after_object is null then 20 else 10 end
                         then r.examples || v_found.examples else r.examples end
   where r.reconciliation_id = v_run.reconciliation_id
  returning r.* into v_run;
  return to_jsonb(v_run);
end
$$;

select fleet_private.set_callers('service', 'fleet_private.queue_removal', 'fleet_private.keep_objects',
  'fleet_private.discard_objects', 'fleet_private.is_named',
  'public.claim_removals', 'public.finish_removals', 'public.reconcile_objects');
grant select, insert, update, delete on fleet_private.object_removals to service_role;
-- Here, and not with what makes films: claim_removals asks for them at every moment of an upgrade.
grant select, insert, update, delete on public.timelapses to service_role;
