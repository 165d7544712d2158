-- The constraints of the migration before hold for new rows; here the older ones are looked at, which locks nobody out.
alter table public.devices validate constraint devices_notes_check;
alter table public.devices validate constraint devices_tags_check;
alter table public.devices validate constraint devices_site_fkey;
alter table public.device_commands validate constraint device_commands_status_check;
