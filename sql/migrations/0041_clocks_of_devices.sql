-- run: batches of public.devices
insert into fleet_private.day_clocks (device_id, heard_since)
select device_id, created_at
  from public.devices
 where ctid >= :first and ctid < :last
on conflict do nothing;
