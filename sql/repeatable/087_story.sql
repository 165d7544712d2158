-- The story of a capture, told: as a timeline for the console, and as sentences for people. docs/diagnosis.md shows both,
-- docs/adr/0032-story.md has the reasons.
--
-- captures.story is what the service has noted, all of it but `at` optional. Times are ms since `at`:
--   at           ms since 1970: when the first message of the capture came
--   hello        when the device had said hello before; negative
--   metadata     when the metadata came
--   chunks       [first, last]: when the first and the last chunk came
--   gaps         [[when, its ms, chunk before it, chunk after it]]: the longest pauses in which no chunk came
--   events       [[when, what, …]]: asked (a NACK; how many chunks it named, how many were missing, which),
--                answered (the first chunk after a NACK), timed_out, resumed (it came again after that),
--                sent_again (its stream was broken: all of it was asked for again), failed (a try; at which station)
--   duplicates   how many chunks came once more
--   held         how many chunks there were when it was given up
--   tries        how many tries have failed
--   stations     [assembled, decoded, uploaded]: when each had ended
--   ack          [when it was sent last, how often]
--   gone         [when the device said hello after that, whether it had the picture no more: true, false, or null if it
--                did not say]
--   again        [how often it came again once it had ended, when last (ms since 1970)]

create or replace function fleet_private.story_time(p_row public.captures, p_ms bigint)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select to_timestamp((fleet_private.as_integer(p_row.story->>'at', 0, 1e15::bigint) + p_ms) / 1000.0)
$$;

-- The lists of a story, with usable numbers: what is not of this shape gives no row.
create or replace function fleet_private.story_gaps(p_row public.captures)
returns table (began_at timestamptz, ended_at timestamptz, ms bigint, before bigint, after bigint)
language sql
immutable
set search_path = ''
as $$
  select fleet_private.story_time(p_row, n.began), fleet_private.story_time(p_row, n.began + n.ms), n.ms, n.before, n.after
    from jsonb_array_elements(case jsonb_typeof(p_row.story->'gaps') when 'array' then p_row.story->'gaps' else '[]' end) as g
   cross join lateral (
     select fleet_private.as_integer(g->>0, 0, 1e12::bigint) as began, fleet_private.as_integer(g->>1, 0, 1e12::bigint) as ms,
            fleet_private.as_integer(g->>2, 0, 1000000) as before, fleet_private.as_integer(g->>3, 0, 1000000) as after) as n
   where num_nulls(n.began, n.ms, n.before, n.after) = 0
$$;
create or replace function fleet_private.story_events(p_row public.captures)
returns table (number bigint, at timestamptz, what text, more jsonb)
language sql
immutable
set search_path = ''
as $$
  select e.number, fleet_private.story_time(p_row, n.ms), e.said->>1, e.said - 0 - 0
    from jsonb_array_elements(case jsonb_typeof(p_row.story->'events') when 'array' then p_row.story->'events' else '[]' end)
         with ordinality as e (said, number)
   cross join lateral (select fleet_private.as_integer(e.said->>0, 0, 1e12::bigint) as ms) as n
   where n.ms is not null and jsonb_typeof(e.said) = 'array'
$$;

-- What a capture has lost on its way: how many chunks (lost), and how many of them, and in how many gaps, while no chunk
-- came at all; the longest such gap; and how many of them are the last ones (at_end). The first NACK tells what was missing,
-- or, without one, what had not come when the capture was given up.
create or replace function fleet_private.story_loss(
  p_row public.captures,
  out lost bigint, out in_gaps bigint, out gaps bigint, out at_end bigint, out began_at timestamptz, out ended_at timestamptz
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_asked jsonb := (select more from fleet_private.story_events(p_row) where what = 'asked' order by number limit 1);
begin
  lost := coalesce(fleet_private.as_integer(v_asked->>1, 0, 1000000),
                   p_row.total_chunks - fleet_private.as_integer(p_row.story->>'held', 0, 1000000), 0);
  with named as (
    select fleet_private.as_integer(split_part(r, '-', 1), 0, 1000000) as first,
           fleet_private.as_integer(split_part(r, '-', -1), 0, 1000000) as last
      from string_to_array(v_asked->>2, '+') as list, unnest(list) as r
  ), ends as (
    select coalesce(sum(last - first + 1) filter (where last = p_row.total_chunks - 1), 0) as chunks from named
  ), empty as (
    select g.began_at, g.ended_at, g.ms,
           sum(greatest(least(n.last, g.after - 1) - greatest(n.first, g.before + 1) + 1, 0)) as chunks
      from fleet_private.story_gaps(p_row) as g, named n
     where num_nulls(n.first, n.last) = 0
     group by g.began_at, g.ended_at, g.ms
  )
  select coalesce(sum(e.chunks), 0), count(*) filter (where e.chunks > 0), (select chunks from ends),
         (array_agg(e.began_at order by e.ms desc) filter (where e.chunks > 0))[1],
         (array_agg(e.ended_at order by e.ms desc) filter (where e.chunks > 0))[1]
    into in_gaps, gaps, at_end, began_at, ended_at
    from empty e;
end
$$;

-- [{at, kind, …}] in order of time. p_seen is what else is known:
-- {ack: [when it was sent last, how often], error: {error_code, message}}.
create or replace function fleet_private.story_timeline(p_row public.captures, p_seen jsonb)
returns jsonb
language sql
stable
set search_path = ''
set timezone = 'UTC'
as $$
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('at', e.at, 'kind', e.kind) || coalesce(e.more, '{}'))
                            order by e.at, e.rank), '[]')
    from (
      select fleet_private.story_time(p_row, fleet_private.as_integer(v.ms, -1e9::bigint, 1e12::bigint)) as at, v.kind, v.rank,
             null::jsonb as more
        from (values (p_row.story->>'hello', 'hello', 1), (p_row.story->>'metadata', 'metadata', 2),
                     (p_row.story->'chunks'->>0, 'first_chunk', 3), (p_row.story->'chunks'->>1, 'last_chunk', 5),
                     (p_row.story->'stations'->>0, 'assembled', 7), (p_row.story->'stations'->>1, 'decoded', 8),
                     (p_row.story->'stations'->>2, 'uploaded', 9)) as v (ms, kind, rank)
      union all
      select g.began_at, 'gap', 4,
             jsonb_build_object('seconds', round(g.ms / 1000.0, 1), 'before', g.before, 'after', g.after)
        from fleet_private.story_gaps(p_row) as g
      union all
      select e.at, e.what, case e.what when 'failed' then 10 else 6 end, case e.what
               when 'asked' then jsonb_build_object('chunks', e.more->0, 'missing', e.more->1, 'ids', e.more->2)
               when 'failed' then jsonb_build_object('station', nullif(e.more->>0, '')) end
        from fleet_private.story_events(p_row) as e
       where e.what in ('asked', 'answered', 'timed_out', 'resumed', 'sent_again', 'failed')
      union all
      select p_row.stored_at, 'stored', 11, null
      union all
      select p_row.updated_at, 'given_up', 11, nullif(p_seen->'error', 'null') where p_row.ingest_status in ('failed', 'partial')
      union all
      select fleet_private.as_time(p_seen->'ack'->>0), 'acknowledged', 12, jsonb_build_object('times', p_seen->'ack'->1)
      union all
      select fleet_private.story_time(p_row, fleet_private.as_integer(p_row.story->'gone'->>0, 0, 1e12::bigint)),
             case p_row.story->'gone'->>1 when 'true' then 'gone' when 'false' then 'still_held' else 'next_hello' end, 13, null
      union all
      select to_timestamp(fleet_private.as_integer(p_row.story->'again'->>1, 0, 1e15::bigint) / 1000.0), 'offered_again', 14,
             jsonb_build_object('times', p_row.story->'again'->0)
    ) as e
   where e.at is not null
$$;

-- "once", "twice", "3 times".
create or replace function fleet_private.times_text(p_number bigint)
returns text
language sql
immutable
set search_path = ''
as $$
  select case p_number when 1 then 'once' when 2 then 'twice' else p_number || ' times' end
$$;

-- A length of time, as "0.4 s", "31 s" or "12 min".
create or replace function fleet_private.seconds_text(p_seconds numeric)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_seconds < 10 then trim_scale(round(p_seconds, 1)) || ' s'
              when p_seconds < 120 then round(p_seconds) || ' s'
              when p_seconds < 7200 then round(p_seconds / 60) || ' min'
              else round(p_seconds / 3600) || ' h' end
$$;

-- [{code, params: {…}, text}]: what people may want to know, in English and as what a translation is made of. p_seen is as
-- for story_timeline, with {timezone, also: how many other devices of the site lost chunks in the same gap, sending: how
-- many others were sending then}.
create or replace function fleet_private.story_sentences(p_row public.captures, p_seen jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_zone constant text := coalesce(p_seen->>'timezone', 'UTC');
  v_began constant timestamptz := fleet_private.story_time(p_row, 0);
  v_first constant timestamptz := fleet_private.story_time(p_row, fleet_private.as_integer(p_row.story->'chunks'->>0, 0, 1e12::bigint));
  v_last constant timestamptz := fleet_private.story_time(p_row, fleet_private.as_integer(p_row.story->'chunks'->>1, 0, 1e12::bigint));
  v_held constant bigint := fleet_private.as_integer(p_row.story->>'held', 0, 1000000);
  v_ack constant timestamptz := fleet_private.as_time(p_seen->'ack'->>0);
  v_again constant timestamptz := to_timestamp(fleet_private.as_integer(p_row.story->'again'->>1, 0, 1e15::bigint) / 1000.0);
  v_gone constant timestamptz := fleet_private.story_time(p_row, fleet_private.as_integer(p_row.story->'gone'->>0, 0, 1e12::bigint));
  v_loss record;
  v_gaps record;
  v_asked record;
  v_failed record;
  v_number bigint;
  v_told jsonb := '[]';
begin
  if v_began is null then
    return jsonb_build_array(jsonb_build_object('code', 'untold', 'params', '{}'::jsonb,
      'text', 'How this capture came was not kept: it is older than the stories.'));
  end if;

  if v_first is not null then
    v_told := v_told || fleet_private.sentence(
      case when v_held is null then 'came' else 'came_in_part' end,
      jsonb_build_object('held', v_held, 'chunks', p_row.total_chunks, 'began_at', v_first, 'ended_at', v_last,
                         'seconds', round(extract(epoch from v_last - v_first), 1)),
      case when v_held is null then 'Its {chunks} chunks came from {began_at} to {ended_at}, in {seconds}.'
           when p_row.total_chunks is null then '{held} chunks came from {began_at} to {ended_at}, and no metadata.'
           else '{held} of {chunks} chunks came from {began_at} to {ended_at}.' end, v_zone);
  end if;

  select * into v_loss from fleet_private.story_loss(p_row);
  if v_loss.lost > 0 then
    v_told := v_told || fleet_private.sentence(
      case when v_loss.in_gaps * 2 < v_loss.lost then case when v_loss.at_end * 2 >= v_loss.lost then 'lost_at_end' else 'lost_here_and_there' end
           when v_loss.gaps > 1 then 'lost_in_gaps'
           when (p_seen->>'also')::integer > 0 then 'lost_with_others'
           when (p_seen->>'sending')::integer > 0 then 'lost_alone'
           else 'lost_in_gap' end,
      jsonb_build_object('lost', v_loss.lost, 'chunks', p_row.total_chunks, 'gaps', v_loss.gaps, 'began_at', v_loss.began_at,
                         'seconds', round(extract(epoch from v_loss.ended_at - v_loss.began_at), 1),
                         'devices', (p_seen->>'also')::integer + 1, 'sending', (p_seen->>'sending')::integer),
      case when v_loss.in_gaps * 2 < v_loss.lost then
             case when v_loss.at_end * 2 >= v_loss.lost
               then '{lost} of {chunks} chunks were missing, most of them the last ones: the device stopped, or its link was gone from then on.'
               else '{lost} of {chunks} chunks were lost here and there, without a gap: a weak radio link, or a broker that drops what is too much.' end
           when v_loss.gaps > 1 then '{lost} of {chunks} chunks were lost in {gaps} gaps, the longest of {seconds} at {began_at}: probably a radio link that comes and goes.'
           when (p_seen->>'also')::integer > 0
             then '{lost} of {chunks} chunks were lost in one gap of {seconds} at {began_at}, probably the access point: {devices} devices of this site lost chunks then.'
           when (p_seen->>'sending')::integer > 0
             then '{lost} of {chunks} chunks were lost in one gap of {seconds} at {began_at}, probably the device''s own link: others of this site lost nothing then ({sending} were sending).'
           else '{lost} of {chunks} chunks were lost in one gap of {seconds} at {began_at}.' end, v_zone);
  end if;

  select count(*) as number, max(ms) / 1000.0 as longest into v_gaps from fleet_private.story_gaps(p_row);
  if v_gaps.number > 0 and v_loss.gaps = 0 then
    v_told := v_told || fleet_private.sentence('paused',
      jsonb_build_object('times', v_gaps.number, 'seconds', round(v_gaps.longest, 1)),
      'No chunk came for a while {times}, for {seconds} at most; nothing was lost then.', v_zone);
  end if;

  select count(*) filter (where what = 'asked') as asked, count(*) filter (where what = 'answered') as answered,
         min(after) as after
    into v_asked
    from (select e.what, case when e.what = 'answered' and lag(e.what) over (order by e.number) = 'asked'
                              then extract(epoch from e.at - lag(e.at) over (order by e.number)) end as after
            from fleet_private.story_events(p_row) as e) as e;
  if v_asked.asked > 0 then
    v_told := v_told || fleet_private.sentence(
      case when v_asked.answered > 0 then 'asked' else 'asked_in_vain' end,
      jsonb_build_object('times', v_asked.asked, 'answered', v_asked.answered, 'seconds', round(v_asked.after, 1)),
      case when v_asked.answered > 0
        then 'The service asked for what was missing {times}; the device answered {answered}, after {seconds}.'
        else 'The service asked for what was missing {times}; the device did not answer.' end, v_zone);
  end if;

  v_number := fleet_private.as_integer(p_row.story->>'duplicates', 1, 1000000000);
  if v_number is not null then
    v_told := v_told || fleet_private.sentence('duplicates', jsonb_build_object('chunks', v_number),
      case v_number when 1 then 'One chunk came more than once.' else '{chunks} chunks came more than once.' end, v_zone);
  end if;

  for v_failed in
    select e.what, e.at from fleet_private.story_events(p_row) as e where e.what in ('resumed', 'sent_again') order by e.number limit 5
  loop
    v_told := v_told || fleet_private.sentence(v_failed.what, jsonb_build_object('at', v_failed.at),
      case v_failed.what when 'resumed' then 'At {at} the device went on, after it had been given up.'
        else 'At {at} it was asked for anew as a whole, since its stream was broken.' end, v_zone);
  end loop;

  for v_failed in
    select coalesce(nullif(e.more->>0, ''), 'work') as station, count(*) as number
      from fleet_private.story_events(p_row) as e where e.what = 'failed' group by 1 order by 2 desc, 1
  loop
    v_told := v_told || fleet_private.sentence('tried_again',
      jsonb_build_object('station', v_failed.station, 'times', v_failed.number),
      'The service failed {times} at the station {station}, and tried again.', v_zone);
  end loop;

  if p_row.stored_at is not null then
    v_told := v_told || fleet_private.sentence('stored',
      jsonb_build_object('at', p_row.stored_at, 'seconds', round(greatest(extract(epoch from p_row.stored_at - coalesce(v_last, v_began)), 0), 1)),
      'It was safe at {at}, {seconds} after its last chunk.', v_zone);
  end if;
  if p_row.ingest_status in ('failed', 'partial') then
    v_told := v_told || fleet_private.sentence('failed',
      jsonb_build_object('error_code', p_row.error_code, 'message', p_seen->'error'->>'message'),
      'It failed: {message} ({error_code}).', v_zone);
  end if;
  if p_row.ingest_status = 'partial' then
    v_told := v_told || fleet_private.sentence('partial',
      jsonb_build_object('rows', p_row.partial_rows, 'height', p_row.height),
      'Its first {rows} of {height} rows are shown; the rest is hatched until it comes.', v_zone);
  end if;

  if v_ack is not null then
    v_told := v_told || fleet_private.sentence(
      case when (p_seen->'ack'->>1)::bigint > 1 then 'acknowledged_again' else 'acknowledged' end,
      jsonb_build_object('at', v_ack, 'times', p_seen->'ack'->1),
      case when (p_seen->'ack'->>1)::bigint > 1 then 'Its ACK was sent {times}, last at {at}.'
        else 'Its ACK was sent at {at}.' end, v_zone);
  elsif p_row.ingest_status in ('stored', 'expired') then
    v_told := v_told || fleet_private.sentence('not_acknowledged', '{}', 'No ACK of it is known.', v_zone);
  end if;
  if v_gone is not null then
    v_told := v_told || fleet_private.sentence(
      case p_row.story->'gone'->>1 when 'true' then 'ack_worked' when 'false' then 'ack_missed' else 'ack_unknown' end,
      jsonb_build_object('at', v_gone),
      case p_row.story->'gone'->>1
        when 'true' then 'The ACK worked: at its hello at {at} the device had the picture no more.'
        when 'false' then 'The ACK did not reach the device: at its hello at {at} it still had the picture.'
        else 'Whether the ACK worked is not known: the hello at {at} did not say which pictures the device has.' end, v_zone);
  end if;
  if v_again is not null then
    v_told := v_told || fleet_private.sentence('offered_again',
      jsonb_build_object('times', p_row.story->'again'->0, 'at', v_again),
      'The device sent it again {times} after its end, last at {at}.', v_zone);
  end if;
  return v_told;
end
$$;

-- A sentence: its text is p_text with the parameters in it, moments as times of day in p_zone, with the date if the
-- parameter's name ends in _on.
create or replace function fleet_private.sentence(p_code text, p_params jsonb, p_text text, p_zone text)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_text text := p_text;
  v_name text;
  v_value text;
begin
  for v_name, v_value in select * from jsonb_each_text(p_params) loop
    v_text := replace(v_text, '{' || v_name || '}', coalesce(case
      when v_name like '%\_on' then to_char(v_value::timestamptz at time zone p_zone, 'YYYY-MM-DD HH24:MI')
      when v_name like '%at' then to_char(v_value::timestamptz at time zone p_zone, 'HH24:MI:SS')
      when v_name in ('times', 'answered') then fleet_private.times_text(v_value::bigint)
      when v_name = 'seconds' then fleet_private.seconds_text(v_value::numeric)
      else v_value end, '?'));
  end loop;
  return jsonb_build_object('code', p_code, 'params', jsonb_strip_nulls(p_params), 'text', v_text);
end
$$;

-- The zone in which a device's times are told.
create or replace function fleet_private.zone_of(p_device public.devices)
returns text
language sql
stable
set search_path = ''
as $$
  select coalesce(p_device.timezone, (
    select c.timezone from public.device_configs c
     where c.timezone is not null
       and (c.device_id = p_device.device_id or c.company_id = p_device.company_id or num_nonnulls(c.device_id, c.company_id) = 0)
     order by c.device_id is null, c.company_id is null limit 1), 'UTC')
$$;

-- The story of a capture: {capture_id, device_id, image_name, captured_at, status, timezone, timeline: [{at, kind, …}],
-- sentences: [{code, params, text}]}; null if there is none of that id, or it is of another company. Who calls it sees what
-- row level security lets it see.
create or replace function public.capture_story(p_capture uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_row public.captures;
  v_device public.devices;
  v_loss record;
  v_seen jsonb;
begin
  select * into v_row from public.captures where capture_id = p_capture;
  if not found then
    return null;
  end if;
  select * into v_device from public.devices where device_id = v_row.device_id;
  v_seen := jsonb_build_object(
    'timezone', fleet_private.zone_of(v_device),
    'error', (select jsonb_build_object('error_code', e.error_code, 'message', e.message)
                from public.device_errors e
               where e.message_key = format('capture:%s:%s', p_capture, v_row.error_code) limit 1),
    'ack', case
      when v_row.story ? 'ack' then jsonb_build_array(
        fleet_private.story_time(v_row, fleet_private.as_integer(v_row.story->'ack'->>0, 0, 1e12::bigint)), v_row.story->'ack'->1)
      else (
        -- Until the next hello the log alone has it.
        select case when count(*) > 0 then jsonb_build_array(max(l.received_at), count(*)) end
          from public.device_publish_log l
         where l.device_id = v_row.device_id and l.received_at between v_row.stored_at - interval '1 minute'
                                                                   and v_row.stored_at + interval '1 day'
           and l.direction = 'out' and l.payload->>'image_name' = v_row.device_capture_id and l.payload ? 'ACK_OK') end);

  select * into v_loss from fleet_private.story_loss(v_row);
  if v_loss.gaps = 1 and v_device.site_id is not null then
    -- Whoever was sending then: a picture that was taken long before it was sent is not looked for.
    v_seen := v_seen || (
      select jsonb_build_object('also', count(*) filter (where lost), 'sending', count(*))
        from (select bool_or(l.lost > 0 and exists (
                       select from fleet_private.story_gaps(c) as g
                        where g.began_at < v_loss.ended_at and g.ended_at > v_loss.began_at)) as lost
                from (select device_id from public.devices
                       where site_id = v_device.site_id and device_id <> v_row.device_id limit 500) as d
                join public.captures c on c.device_id = d.device_id
                 and c.captured_at between v_loss.began_at - interval '1 hour' and v_loss.ended_at + interval '5 minutes'
               cross join lateral fleet_private.story_loss(c) as l
               where fleet_private.story_time(c, 0) < v_loss.ended_at
                 and fleet_private.story_time(c, fleet_private.as_integer(c.story->'chunks'->>1, 0, 1e12::bigint)) > v_loss.began_at
               group by c.device_id) as others);
  end if;
  return jsonb_build_object(
    'capture_id', v_row.capture_id, 'device_id', v_row.device_id, 'image_name', v_row.device_capture_id,
    'captured_at', v_row.captured_at, 'status', v_row.ingest_status, 'timezone', v_seen->'timezone',
    'timeline', fleet_private.story_timeline(v_row, v_seen), 'sentences', fleet_private.story_sentences(v_row, v_seen));
end
$$;

select fleet_private.set_callers(
  'users', 'fleet_private.story_time', 'fleet_private.story_gaps', 'fleet_private.story_events', 'fleet_private.story_loss',
  'fleet_private.story_timeline', 'fleet_private.times_text', 'fleet_private.seconds_text', 'fleet_private.sentence',
  'fleet_private.story_sentences', 'fleet_private.zone_of', 'public.capture_story');
