-- The alert about a channel: whoever is told nothing any more must see it elsewhere. 084_alerts.sql has the life of alerts.

-- A channel that is dead has an open alert until it works, is changed or turned off by somebody, or is deleted. Security
-- definer, since users change channels and write no alerts.
create or replace function fleet_private.tell_of_channel()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.state = 'dead' then
    perform fleet_private.open_alert(
      new.company_id, null, 'channel', new.channel_id::text, 'warning',
      format('The channel %s has been given up: %s.', new.name, coalesce(new.last_error, 'nothing has been tried')),
      jsonb_build_object('channel_id', new.channel_id, 'name', new.name, 'error', new.last_error));
  else
    perform fleet_private.resolve_alert(old.company_id, null, 'channel', old.channel_id::text);
  end if;
  return null;
end
$$;
create or replace trigger alert_channels_tell after update of state on public.alert_channels
  for each row when (old.state <> new.state and 'dead' in (old.state, new.state))
  execute function fleet_private.tell_of_channel();
create or replace trigger alert_channels_tell_deleted after delete on public.alert_channels
  for each row when (old.state = 'dead')
  execute function fleet_private.tell_of_channel();

select fleet_private.set_callers('service', 'fleet_private.tell_of_channel');
