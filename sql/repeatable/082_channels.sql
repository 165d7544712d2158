-- The channels of a company: its admins make, change and try them, and everybody in it sees how they fare.
-- 082_deliveries.sql has what the workers call. docs/integrations.md shows how each kind is set up.

-- The services of `apprise` that a company may name, and the only addresses that are taken for each: none of them has a
-- host, a parameter, or a file in it. tasks/channels/services.py keeps the same list, and a test compares the two.
create or replace function fleet_private.service_addresses()
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'discord', '(discord://|https://discord(app)?\.com/api/webhooks/)[0-9]{5,25}/[A-Za-z0-9_-]{20,120}/?',
    'gchat', 'gchat://[A-Za-z0-9_-]{5,40}/[A-Za-z0-9_-]{20,80}/[A-Za-z0-9_-]{20,120}/?',
    'ntfy', '(ntfys?://|https://ntfy\.sh/)[A-Za-z0-9_-]{1,64}/?',
    'pbul', 'pbul://[A-Za-z0-9.]{20,64}/?',
    'pover', 'pover://[A-Za-z0-9]{30}@[A-Za-z0-9]{30}/?',
    'slack', '(slack://|https://hooks\.slack\.com/services/)[A-Z0-9]{5,14}/[A-Z0-9]{5,14}/[A-Za-z0-9]{15,40}/?',
    'tgram', 'tgram://[0-9]{5,15}:[A-Za-z0-9_-]{20,60}/(-?[0-9]{1,20}|@[A-Za-z0-9_]{5,32})/?',
    'wxteams', 'wxteams://[A-Za-z0-9]{80,160}/?')
$$;

-- Returns what people may see of a target. Raises 22023 for a target that a channel of this kind cannot have.
create or replace function fleet_private.shown_target(p_company uuid, p_kind text, p_target text)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shown text;
begin
  case p_kind
    when 'email' then
      select email into v_shown from public.users where company_id = p_company and email = p_target limit 1;
      if v_shown is null then
        raise exception 'the target is not the e-mail address of a member' using errcode = '22023';
      end if;
    when 'apprise' then
      select key into v_shown from jsonb_each_text(fleet_private.service_addresses())
       where p_target ~ ('^(' || value || ')$');
      if v_shown is null then
        raise exception 'the target is not an address of one of these services: %', (
            select string_agg(key, ', ' order by key) from jsonb_object_keys(fleet_private.service_addresses()) as key)
          using errcode = '22023', hint = 'docs/integrations.md shows the form of each. Anything else takes a webhook.';
      end if;
    when 'webhook' then
      v_shown := substring(p_target from '^(https?://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?)([/?][!"$-~]*)?$');
      if v_shown is null or length(p_target) > 2048 then
        raise exception 'the target is no URL like https://example.com/path, without user and fragment' using errcode = '22023';
      end if;
      v_shown := v_shown || '/…';
    else
      raise exception 'kind is neither email, apprise nor webhook' using errcode = '22023';
  end case;
  return v_shown;
end
$$;

-- Returns the texts in a JSON array, each once. Raises 22023 unless it is an array of some of p_known; null p_known stands
-- for any words.
create or replace function fleet_private.words_at(p_object jsonb, p_key text, p_known text[])
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_words text[];
begin
  if jsonb_typeof(p_object->p_key) <> 'array' or jsonb_array_length(p_object->p_key) > 40 then
    raise exception '% is no array of at most 40 texts', p_key using errcode = '22023';
  end if;
  v_words := array(select distinct e from jsonb_array_elements_text(p_object->p_key) as e order by 1);
  if exists (select from unnest(v_words) as e where e is null or e !~ '^[a-z_.]{1,40}$') or not v_words <@ coalesce(p_known, v_words) then
    raise exception '% has something else than: %', p_key, coalesce(array_to_string(p_known, ', '), 'words')
      using errcode = '22023';
  end if;
  return v_words;
end
$$;

-- Returns the channel if it is one of the caller's company, locked. Raises 42501 unless the caller has the role, PT404 if
-- the company has no such channel.
create or replace function fleet_private.own_channel(p_channel uuid, p_role text)
returns public.alert_channels
language plpgsql
set search_path = ''
as $$
declare
  v_channel public.alert_channels;
begin
  perform fleet_private.require_role(p_role);
  select * into v_channel from public.alert_channels
   where channel_id = p_channel and company_id = fleet_private.company_of_user() for no key update;
  if not found then
    raise exception 'the company has no such channel' using errcode = 'PT404';
  end if;
  return v_channel;
end
$$;

-- Changes a channel: what update_channel says, for a channel that is the caller's.
create or replace function fleet_private.change_channel(p_channel public.alert_channels, p_changes jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_new public.alert_channels := p_channel;
  v_unknown text;
  v_target text;
  v_quiet constant jsonb := p_changes->'quiet';
begin
  if jsonb_typeof(p_changes) is distinct from 'object' then
    raise exception 'the changes are no object' using errcode = '22023';
  end if;
  select string_agg(key, ', ' order by key) into v_unknown from jsonb_object_keys(p_changes) as key
   where key not in ('name', 'target', 'event_types', 'alert_kinds', 'site_id', 'quiet', 'enabled');
  if v_unknown is not null then
    raise exception 'this cannot be changed: %', left(v_unknown, 200) using errcode = '22023';
  end if;

  if p_changes ? 'name' then
    v_new.name := fleet_private.text_at(p_changes, 'name', 120);
    if v_new.name is null then
      raise exception 'a channel needs a name' using errcode = '22023';
    end if;
  end if;
  if p_changes ? 'target' then
    v_target := fleet_private.text_at(p_changes, 'target', 2048);
    v_target := case p_channel.kind when 'email' then lower(v_target) else v_target end;
    v_new.target := fleet_private.shown_target(p_channel.company_id, p_channel.kind, v_target);
    v_new.state := 'untried';
    v_new.failures := 0;
    v_new.next_try_at := '-infinity';
    v_new.last_ok_at := null;
    v_new.last_error := null;
    v_new.last_error_at := null;
    update fleet_private.channel_targets set target = v_target where channel_id = p_channel.channel_id;
    if v_new.target = p_channel.target then
      -- What people see is the same, so the trigger would note nothing.
      perform fleet_private.write_audit(p_channel.company_id, 'update', 'alert_channels', p_channel.channel_id::text,
                                        jsonb_build_object('target', jsonb_build_array(v_new.target, v_new.target)));
    end if;
  end if;
  if p_changes ? 'event_types' then
    v_new.event_types := fleet_private.words_at(p_changes, 'event_types', fleet_private.event_types());
  end if;
  if p_changes ? 'alert_kinds' then
    v_new.alert_kinds := case when p_changes->>'alert_kinds' is not null
                              then fleet_private.words_at(p_changes, 'alert_kinds', null) end;
  end if;
  if p_changes ? 'site_id' then
    select site_id into v_new.site_id from public.sites
     where company_id = p_channel.company_id and site_id::text = p_changes->>'site_id';
    if not found and p_changes->>'site_id' is not null then
      raise exception 'the company has no such site' using errcode = '22023';
    end if;
  end if;
  if p_changes ? 'quiet' then
    if p_channel.kind = 'webhook' and v_quiet <> 'null' then
      raise exception 'a webhook has no quiet hours' using errcode = '22023';
    end if;
    if v_quiet <> 'null' and not coalesce(
         v_quiet->>'from' ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and v_quiet->>'until' ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
         and length(v_quiet->>'timezone') <= 64 and fleet_private.is_timezone(v_quiet->>'timezone'), false) then
      raise exception 'quiet is no {from: "22:00", until: "07:00", timezone: "Europe/Berlin"}' using errcode = '22023';
    end if;
    v_new.quiet_from := (v_quiet->>'from')::time;
    v_new.quiet_until := (v_quiet->>'until')::time;
    v_new.quiet_timezone := v_quiet->>'timezone';
    -- What waits for a day is dead.
    if mod(1440 + extract(epoch from v_new.quiet_until - v_new.quiet_from) / 60, 1440) not between 1 and 960 then
      raise exception 'quiet hours are 16 at most' using errcode = '22023';
    end if;
  end if;
  if p_changes ? 'enabled' then
    if jsonb_typeof(p_changes->'enabled') <> 'boolean' then
      raise exception 'enabled is neither true nor false' using errcode = '22023';
    end if;
    v_new.enabled := p_changes->'enabled';
    -- Whoever turns it on or off has seen that it was given up.
    v_new.state := case v_new.state when 'dead' then 'untried' else v_new.state end;
    if not v_new.enabled then
      delete from fleet_private.deliveries where channel_id = p_channel.channel_id and state = 'waiting';
    else
      v_new.next_try_at := '-infinity';
    end if;
  end if;

  update public.alert_channels
     set name = v_new.name, target = v_new.target, event_types = v_new.event_types, alert_kinds = v_new.alert_kinds,
         site_id = v_new.site_id, quiet_from = v_new.quiet_from, quiet_until = v_new.quiet_until,
         quiet_timezone = v_new.quiet_timezone, enabled = v_new.enabled, state = v_new.state, failures = v_new.failures,
         next_try_at = v_new.next_try_at, last_ok_at = v_new.last_ok_at, last_error = v_new.last_error,
         last_error_at = v_new.last_error_at
   where channel_id = p_channel.channel_id;
end
$$;

-- A secret that signs a webhook's messages: 32 bytes, of which 244 bits are random, as the specification "Standard
-- Webhooks" writes them.
create or replace function fleet_private.new_channel_secret()
returns text
language sql
volatile
set search_path = ''
as $$
  select 'whsec_' || encode(decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), 'base64')
$$;

-- For admins: makes a channel of the own company.
--   p_kind    email: p_target is the address of a member; apprise: an address of a chat or push service;
--             webhook: an https URL
--   p_more    any of {event_types: [], alert_kinds: [] | null, site_id, quiet: {from, until, timezone} | null};
--             by default it takes every alert, and nothing else
-- Returns {channel_id, secret}: the secret with which a webhook's messages are signed, which is shown here alone, and null
-- for other kinds. Raises 42501, and 22023 for unusable values and beyond 20 channels.
create or replace function public.create_channel(p_name text, p_kind text, p_target text, p_more jsonb default '{}')
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_secret constant text := case p_kind when 'webhook' then fleet_private.new_channel_secret() end;
  v_channel public.alert_channels;
begin
  perform fleet_private.require_role('admin');
  if p_kind is null or p_kind not in ('email', 'apprise', 'webhook') then
    raise exception 'kind is neither email, apprise nor webhook' using errcode = '22023';
  end if;
  -- So that two that make one at once are counted.
  perform from public.companies where company_id = v_company for no key update;
  if (select count(*) from public.alert_channels where company_id = v_company) >= 20 then
    raise exception 'the company has 20 channels' using errcode = '22023';
  end if;
  insert into public.alert_channels (company_id, name, kind, target, event_types, created_by)
  values (v_company, '?', p_kind, '', array(select t from unnest(fleet_private.event_types()) as t where t like 'alert.%'),
          auth.uid())
  returning * into v_channel;
  insert into fleet_private.channel_targets (channel_id, target, secret) values (v_channel.channel_id, '', v_secret);
  perform fleet_private.change_channel(v_channel, p_more || jsonb_build_object('name', p_name, 'target', p_target));
  return jsonb_build_object('channel_id', v_channel.channel_id, 'secret', v_secret);
end
$$;

-- For admins: changes a channel. p_changes has any of
--   {name, target, event_types: [], alert_kinds: [] | null, site_id, quiet: {from, until, timezone} | null, enabled}
-- and leaves alone what it does not name. What waits for a channel that is turned off is dropped. Raises 42501, PT404 if
-- the company has no such channel, and 22023 for another key or an unusable value.
create or replace function public.update_channel(p_channel uuid, p_changes jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.change_channel(fleet_private.own_channel(p_channel, 'admin'), p_changes);
end
$$;

-- For admins: deletes a channel, with what waits for it. Raises 42501, PT404.
create or replace function public.delete_channel(p_channel uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.own_channel(p_channel, 'admin');
  delete from public.alert_channels where channel_id = p_channel;
end
$$;

-- For admins: gives a webhook a new secret, and returns it, once. For a day messages are signed with the former one too.
-- Raises 42501, PT404, and 22023 for a channel that is no webhook.
create or replace function public.rotate_channel_secret(p_channel uuid)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_channel public.alert_channels := fleet_private.own_channel(p_channel, 'admin');
  v_secret constant text := fleet_private.new_channel_secret();
begin
  if v_channel.kind <> 'webhook' then
    raise exception 'only a webhook has a secret' using errcode = '22023';
  end if;
  perform fleet_private.write_audit(v_channel.company_id, 'rotate', 'alert_channels', p_channel::text, '{}');
  update fleet_private.channel_targets
     set former_secret = secret, former_until = now() + interval '1 day', secret = v_secret
   where channel_id = p_channel;
  return v_secret;
end
$$;

-- For admins: sends the event channel.test to a channel at once, and returns its id. How that went is in channel_deliveries
-- and in the channel's row. Raises 42501, PT404, 22023 for a channel that is turned off, and PT429 beyond 20 in an hour.
create or replace function public.test_channel(p_channel uuid)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_channel public.alert_channels := fleet_private.own_channel(p_channel, 'admin');
begin
  if not v_channel.enabled then
    raise exception 'the channel is turned off' using errcode = '22023';
  end if;
  if (select count(*) from fleet_private.deliveries
       where channel_id = p_channel and type = 'channel.test' and since > now() - interval '1 hour') >= 20 then
    raise exception 'this channel was tested 20 times within an hour' using errcode = 'PT429';
  end if;
  update public.alert_channels set next_try_at = '-infinity' where channel_id = p_channel;
  return fleet_private.write_event(array[p_channel], v_channel.company_id, null, 'channel.test', '{}', now());
end
$$;

-- For admins: delivers the events since p_since again that the channel takes, the oldest 5,000 of them; events are kept for
-- a day. Each has the id that it had. Returns how many they are, and the time of the last one: {events, until}. Raises
-- 42501, PT404, 22023 for a channel that is turned off, and PT429 within a minute of the last time.
create or replace function public.replay_events(p_channel uuid, p_since timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_channel public.alert_channels := fleet_private.own_channel(p_channel, 'admin');
  v_answer jsonb;
begin
  if not v_channel.enabled then
    raise exception 'the channel is turned off' using errcode = '22023';
  end if;
  if v_channel.replayed_at > now() - interval '1 minute' then
    raise exception 'events were delivered again a moment ago: try again in a minute' using errcode = 'PT429';
  end if;
  update public.alert_channels set replayed_at = now() where channel_id = p_channel;
  with chosen as (
    select e.*
      from fleet_private.events e
     where (e.company_id = v_channel.company_id or e.company_id is null)
       and e.created_at >= p_since and e.created_at > now() - interval '1 day'
       and fleet_private.takes(
             v_channel, e.company_id,
             case when v_channel.site_id is not null then (select site_id from public.devices d where d.device_id = e.device_id) end,
             e.type, e.payload->'alert'->>'kind')
     order by e.number
     limit 5000
  ), again as (
    insert into fleet_private.deliveries as d (channel_id, number, event_id, line, type, since)
    select p_channel, number, event_id, coalesce(device_id, ''), type, created_at from chosen
    on conflict (channel_id, number) do update
      set state = 'waiting', attempts = 0, next_at = now(), last_error = null, finished_at = null
      where d.state <> 'waiting'
  )
  select jsonb_build_object('events', count(*), 'until', fleet_private.iso_time(max(created_at))) into v_answer from chosen;
  return v_answer;
end
$$;

-- For members: the latest deliveries of a channel, of one state if p_state is given, the newest first:
--   [{event_id, type, device_id, state: waiting | sent | dead, since, attempts, next_at, last_error, finished_at}]
-- Sent ones are shown for a day, dead ones for a week. Raises 42501, and PT404 if the company has no such channel.
create or replace function public.channel_deliveries(p_channel uuid, p_state text default null, p_limit integer default 50)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.own_channel(p_channel, 'viewer');
  return (
    select coalesce(jsonb_agg(to_jsonb(d) order by d.number desc), '[]')
      from (select number, event_id, type, case when line <> type then nullif(line, '') end as device_id, state, since,
                   attempts, next_at, last_error, finished_at
              from fleet_private.deliveries
             where channel_id = p_channel and state = coalesce(p_state, state)
             order by number desc
             limit least(greatest(p_limit, 0), 500)) as d);
end
$$;

create or replace trigger alert_channels_audit
  after insert or delete or update of name, target, event_types, alert_kinds, site_id, quiet_from, quiet_until, enabled
  on public.alert_channels
  for each row execute function fleet_private.audit('channel_id', 'name', 'kind', 'target', 'event_types', 'alert_kinds',
    'site_id', 'quiet_from', 'quiet_until', 'quiet_timezone', 'enabled');

select fleet_private.set_callers('users', 'public.create_channel', 'public.update_channel', 'public.delete_channel',
  'public.rotate_channel_secret', 'public.test_channel', 'public.replay_events', 'public.channel_deliveries');
select fleet_private.set_callers('service', 'fleet_private.service_addresses', 'fleet_private.shown_target',
  'fleet_private.words_at', 'fleet_private.own_channel', 'fleet_private.change_channel', 'fleet_private.new_channel_secret');
