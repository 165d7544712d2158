-- In what devices deviate from the protocol: the service examines what they have said, and the company reads what was found.

-- For the service: the p_limit devices whose messages were examined the longest ago, an hour at least, and that were heard
-- since: [{device_id, company_id, messages: [{topic, payload, received_at}], the latest p_messages of the log, in their
-- order}]. Only what came while the device was its present company's: the others' examples are nobody else's business. What
-- is longer than any honest hello or metadata is left out.
create or replace function public.messages_to_examine(p_limit integer, p_messages integer)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with due as (
    select d.device_id, d.company_id
      from public.devices d
      left join public.device_conformance c using (device_id)
     where d.company_id is not null and d.last_seen_at is not null
       and (c.device_id is null or c.company_id <> d.company_id
            or (c.examined_at < now() - interval '1 hour' and d.last_seen_at > c.examined_at))
     order by c.examined_at nulls first, d.device_id
     limit least(p_limit, 100)
  )
  select coalesce(jsonb_agg(jsonb_build_object(
           'device_id', due.device_id, 'company_id', due.company_id, 'messages', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'topic', m.topic, 'payload', m.payload, 'received_at', m.received_at) order by m.received_at), '[]')
               from (select l.topic, l.payload, l.received_at from public.device_publish_log l
                      where l.device_id = due.device_id and l.company_id = due.company_id and l.direction = 'in'
                        and octet_length(l.payload::text) <= 8192
                      order by l.received_at desc limit least(p_messages, 1000)) as m))), '[]')
    from due
$$;

-- For the service: keeps what was found, [{device_id, company_id, since, hellos, pictures, deviations}], in place of what was
-- found before. Of a device that another company has by now nothing is kept.
create or replace function public.record_conformance(p_found jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into public.device_conformance (device_id, company_id, since, hellos, pictures, deviations)
  select d.device_id, d.company_id, fleet_private.as_time(f->>'since'), (f->>'hellos')::integer, (f->>'pictures')::integer,
         f->'deviations'
    from fleet_private.elements(p_found) as f
    join public.devices d on d.device_id = f->>'device_id' and d.company_id::text = f->>'company_id'
   order by 1
  on conflict (device_id) do update
    set company_id = excluded.company_id, examined_at = now(), since = excluded.since, hellos = excluded.hellos,
        pictures = excluded.pictures, deviations = excluded.deviations;
$$;

select fleet_private.set_callers('service', 'public.messages_to_examine', 'public.record_conformance');

grant select, insert, update, delete on public.device_conformance to service_role;
grant select on public.device_conformance to authenticated;
drop policy if exists device_conformance_read_company on public.device_conformance;
create policy device_conformance_read_company on public.device_conformance for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
