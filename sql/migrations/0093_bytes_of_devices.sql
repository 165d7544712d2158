-- What each device and each company has in storage: the sums of capture_days.kept_bytes, or bytes where that is null.
create table fleet_private.device_bytes (
  device_id text not null,
  company_id uuid,
  bytes numeric not null,
  constraint device_bytes_key unique nulls not distinct (company_id, device_id)
);

create or replace function fleet_private.add_stored_bytes()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    insert into fleet_private.stored_bytes as s (company_id, bytes)
    select company_id, -sum(coalesce(kept_bytes, bytes)) from old_days group by company_id having sum(coalesce(kept_bytes, bytes)) > 0 order by company_id
    on conflict (company_id) do update set bytes = s.bytes + excluded.bytes;
    insert into fleet_private.device_bytes as s (device_id, company_id, bytes)
    select device_id, company_id, -sum(coalesce(kept_bytes, bytes)) from old_days
     group by company_id, device_id having sum(coalesce(kept_bytes, bytes)) > 0 order by company_id, device_id
    on conflict (company_id, device_id) do update set bytes = s.bytes + excluded.bytes;
  end if;
  if tg_op <> 'DELETE' then
    insert into fleet_private.stored_bytes as s (company_id, bytes)
    select company_id, sum(coalesce(kept_bytes, bytes)) from new_days group by company_id having sum(coalesce(kept_bytes, bytes)) > 0 order by company_id
    on conflict (company_id) do update set bytes = s.bytes + excluded.bytes;
    insert into fleet_private.device_bytes as s (device_id, company_id, bytes)
    select device_id, company_id, sum(coalesce(kept_bytes, bytes)) from new_days
     group by company_id, device_id having sum(coalesce(kept_bytes, bytes)) > 0 order by company_id, device_id
    on conflict (company_id, device_id) do update set bytes = s.bytes + excluded.bytes;
  end if;
  return null;
end
$$;
lock table public.capture_days in share row exclusive mode;
insert into fleet_private.device_bytes (device_id, company_id, bytes)
select device_id, company_id, sum(coalesce(kept_bytes, bytes)) from public.capture_days group by company_id, device_id;

select fleet_private.set_callers('service', 'fleet_private.add_stored_bytes');
select fleet_private.close_tables('fleet_private.device_bytes');
