-- Functions that write the traffic log and the errors in bulk, and that prune old rows.

-- Adds rows to the traffic log and to the errors.
-- p_messages, for device_publish_log:
--   [{key, device_id, topic, direction: 'in' | 'out', payload, received_at}]
-- p_errors, for device_errors:
--   [{key, device_id, error_code, message, details, occurred_at}]
-- key is unique for each message (the id in the Redis stream), so a batch that is sent again adds nothing.
-- device_id may be unknown or invalid.
create or replace function public.record_log(p_messages jsonb, p_errors jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into public.device_publish_log (message_key, device_id, topic, direction, payload, received_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), left(e->>'topic', 512),
         e->>'direction', fleet_private.as_document(e->'payload'), coalesce(fleet_private.as_time(e->>'received_at'), now())
    from fleet_private.elements(p_messages) as e
   where e->>'key' <> '' and e->>'direction' in ('in', 'out')
   order by 1
  on conflict (message_key) do nothing;

  insert into public.device_errors (message_key, device_id, error_code, message, details, occurred_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), fleet_private.as_integer(e->>'error_code', 0, 2147483647),
         left(e->>'message', 1024), fleet_private.as_document(e->'details'),
         coalesce(fleet_private.as_time(e->>'occurred_at'), now())
    from fleet_private.elements(p_errors) as e
   where e->>'key' <> '' and fleet_private.as_integer(e->>'error_code', 0, 2147483647) is not null
   order by 1
  on conflict (message_key) do nothing;
$$;

-- For operators: deletes rows older than p_older_than that only diagnosis needs, at most p_limit rows per
-- table and call, the oldest first. Of the commands it deletes only finished ones, with their logs. It never
-- deletes captures or sensor readings.
-- Returns the number of rows deleted per table; call it again until all are 0. Raises 22023 for an age below
-- 1 hour.
create or replace function public.prune(p_older_than interval default '30 days', p_limit integer default 100000)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_before timestamptz := now() - p_older_than;
  v_log integer;
  v_status integer;
  v_errors integer;
  v_commands integer;
begin
  if p_older_than is null or p_older_than < interval '1 hour' then
    raise exception 'prune: refusing to delete what is younger than an hour' using errcode = '22023';
  end if;
  delete from public.device_publish_log where log_id in (
    select log_id from public.device_publish_log where received_at < v_before order by received_at limit p_limit);
  get diagnostics v_log = row_count;
  delete from public.device_status where status_id in (
    select status_id from public.device_status where created_at < v_before order by created_at limit p_limit);
  get diagnostics v_status = row_count;
  delete from public.device_errors where error_id in (
    select error_id from public.device_errors where occurred_at < v_before order by occurred_at limit p_limit);
  get diagnostics v_errors = row_count;
  delete from public.device_commands where command_id in (
    select command_id from public.device_commands where finished_at < v_before order by finished_at limit p_limit);
  get diagnostics v_commands = row_count;
  return jsonb_build_object('device_publish_log', v_log, 'device_status', v_status, 'device_errors', v_errors,
                            'device_commands', v_commands);
end
$$;

select fleet_private.set_callers('service', 'public.record_log', 'public.prune');
