-- What the workers call to deliver events: they claim what is due, and say how it went. Whoever dies in between has
-- claimed for two minutes only; then it is due again. So each event is delivered at least once.
-- docs/adr/0027-delivery.md has the reasons.

-- Whether a channel keeps its quiet hours now.
create or replace function fleet_private.is_quiet(p_channel public.alert_channels, p_at timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(case when p_channel.quiet_from < p_channel.quiet_until
                       then t >= p_channel.quiet_from and t < p_channel.quiet_until
                       else t >= p_channel.quiet_from or t < p_channel.quiet_until end, false)
    from (select (p_at at time zone p_channel.quiet_timezone)::time as t) as local
$$;

-- The channels for which something waits. It goes from one to the next in the index, whatever the number of deliveries.
create or replace function fleet_private.waiting_channels()
returns setof public.alert_channels
language sql
stable
set search_path = ''
as $$
  with recursive waiting as (
    (select channel_id from fleet_private.deliveries where state = 'waiting' order by channel_id limit 1)
    union all
    select (select d.channel_id from fleet_private.deliveries d
             where d.state = 'waiting' and d.channel_id > w.channel_id order by d.channel_id limit 1)
      from waiting w
     where w.channel_id is not null
  )
  select c.* from waiting w join public.alert_channels c on c.channel_id = w.channel_id
$$;

-- What is due in a channel now: at most p_most deliveries, each the oldest of its line, the oldest first. Of channels that
-- people read all that waits is one line, of which as many as p_most go into one message, what is urgent before the rest.
create or replace function fleet_private.due_deliveries(p_channel public.alert_channels, p_most integer, p_at timestamptz)
returns setof bigint
language plpgsql
stable
set search_path = ''
as $$
declare
  v_quiet constant boolean := fleet_private.is_quiet(p_channel, p_at);
begin
  if p_channel.kind = 'webhook' then
    return query
    select d.number
      from fleet_private.deliveries d
     where d.channel_id = p_channel.channel_id and d.state = 'waiting'
       and d.next_at <= p_at and coalesce(d.claimed_until <= p_at, true)
       and not exists (
         select from fleet_private.deliveries o
          where o.channel_id = d.channel_id and o.state = 'waiting' and o.line = d.line and o.number < d.number)
     order by d.number
     limit p_most;
  else
    return query
    select d.number
      from fleet_private.deliveries d
     where d.channel_id = p_channel.channel_id and d.state = 'waiting'
       and d.next_at <= p_at and coalesce(d.claimed_until <= p_at, true) and (d.urgent or not v_quiet)
     order by not d.urgent, d.number
     limit p_most;
  end if;
end
$$;

-- Claims what is due for p_lease_s seconds: at most p_limit messages. A channel has two at a time; one that has not shown yet
-- that it works, or whose last attempt failed, has one, and of those there are at most p_probes. The companies take turns,
-- so that one with many channels, events or receivers that are slow makes nobody else wait; and so do a company's channels.
-- A message of a webhook is one event; of other channels, up to 20.
-- Returns [{channel_id, kind, name, target, secrets: [], is_member, is_probe, claim, events: [{number, body}]}]: body is
-- the event as text, secrets what it is signed with, claim what finish_deliveries wants back.
create or replace function public.claim_deliveries(
  p_limit integer, p_probes integer, p_at timestamptz default now(), p_lease_s integer default 120
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_claim constant timestamptz := p_at + make_interval(secs => p_lease_s);
  v_claimed jsonb;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.claim_deliveries', 0)) then
    return '[]';
  end if;
  with waiting as (
    select c as channel, c.channel_id, c.company_id, c.kind, c.enabled and c.next_try_at <= p_at as is_open,
           c.failures > 0 or c.last_ok_at is null as is_probe, u.under_way
      from fleet_private.waiting_channels() as c
     cross join lateral (
       select case c.kind when 'webhook' then count(*) else least(count(*), 1) end as under_way
         from fleet_private.deliveries d
        where d.channel_id = c.channel_id and d.state = 'waiting' and d.claimed_until > p_at) as u
  ), channels as materialized (
    select w.*, case when is_probe or kind <> 'webhook' then 1 else 2 end - under_way as room,
           sum(under_way) over (partition by company_id) as company_under_way
      from waiting w
  ), due as (
    select c.channel_id, c.company_id, c.company_under_way, c.is_probe, d.number,
           case c.kind when 'webhook' then row_number() over (partition by c.channel_id order by d.number) else 1 end as turn
      from channels c
     cross join lateral fleet_private.due_deliveries(
       c.channel, case c.kind when 'webhook' then c.room::integer else 20 end, p_at) as d (number)
     where c.is_open and c.room > 0
  ), messages as (
    select channel_id, company_id, company_under_way, turn, is_probe, array_agg(number order by number) as numbers,
           min(number) as first
      from due group by channel_id, company_id, company_under_way, turn, is_probe
  ), shared as (
    -- How many its company would have under way with it: whoever has the fewest is next.
    select m.*, company_under_way + row_number() over (partition by company_id order by is_probe, turn, first) as share
      from messages m
  ), placed as (
    select s.*, row_number() over (partition by is_probe order by share, first) as place from shared s
  ), chosen as (
    select * from placed where not is_probe or place <= p_probes order by share, is_probe, first limit p_limit
  ), claimed as (
    update fleet_private.deliveries d
       set claimed_until = v_claim, attempts = attempts + 1
      from chosen c
     where d.channel_id = c.channel_id and d.number = any (c.numbers)
    returning d.channel_id, d.number
  )
  select jsonb_agg(jsonb_build_object(
           'channel_id', c.channel_id, 'kind', a.kind, 'name', a.name, 'target', t.target, 'is_probe', m.is_probe,
           'secrets', array_remove(array[t.secret, case when t.former_until > p_at then t.former_secret end], null),
           'is_member', a.kind <> 'email' or exists (
             select from public.users u where u.company_id = a.company_id and u.email = t.target),
           'claim', v_claim, 'events', c.events) order by c.first)
    into v_claimed
    from chosen m
    join lateral (
      select m.channel_id, min(e.number) as first,
             jsonb_agg(jsonb_build_object('number', e.number, 'body', e.payload::text) order by e.number) as events
        from claimed x
        join fleet_private.events e on e.number = x.number
       where x.channel_id = m.channel_id and x.number = any (m.numbers)) as c on c.events is not null
    join public.alert_channels a on a.channel_id = m.channel_id
    left join fleet_private.channel_targets t on t.channel_id = m.channel_id;
  return coalesce(v_claimed, '[]');
end
$$;

-- Records how messages went: [{channel_id, claim, numbers: [], ok, error, retry_after_s, gone}]. What was claimed by
-- somebody else meanwhile stays as it is. After a failure the deliveries are tried again in 10 s, and each time twice as
-- late up to two hours, with chance; after the third failure in a row their channel rests as well, up to 15 minutes, and
-- is then tried with one message at a time. gone says that nobody is there any more: the channel is turned off.
create or replace function public.finish_deliveries(p_results jsonb, p_at timestamptz default now())
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_result jsonb;
  v_channel public.alert_channels;
  v_numbers bigint[];
  v_error text;
  v_wait interval;
begin
  for v_result in
    select e from fleet_private.elements(p_results) as e order by e->>'channel_id'
  loop
    v_numbers := array(select n::bigint from jsonb_array_elements_text(v_result->'numbers') as n);
    v_error := left(v_result->>'error', 300);
    v_wait := make_interval(secs => least(coalesce((v_result->>'retry_after_s')::double precision, 0), 7200));
    select * into v_channel from public.alert_channels
     where channel_id = (v_result->>'channel_id')::uuid for no key update;
    update fleet_private.deliveries
       set state = case when v_result->'ok' = 'true' then 'sent' when v_result->'gone' = 'true' then 'dead' else 'waiting' end,
           claimed_until = null,
           last_error = v_error,
           finished_at = case when 'true' in (v_result->'ok', v_result->'gone') then p_at end,
           next_at = p_at + greatest(v_wait, (0.5 + random() / 2) * least(interval '10 s' * 2 ^ least(attempts - 1, 10), interval '2 h'))
     where channel_id = v_channel.channel_id and number = any (v_numbers)
       and state = 'waiting' and claimed_until = (v_result->>'claim')::timestamptz;
    if not found then
      continue;
    end if;
    if v_result->'ok' = 'true' then
      if v_channel.failures >= 3 then
        -- It is back: nothing has to wait for its own next try.
        update fleet_private.deliveries set next_at = p_at
         where channel_id = v_channel.channel_id and state = 'waiting' and attempts > 0 and claimed_until is null;
      end if;
      update public.alert_channels
         set state = 'ok', failures = 0, next_try_at = '-infinity', last_ok_at = p_at
       where channel_id = v_channel.channel_id;
    elsif v_result->'gone' = 'true' then
      update public.alert_channels
         set state = 'dead', enabled = false, failures = failures + 1, last_error = v_error, last_error_at = p_at
       where channel_id = v_channel.channel_id;
      update fleet_private.deliveries set state = 'dead', last_error = v_error, finished_at = p_at
       where channel_id = v_channel.channel_id and state = 'waiting';
    else
      update public.alert_channels
         set state = case state when 'dead' then 'dead' else 'failing' end, failures = failures + 1,
             last_error = v_error, last_error_at = p_at,
             next_try_at = case when failures >= 2 then p_at + greatest(v_wait,
               (0.5 + random() / 2) * least(interval '10 s' * 2 ^ least(failures - 2, 10), interval '15 min')) else next_try_at end
       where channel_id = v_channel.channel_id;
    end if;
  end loop;
end
$$;

-- Keeps channels, events and deliveries within bounds; a periodic task of the workers calls it.
--   p_operator       what people may see of each of the operator's targets, in order; p_all_companies, whether these
--                    channels also take the alerts of companies
--   dead             what could not be delivered within a day, and a channel that has taken nothing for a day, until it
--                    works again
--   dropped          of more than p_most that wait for a channel, the oldest of capture.*; of twice as many, the oldest
--   deleted          events after a day, sent deliveries after a day, dead ones after a week
-- Returns {dead, dropped, deleted, waiting, channels: {state: number}}.
create or replace function public.keep_channels(
  p_operator text[], p_all_companies boolean, p_most integer default 5000, p_limit integer default 5000,
  p_at timestamptz default now()
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_types constant text[] := array(select t from unnest(fleet_private.event_types()) as t
                                    where t like 'alert.%' or t = 'device.first_seen');
  v_dead integer;
  v_dropped integer;
  v_deleted integer := 0;
  v_some integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.keep_channels', 0)) then
    return '{"dead": 0, "dropped": 0, "deleted": 0}';
  end if;
  delete from public.alert_channels
   where kind = 'operator'
     and name <> all (array(select 'operator ' || n from generate_subscripts(p_operator, 1) as n));
  insert into public.alert_channels as c (name, kind, target, event_types, all_companies)
  select 'operator ' || n, 'operator', left(target, 320), v_types, p_all_companies
    from unnest(p_operator) with ordinality as o (target, n)
   where not exists (select from public.alert_channels where kind = 'operator' and name = 'operator ' || n);
  update public.alert_channels c
     set target = left(o.target, 320), event_types = v_types, all_companies = p_all_companies
    from unnest(p_operator) with ordinality as o (target, n)
   where c.kind = 'operator' and c.name = 'operator ' || o.n
     and (c.target, c.event_types, c.all_companies) is distinct from (left(o.target, 320), v_types, p_all_companies);

  with dead as (
    update fleet_private.deliveries d
       set state = 'dead', claimed_until = null, finished_at = p_at,
           last_error = coalesce(d.last_error, (select last_error from public.alert_channels c where c.channel_id = d.channel_id))
     where (channel_id, number) in (
       select channel_id, number from fleet_private.deliveries
        where state = 'waiting' and since < p_at - interval '1 day' order by since limit p_limit)
    returning channel_id
  ), told as (
    update public.alert_channels set state = 'dead'
     where channel_id in (select channel_id from dead) and coalesce(last_ok_at, '-infinity') < p_at - interval '1 day'
  )
  select count(*) into v_dead from dead;

  with counted as (
    select c.channel_id, n.waiting
      from fleet_private.waiting_channels() as c
     cross join lateral (
       select count(*) as waiting from fleet_private.deliveries d
        where d.channel_id = c.channel_id and d.state = 'waiting') as n
     where n.waiting > p_most
  ), beyond as (
    select d.channel_id, d.number
      from counted c
     cross join lateral (
       (select channel_id, number from fleet_private.deliveries
         where channel_id = c.channel_id and state = 'waiting' and type like 'capture.%' and claimed_until is null
         order by number limit least(c.waiting - p_most, p_limit))
       union
       (select channel_id, number from fleet_private.deliveries
         where channel_id = c.channel_id and state = 'waiting' and claimed_until is null
         order by number limit least(greatest(c.waiting - 2 * p_most, 0), p_limit))) as d
  ), gone as (
    delete from fleet_private.deliveries d using beyond b
     where d.channel_id = b.channel_id and d.number = b.number
    returning d.channel_id
  ), told as (
    update public.alert_channels c set dropped = dropped + g.n
      from (select channel_id, count(*) as n from gone group by channel_id) as g
     where c.channel_id = g.channel_id
  )
  select count(*) into v_dropped from gone;

  delete from fleet_private.deliveries where (channel_id, number) in (
    select channel_id, number from fleet_private.deliveries
     where (state = 'sent' and since < p_at - interval '1 day') or since < p_at - interval '7 days'
     order by since limit p_limit);
  get diagnostics v_deleted = row_count;
  delete from fleet_private.events where number in (
    -- An hour more, in which what still waits has become dead.
    select number from fleet_private.events where created_at < p_at - interval '25 hours' order by created_at limit p_limit);
  get diagnostics v_some = row_count;

  return jsonb_build_object(
    'dead', v_dead, 'dropped', v_dropped, 'deleted', v_deleted + v_some,
    'waiting', (select count(*) from fleet_private.deliveries where state = 'waiting'),
    'channels', (select coalesce(jsonb_object_agg(state, n), '{}')
                   from (select state, count(*) as n from public.alert_channels where enabled group by state) as s));
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.is_quiet', 'fleet_private.waiting_channels', 'fleet_private.due_deliveries',
  'public.claim_deliveries', 'public.finish_deliveries', 'public.keep_channels');
