-- The function that writes the traffic log and the errors in bulk.

-- Adds rows to the traffic log and to the errors.
-- p_messages, for device_publish_log:
--   [{key, device_id, topic, direction: 'in' | 'out', payload, received_at}]
-- p_errors, for device_errors:
--   [{key, device_id, error_code, message, details, occurred_at}]
-- A message is one row by its key and time, so a batch that is sent again adds nothing. Without a usable time it gets
-- that of the row that it has, or else the present one.
-- device_id may be unknown or invalid.
create or replace function public.record_log(p_messages jsonb, p_errors jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into public.device_publish_log (message_key, device_id, topic, direction, payload, received_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), left(e->>'topic', 512),
         e->>'direction', fleet_private.as_document(e->'payload'), coalesce(
           fleet_private.as_time(e->>'received_at'),
           (select received_at from public.device_publish_log where message_key = left(e->>'key', 255) limit 1), now())
    from fleet_private.elements(p_messages) as e
   where e->>'key' <> '' and e->>'direction' in ('in', 'out')
   order by 1
  on conflict (message_key, received_at) do nothing;

  insert into public.device_errors (message_key, device_id, error_code, message, details, occurred_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), fleet_private.as_integer(e->>'error_code', 0, 2147483647),
         left(e->>'message', 1024), fleet_private.as_document(e->'details'),
         coalesce(
           fleet_private.as_time(e->>'occurred_at'),
           (select occurred_at from public.device_errors where message_key = left(e->>'key', 255) limit 1), now())
    from fleet_private.elements(p_errors) as e
   where e->>'key' <> '' and fleet_private.as_integer(e->>'error_code', 0, 2147483647) is not null
   order by 1
  on conflict (message_key, occurred_at) do nothing;
$$;

select fleet_private.set_callers('service', 'public.record_log');
