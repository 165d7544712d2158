-- The private bucket of the images, and who may read them.
--   captures/{device}/YYYY/MM/DD/{image}     read by the users of the device's company
--   thumbnails/{device}/YYYY/MM/DD/{image}   likewise
--   quarantine/...                           for diagnosis: the service alone, as everything else

do $$
begin
  -- Plain PostgreSQL, where only the tables are wanted, has no Storage.
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
      and split_part(name, '/', 1) in ('captures', 'thumbnails')
      and split_part(name, '/', 3) <> ''
      and split_part(name, '/', 2) = any ((select fleet_private.devices_of_user())::text[])
    );
end
$$;
