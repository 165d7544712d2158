-- The private bucket for the images, and the right to read them. Its name is that of SUPABASE_STORAGE_BUCKET, which
-- `fleet schema` tells the database.
--   captures/{device}/YYYY/MM/DD/{image}     the users of the company that has the capture's row may read it
--   thumbnails/{device}/YYYY/MM/DD/{image}   likewise
--   timelapses/{company}/{claim}.mp4         the users of the company may read it that has the row of the time-lapse
--   quarantine/...                           for diagnosis: only the service, as for every other path

-- Row level security asks this as the user.
create or replace function fleet_private.bucket()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce((select name from fleet_private.storage_bucket), 'gxp-captures')
$$;

select fleet_private.set_callers('users', 'fleet_private.bucket');

-- Lets users read pictures in this bucket, which is made if it is not there, and in no other. Objects stay where they are.
-- Raises 22023.
create or replace function public.use_bucket(p_name text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  if p_name is null or p_name !~ '^[a-z0-9][a-z0-9.-]{1,62}$' then
    raise exception 'a bucket has no such name' using errcode = '22023';
  end if;
  insert into fleet_private.storage_bucket (name) values (p_name)
  on conflict (singleton) do update set name = excluded.name;
  -- A plain PostgreSQL database, which is used for the tables only, has no storage schema.
  if to_regclass('storage.buckets') is not null then
    insert into storage.buckets (id, name, public) values (p_name, p_name, false)
    on conflict (id) do update set public = false;
  end if;
end
$$;

select fleet_private.set_callers('service', 'public.use_bucket');

do $$
begin
  perform public.use_bucket(fleet_private.bucket());
  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    raise notice 'no storage schema here: bucket and policy left out';
    return;
  end if;

  drop policy if exists gxp_captures_read_company on storage.objects;
  create policy gxp_captures_read_company on storage.objects for select to authenticated
    using (
      bucket_id = (select fleet_private.bucket())
      and case split_part(objects.name, '/', 1)
        when 'captures' then exists (
          select from public.captures
           where storage_path = objects.name and shares_object is not true
             and company_id = (select fleet_private.company_of_user()))
        when 'thumbnails' then exists (
          select from public.captures
           where thumbnail_path = objects.name and shares_object is not true
             and company_id = (select fleet_private.company_of_user()))
        when 'timelapses' then exists (
          select from public.timelapses
           where path = objects.name and company_id = (select fleet_private.company_of_user()))
      end
    );
end
$$;

-- What the policies called before rows had a company_id; the one above was the last of them.
drop function if exists fleet_private.devices_of_user();
