-- run: concurrently
-- The devices of a site.
create index concurrently if not exists devices_site_id_idx on public.devices (site_id) where site_id is not null;
