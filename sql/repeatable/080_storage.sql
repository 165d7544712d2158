-- The private bucket for the images, and the right to read them.
--   captures/{device}/YYYY/MM/DD/{image}     the users of the device's company may read it
--   thumbnails/{device}/YYYY/MM/DD/{image}   likewise
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
      and split_part(name, '/', 1) in ('captures', 'thumbnails')
      and split_part(name, '/', 3) <> ''
      and split_part(name, '/', 2) = any ((select fleet_private.devices_of_user())::text[])
    );
end
$$;
