-- What the console's page of a device's settings asks besides console_device(); with the rights of who calls it.

-- What is known of a device beyond its pictures: {link: as link_advice() tells it, of 14 days, firmware: {examined_at,
-- since, hellos, pictures, deviations}, as device_conformance has it, null until it was examined, changes: [{audit_id, at,
-- actor_email, action, table_name, subject, changes}, the latest 20, for admins alone]}. Null if the caller's company has no
-- such device.
create or replace function public.console_device_checks(p_device text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'link', public.link_advice(d.device_id),
    'firmware', (
      select jsonb_build_object(
               'examined_at', c.examined_at, 'since', c.since, 'hellos', c.hellos, 'pictures', c.pictures,
               'deviations', c.deviations)
        from public.device_conformance c
       where c.device_id = d.device_id and c.company_id = d.company_id),
    'changes', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.audit_id desc), '[]')
        from (select audit_id, at, actor_email, action, table_name, subject, changes from public.audit_log
               where device_id = d.device_id and company_id = d.company_id
               order by audit_id desc limit 20) as l))
    from public.devices d
   where d.device_id = p_device
$$;

select fleet_private.set_callers('users', 'public.console_device_checks');
