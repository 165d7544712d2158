-- What to do about a device's link: figures of its last pictures, and sentences that name them. docs/diagnosis.md shows it.

-- The link of a device, by its last 1,000 pictures since p_from and its last 5,000 hellos: {device_id, since, timezone,
-- figures: {…}, hours: [{hour, pictures, timed_out, lost}], advice: [{code, params, text}], the most helpful first}; null if
-- there is no such device, or it is of another company. Who calls it sees what row level security lets it see.
--
-- Of the figures that nothing is known of are null. Chunks are those of pictures whose story was kept (087_story.sql):
--   pictures, timed_out, partial          how many came or failed, how many of them for want of chunks, and show their top
--   chunks, lost, loss_percent            chunks of these pictures, and those of them that did not come at first
--   lost_in_pauses, lost_at_end           of the lost ones: while no chunk came at all; the last ones of a picture
--   duplicates, duplicate_percent         chunks that came once more
--   asked, replies, asked_per_picture     NACKs, and how many were answered by chunks
--   sent_again_percent                    chunks that were asked for, of all
--   chunk_bytes, pause_ms, transfer_s     medians: size of a chunk, time from one to the next, and from the first to the last
--   rssi_dbm, rssi_readings               the median
create or replace function public.link_advice(p_device text, p_from timestamptz default now() - interval '14 days')
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_device public.devices;
  v_zone text;
  v record;
  v_rssi record;
  v_hours jsonb;
  v_worst record;
  v_figures jsonb;
  v_told jsonb := '[]';
begin
  select * into v_device from public.devices where device_id = p_device;
  if not found then
    return null;
  end if;
  v_zone := fleet_private.zone_of(v_device);

  with newest as materialized (
    select capture_id from public.captures
     where device_id = p_device and captured_at >= p_from and company_id is not distinct from v_device.company_id
       and ingest_status <> 'assembling' and (total_chunks > 0 or error_code = 2201)
     order by captured_at desc limit 1000
  ), seen as materialized (
    select coalesce(fleet_private.story_time(c, 0), c.captured_at) as sent_at, c.ingest_status = 'partial' as is_partial,
           c.error_code is not distinct from 2201 as timed_out, case when c.story is not null then c.total_chunks end as chunks,
           l.lost, l.in_gaps, l.at_end, e.asked, e.replies, e.named,
           fleet_private.as_integer(c.story->>'duplicates', 0, 1000000) as duplicates,
           coalesce(
             fleet_private.as_integer(c.metadata->>'max_chunks_size', 1, 1000000),
             fleet_private.as_integer(c.metadata->>'max_chunk_size', 1, 1000000),
             case when c.stored_at is not null then ceil(coalesce(c.original_bytes, c.image_bytes)::numeric / c.total_chunks) end)
             as chunk_bytes,
           fleet_private.as_integer(c.story->'chunks'->>1, 0, 1e12::bigint)
             - fleet_private.as_integer(c.story->'chunks'->>0, 0, 1e12::bigint) as took_ms
      from newest
      join public.captures c using (capture_id)
     cross join lateral fleet_private.story_loss(c) as l
     cross join lateral (
       select count(*) filter (where what = 'asked') as asked, count(*) filter (where what = 'answered') as replies,
              coalesce(sum(fleet_private.as_integer(more->>0, 0, 1000000)) filter (where what = 'asked'), 0) as named
         from fleet_private.story_events(c)) as e
  ), by_hour as (
    select extract(hour from sent_at at time zone v_zone)::integer as hour, count(*) as pictures,
           count(*) filter (where timed_out) as timed_out, coalesce(sum(lost) filter (where chunks > 0), 0) as lost
      from seen group by 1
  )
  select count(*) as pictures, count(*) filter (where timed_out) as timed_out, count(*) filter (where is_partial) as partial,
         sum(chunks) as chunks, sum(lost) filter (where chunks > 0) as lost,
         round(100.0 * sum(lost) filter (where chunks > 0) / nullif(sum(chunks), 0), 1) as loss_percent,
         sum(in_gaps) filter (where chunks > 0) as lost_in_pauses, sum(at_end) filter (where chunks > 0) as lost_at_end,
         sum(coalesce(duplicates, 0)) filter (where chunks > 0) as duplicates,
         round(100.0 * sum(duplicates) filter (where chunks > 0) / nullif(sum(chunks), 0), 1) as duplicate_percent,
         sum(asked) as asked, sum(replies) as replies, round(sum(asked) / nullif(count(*) filter (where chunks > 0), 0), 2) as asked_per_picture,
         round(100.0 * sum(named) filter (where chunks > 0) / nullif(sum(chunks), 0), 1) as sent_again_percent,
         (percentile_disc(0.5) within group (order by chunk_bytes))::integer as chunk_bytes,
         round((percentile_cont(0.5) within group (order by took_ms::double precision / (chunks - 1))
                filter (where asked = 0 and chunks > 1 and not timed_out))::numeric, 1) as pause_ms,
         round((percentile_cont(0.5) within group (order by took_ms) filter (where not timed_out))::numeric / 1000, 1) as transfer_s,
         (select jsonb_agg(to_jsonb(h) order by h.hour) from by_hour as h) as hours
    into v
    from seen;
  v_hours := coalesce(v.hours, '[]');

  select round((percentile_cont(0.5) within group (order by wifi_rssi_dbm))::numeric) as median, count(*) as readings
    into v_rssi
    from (select wifi_rssi_dbm from public.device_status
           where device_id = p_device and created_at >= p_from and company_id is not distinct from v_device.company_id
             and wifi_rssi_dbm is not null
           order by created_at desc limit 5000) as lately;

  v_figures := (to_jsonb(v) - 'hours')
    || jsonb_build_object('rssi_dbm', v_rssi.median, 'rssi_readings', v_rssi.readings);

  if v.pictures < 5 then
    v_told := v_told || fleet_private.sentence('too_few', jsonb_build_object('pictures', v.pictures),
      'It has sent {pictures} pictures in this time: five are the least that tell something.', v_zone);
  else
    if v.loss_percent >= 1 and v_rssi.median < -75 then
      v_told := v_told || fleet_private.sentence('weak_signal',
        jsonb_build_object('rssi_dbm', v_rssi.median, 'loss_percent', v.loss_percent),
        'Its signal is weak: {rssi_dbm} dBm, and {loss_percent} % of its chunks are lost. Move it or the access point until it has -70 dBm or more, or give it an antenna.', v_zone);
    elsif v_rssi.median < -80 then
      v_told := v_told || fleet_private.sentence('signal_at_limit', jsonb_build_object('rssi_dbm', v_rssi.median),
        'Its signal is at its limit: {rssi_dbm} dBm. Nothing is lost yet; rain or a leaf may change that.', v_zone);
    end if;
    if v.loss_percent >= 1 and v.lost_at_end >= 0.5 * v.lost then
      v_told := v_told || fleet_private.sentence('lost_at_end',
        jsonb_build_object('lost', v.lost, 'lost_at_end', v.lost_at_end),
        '{lost_at_end} of {lost} lost chunks were the last ones of their pictures: it stops or disconnects before they have left. The firmware should wait for the PUBACK of the last chunk, and stay connected until ACK_OK.', v_zone);
    elsif v.loss_percent >= 1 and v.lost_in_pauses >= 0.5 * v.lost then
      v_told := v_told || fleet_private.sentence('lost_in_pauses',
        jsonb_build_object('lost', v.lost, 'lost_in_pauses', v.lost_in_pauses),
        '{lost_in_pauses} of {lost} lost chunks fell into pauses in which nothing came: the link breaks off. Look at the access point, its channel and its other users; the firmware should publish with QoS 1 and send again after it has reconnected.', v_zone);
    elsif v.loss_percent >= 1 and v.pause_ms < 20 then
      v_told := v_told || fleet_private.sentence('too_fast',
        jsonb_build_object('pause_ms', v.pause_ms, 'loss_percent', v.loss_percent),
        '{loss_percent} % of its chunks are lost one by one, and it sends one each {pause_ms} ms: a queue on the way overflows. The firmware should wait 20 to 50 ms after each chunk, or for its PUBACK.', v_zone);
    elsif v.loss_percent >= 1 and coalesce(v_rssi.median, -70) >= -75 then
      v_told := v_told || fleet_private.sentence('lost_singly', jsonb_build_object('loss_percent', v.loss_percent),
        '{loss_percent} % of its chunks are lost one by one, and neither its signal nor its pace explains that. Does the firmware publish chunks with QoS 1?', v_zone);
    end if;
    if v.asked >= 5 and v.replies < 0.5 * v.asked then
      v_told := v_told || fleet_private.sentence('deaf',
        jsonb_build_object('asked', v.asked, 'replies', v.replies),
        'It was asked {asked} times for missing chunks and sent some {replies} times. Does its firmware listen to missing_chunks, where MQTT_NACK_TOPIC says, and long enough after its last chunk?', v_zone);
    end if;
    if v.duplicate_percent >= 5 then
      v_told := v_told || fleet_private.sentence('duplicates', jsonb_build_object('duplicate_percent', v.duplicate_percent),
        '{duplicate_percent} % of its chunks come twice: it sends again what it has no PUBACK for yet. The firmware should wait longer for a PUBACK, and resend after a NACK only what that names.', v_zone);
    end if;
    if v.chunk_bytes < 512 then
      v_told := v_told || fleet_private.sentence('small_chunks', jsonb_build_object('chunk_bytes', v.chunk_bytes),
        'Its chunks have {chunk_bytes} bytes: each costs some 200 bytes and a PUBACK more. The firmware should send 1,024 to 4,096.', v_zone);
    elsif v.chunk_bytes > 8192 and v.loss_percent >= 1 then
      v_told := v_told || fleet_private.sentence('large_chunks',
        jsonb_build_object('chunk_bytes', v.chunk_bytes, 'loss_percent', v.loss_percent),
        'Its chunks have {chunk_bytes} bytes, and {loss_percent} % of them are lost: each loss costs as many once more. The firmware should send 1,024 to 4,096.', v_zone);
    end if;
    if v.transfer_s > 60 and v.pause_ms > 200 then
      v_told := v_told || fleet_private.sentence('slow', jsonb_build_object('seconds', v.transfer_s, 'pause_ms', v.pause_ms),
        'A picture takes {seconds}, with a chunk each {pause_ms} ms, and awake it draws 160 mA. The firmware should send a chunk each 20 to 50 ms.', v_zone);
    end if;
    select (h->>'hour')::integer as hour, (h->>'timed_out')::integer as timed_out, (h->>'pictures')::integer as pictures
      into v_worst
      from jsonb_array_elements(v_hours) as h
     order by (h->>'timed_out')::integer desc, (h->>'hour')::integer
     limit 1;
    if v_worst.timed_out >= 3 and v_worst.timed_out >= 0.5 * v.timed_out and v_worst.pictures < 0.5 * v.pictures then
      v_told := v_told || fleet_private.sentence('hour',
        jsonb_build_object('hour', v_worst.hour, 'timed_out', v_worst.timed_out, 'all_timed_out', v.timed_out, 'timezone', v_zone),
        '{timed_out} of {all_timed_out} pictures that did not come whole were sent between {hour}:00 and {hour}:59 ({timezone}): what else does the network do then? Another time of its schedule may do better.', v_zone);
    elsif v.timed_out >= 3 and v.timed_out > 0.1 * v.pictures then
      v_told := v_told || fleet_private.sentence('timed_out',
        jsonb_build_object('timed_out', v.timed_out, 'pictures', v.pictures, 'partial', v.partial),
        '{timed_out} of {pictures} pictures did not come whole, of which {partial} show their top. Does it have the power to stay awake until the ACK?', v_zone);
    end if;
    if v_told = '[]' then
      v_told := v_told || fleet_private.sentence('good', jsonb_strip_nulls(jsonb_build_object('pictures', v.pictures, 'lost', coalesce(v.lost, 0))),
        'Its link is good: of {pictures} pictures it has lost {lost} chunks.', v_zone);
    end if;
  end if;
  return jsonb_build_object('device_id', p_device, 'since', p_from, 'timezone', v_zone, 'figures', v_figures,
                            'hours', v_hours, 'advice', v_told);
end
$$;

select fleet_private.set_callers('users', 'public.link_advice');
