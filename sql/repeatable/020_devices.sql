-- What the database does with every new device.

create or replace function fleet_private.fill_device_hw_id()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.device_hw_id := coalesce(new.device_hw_id, new.device_id);
  return new;
end
$$;
create or replace trigger devices_fill_hw_id
  before insert on public.devices
  for each row execute function fleet_private.fill_device_hw_id();

select fleet_private.set_callers('service', 'fleet_private.fill_device_hw_id');
