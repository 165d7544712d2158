-- Why a picture that was expected did not come. docs/diagnosis.md shows it, docs/adr/0032-story.md has the reasons.

-- Whether the service heard anybody at all between two moments, as far as hellos tell. Most are written at once; one that
-- was answered without the database is written later.
create or replace function fleet_private.heard_anybody(p_from timestamptz, p_to timestamptz)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
           select from public.device_status
            where created_at >= p_from and created_at < p_to and received_at >= p_from and received_at < p_to)
      or exists (
           select from public.device_status
            where created_at >= p_to and created_at < p_to + interval '2 days' and received_at >= p_from and received_at < p_to)
$$;

-- The expected wakes of a device from p_from to p_to that have no picture, each with the reason, for one company (p_company;
-- with p_any for all): what the device did while another company had it is not told.
--
-- A wake is expected as capture_days counts it (076_capture_days.sql), by the schedule and the time zone that were in force
-- then. A picture answers it that was taken between a grace before it and the next wake, or within ten minutes of a change
-- of the schedule. One that may still come is no gap.
create or replace function fleet_private.find_gaps(
  p_device text, p_from timestamptz, p_to timestamptz, p_company uuid, p_any boolean, p_limit integer
)
returns table (
  wake_at timestamptz, timezone text, reason text, code text, params jsonb, sentence text, capture_id uuid
)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  v_to constant timestamptz := least(p_to, now() - interval '10 minutes');
  v_kept_since constant timestamptz := (select min(created_at) from public.device_status);
  v_wake record;
  v_failed record;
  v_hello record;
  v_before record;
  v_until timestamptz;
  v_at timestamptz;
  v_text text;
begin
  if p_from is null or p_to is null or p_to - p_from > interval '32 days' then
    raise exception 'device_gaps: ask for 32 days at most' using errcode = '22023';
  end if;
  for v_wake in
    with stretches as materialized (
      select s.*, fleet_private.wakes_within(
               s.times, s.minutes, s.wake_offset, s.timezone, greatest(s.since, k.heard_since), s.until + interval '10 minutes') as wakes
        -- Beyond v_to by more than the longest interval, so that the end of the last wake's time is known.
        from fleet_private.schedules(p_device, p_from, v_to + interval '8 days') as s
        join fleet_private.day_clocks k on k.device_id = p_device
       where s.times is not null or s.minutes is not null
    ), expected as materialized (
      select w.wake, s.timezone, s.owner_id, s.grace, w.wake - s.grace as begins,
             least(lead(w.wake) over (partition by s.since order by w.wake) - s.grace, s.until + interval '10 minutes', now()) as ends
        from stretches s
       cross join lateral unnest(s.wakes) as w (wake)
       where w.wake < s.until and w.wake >= s.since
    )
    -- One statement for all: most devices answer nearly all wakes, thousands in a month.
    select * from expected e
     where e.wake >= p_from and e.wake < v_to and (p_any or e.owner_id = p_company)
       -- Looked for one by one in the index: as an anti-join it would compare every wake with every capture.
       and (select true from public.captures c
             where c.device_id = p_device and c.captured_at >= e.begins and c.captured_at < e.ends
               and c.company_id is not distinct from e.owner_id and c.ingest_status not in ('failed', 'partial')
             limit 1) is null
     order by e.wake
     limit least(greatest(p_limit, 0), 1000)
  loop
    wake_at := v_wake.wake;
    timezone := v_wake.timezone;
    capture_id := null;
    params := '{}';
    select c.capture_id, c.error_code,
           (select e.message from public.device_errors e
             where e.message_key = format('capture:%s:%s', c.capture_id, c.error_code) limit 1) as message
      into v_failed
      from public.captures c
     where c.device_id = p_device and c.captured_at >= v_wake.begins and c.captured_at < v_wake.ends
       and c.company_id is not distinct from v_wake.owner_id and c.ingest_status in ('failed', 'partial')
     order by c.captured_at desc limit 1;
    if v_failed.capture_id is not null then
      capture_id := v_failed.capture_id;
      params := jsonb_build_object('error_code', v_failed.error_code, 'message', v_failed.message);
      reason := replace(fleet_private.cause_of_failure(v_failed.error_code), 'device', 'camera');
      code := reason || '_failed';
      v_text := case reason
        when 'camera' then 'The device reported an error instead of a picture: {message} ({error_code}).'
        when 'transfer' then 'The picture did not come whole: {message} ({error_code}).'
        else 'The service could not keep the picture: {message} ({error_code}).' end;
    else
      select min(s.received_at) as at, bool_or(s.answer is null) as unanswered,
             bool_or(s.answer->'capture_due' = 'true' or jsonb_path_exists(s.answer->'commands', '$[*] ? (@.type == "capture_image")'))
               as asked
        into v_hello
        from public.device_status s
       where s.device_id = p_device and s.company_id is not distinct from v_wake.owner_id
         and s.created_at >= v_wake.begins - interval '1 hour' and s.created_at < v_wake.ends + interval '2 days'
         and s.received_at >= v_wake.begins and s.received_at < v_wake.ends;
      if v_hello.at is not null then
        params := jsonb_build_object('at', v_hello.at);
        select e.error_code, e.message into v_failed
          from public.device_errors e
         where e.device_id = p_device and e.company_id is not distinct from v_wake.owner_id
           and e.occurred_at >= v_wake.begins and e.occurred_at < v_wake.ends and e.error_code between 1000 and 2107
         order by e.occurred_at limit 1;
        if v_failed.error_code is not null then
          reason := case when v_failed.error_code < 2000 then 'camera' else 'transfer' end;
          code := reason || '_errors';
          params := params || jsonb_build_object('error_code', v_failed.error_code, 'message', v_failed.message);
          v_text := case reason when 'camera' then 'It said hello at {at}, and reported an error: {message} ({error_code}).'
            else 'It said hello at {at}, but what it sent then could not be used: {message} ({error_code}).' end;
        elsif v_hello.asked then
          reason := 'unknown';
          code := 'nothing_came';
          v_text := 'It said hello at {at} and was asked for a picture, but nothing of one came.';
        elsif v_hello.unanswered then
          reason := 'service';
          code := 'not_asked';
          v_text := 'It said hello at {at} while the database did not answer, so it was not asked for a picture.';
        else
          reason := 'unknown';
          code := 'not_due';
          v_text := 'It said hello at {at}, when no picture was due from it.';
        end if;
      elsif v_wake.ends <= v_kept_since then
        reason := 'unknown';
        code := 'not_kept';
        v_text := 'The hellos of that time are not kept any more.';
      else
        select s.received_at, s.battery_percent, s.wifi_rssi_dbm,
               fleet_private.as_time(s.answer->>'next_wake_at') as told
          into v_before
          from public.device_status s
         where s.device_id = p_device and s.company_id is not distinct from v_wake.owner_id
           and s.created_at < v_wake.begins + interval '2 days' and s.received_at < v_wake.begins
         order by s.created_at desc limit 1;
        select max(fleet_private.as_time(c.payload->>'next_wake')) into v_until
          from public.device_commands c
         where c.device_id = p_device and c.company_id is not distinct from v_wake.owner_id and c.type = 'next_wake'
           and c.status in ('sent', 'done') and c.sent_at >= v_before.received_at and c.sent_at < v_wake.begins;
        v_until := greatest(v_before.told, v_until);
        if v_until > v_wake.wake + v_wake.grace then
          reason := 'asleep';
          code := 'told_later';
          params := jsonb_build_object('told_at', v_before.received_at, 'until_on', v_until);
          v_text := 'It slept: when it was last heard, its next wake was to be {until_on}.';
        else
          v_at := least(v_wake.ends, v_wake.wake + interval '10 minutes');
          if fleet_private.heard_anybody(v_wake.begins, v_at) then
            reason := 'offline';
          else
            -- Of the whole fleet nobody was heard: that is the service, if others were to wake then too. Their answers are
            -- many, and record_hello wrote them, so their times need no as_time.
            reason := case when exists (
                select from public.alerts a
                 where a.kind = 'service' and a.company_id is null and a.opened_at <= v_at + interval '40 minutes'
                   and coalesce(a.resolved_at, 'infinity') > v_wake.wake)
              or exists (
                select from public.device_status s
                 where s.device_id <> p_device and s.created_at >= v_wake.begins - interval '1 day' and s.created_at < v_wake.begins
                   and (s.answer->>'next_wake_at')::timestamptz between v_wake.begins and v_at)
              then 'service' else 'offline' end;
          end if;
          if reason = 'service' then
            code := 'heard_nobody';
            v_text := 'The service heard no device at all then, though others were due too.';
          else
            code := case when v_before.received_at is null then 'never_heard' when v_before.battery_percent < 15 then 'battery' else 'silent' end;
            params := jsonb_build_object('last_on', v_before.received_at, 'percent', round(v_before.battery_percent::numeric),
                                         'rssi', v_before.wifi_rssi_dbm);
            v_text := case code
              when 'never_heard' then 'It was not heard, and has no hello before that is kept.'
              when 'battery' then 'It was not heard; at its last hello, {last_on}, its battery was at {percent} %.'
              else 'It was not heard; its last hello was {last_on}.' end;
          end if;
        end if;
      end if;
    end if;
    params := jsonb_strip_nulls(params);
    sentence := fleet_private.sentence(code, params, v_text, timezone)->>'text';
    return next;
  end loop;
end
$$;

-- For members: the expected wakes of a device without a picture, from p_from to p_to (32 days at most), the oldest p_limit
-- (1000 at most): {wake_at, timezone, reason: offline, asleep, camera, transfer, service or unknown, code, params: what a
-- translation is made of, sentence, capture_id: of a picture that failed}.
create or replace function public.device_gaps(p_device text, p_from timestamptz, p_to timestamptz, p_limit integer default 500)
returns table (
  wake_at timestamptz, timezone text, reason text, code text, params jsonb, sentence text, capture_id uuid
)
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('viewer');
  return query select * from fleet_private.find_gaps(p_device, p_from, p_to, fleet_private.company_of_user(), false, p_limit);
end
$$;

-- The same for the service and its operators, whoever had the device.
create or replace function public.gaps_of_device(p_device text, p_from timestamptz, p_to timestamptz, p_limit integer default 500)
returns table (
  wake_at timestamptz, timezone text, reason text, code text, params jsonb, sentence text, capture_id uuid
)
language sql
stable
set search_path = ''
as $$
  select * from fleet_private.find_gaps(p_device, p_from, p_to, null, true, p_limit)
$$;

select fleet_private.set_callers('users', 'public.device_gaps');
select fleet_private.set_callers('service', 'fleet_private.heard_anybody', 'fleet_private.find_gaps', 'public.gaps_of_device');
