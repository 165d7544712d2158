-- How many pictures in a row, to the latest that was judged, have not been good: of devices that have sent such.
-- repeatable/084_alert_conditions.sql has the trigger that counts them.
create table fleet_private.picture_streaks (
  device_id text primary key references public.devices (device_id) on delete cascade,
  company_id uuid,
  pictures integer not null,
  health text not null
);
select fleet_private.close_tables('fleet_private.picture_streaks');
