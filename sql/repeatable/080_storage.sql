-- The private bucket for the images, and the right to read them.
--   captures/{device}/YYYY/MM/DD/{image}     the users of the company that has the capture's row may read it
--   thumbnails/{device}/YYYY/MM/DD/{image}   likewise
--   timelapses/{company}/{claim}.mp4         the users of the company may read it that has the row of the time-lapse
--   quarantine/...                           for diagnosis: only the service, as for every other path

do $$
begin
  -- A plain PostgreSQL database, which is used for the tables only, has no storage schema.
  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    raise notice 'no storage schema here: bucket and policy left out';
    return;
  end if;

  insert into storage.buckets (id, name, public)
  values ('gxp-captures', 'gxp-captures', false)
  on conflict (id) do update set public = false;

  drop policy if exists gxp_captures_read_company on storage.objects;
  create policy gxp_captures_read_company on storage.objects for select to authenticated
    using (
      bucket_id = 'gxp-captures'
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
