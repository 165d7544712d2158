-- How a picture looks, and what that says about its camera. docs/picture-health.md tells it to owners,
-- docs/adr/0029-picture-health.md has the reasons, and `python -m benchmarks.picture_health` measures it.

-- Returns the row of a stored picture with its figures, its health and the reason for that, from {damaged, image_sha256,
-- figures: {brightness, contrast, sharpness, dhash}} of record_capture's argument; p_at is its capture time. Figures that
-- are missing or unusable give null, and so does the health where nothing can be said: a picture without figures, or of
-- a time of day of which there are fewer than three.
--
--   damaged   the JPEG stream is broken
--   frozen    the same picture as the one before
--   black     nothing to be seen, where that is not usual at this time of day, or has never been otherwise
--   white     all too bright, where that is not usual
--   covered   it looks unlike the usual ones, and has lost contrast or sharpness
--   shifted   it looks unlike the usual ones, with the usual contrast and sharpness
--   blurred   it looks as usual, and has lost its sharpness
create or replace function fleet_private.judge_picture(p_row public.captures, p_at timestamptz, p_capture jsonb)
returns public.captures
language plpgsql
stable
set search_path = ''
as $$
declare
  -- Black is what is darker than the one and flatter than the other; white is what is brighter.
  v_dark constant real := 24;
  v_flat constant real := 12;
  v_bright constant real := 235;
  v_row public.captures := p_row;
  v_figures jsonb := p_capture->'figures';
  v_nothing text;
  v_before record;
  v_usual record;
  v_apart integer;
  v_usually_apart integer;
begin
  -- Rounded, since the least numbers do not fit into a real.
  v_row.brightness := round(fleet_private.as_number(v_figures->>'brightness', 0, 255)::numeric, 3);
  v_row.contrast := round(fleet_private.as_number(v_figures->>'contrast', 0, 128)::numeric, 3);
  v_row.sharpness := round(fleet_private.as_number(v_figures->>'sharpness', 0, 1100000)::numeric, 3);
  if v_figures->>'dhash' ~ '^[0-9a-f]{16}$' then
    v_row.dhash := ('x' || (v_figures->>'dhash'))::bit(64)::bigint;
  else
    v_row.dhash := null;
  end if;
  v_row.health := null;
  v_row.health_reason := null;
  if p_capture->'damaged' = 'true' then
    v_row.health := 'damaged';
    v_row.health_reason := 'The JPEG stream is broken: parts of the picture are missing or wrong.';
    return v_row;
  end if;
  if num_nulls(v_row.brightness, v_row.contrast, v_row.sharpness, v_row.dhash) > 0 then
    return v_row;
  end if;
  v_nothing := case when v_row.brightness < v_dark and v_row.contrast < v_flat then 'black'
                    when v_row.brightness >= v_bright then 'white' end;

  -- A sensor has noise, so no two pictures of it are the same. What shows nothing may be.
  select captured_at, image_sha256, brightness, contrast, sharpness, dhash into v_before
    from (select captured_at, image_sha256, brightness, contrast, sharpness, dhash, company_id from public.captures
           where device_id = p_row.device_id and captured_at < p_at and captured_at > p_at - interval '14 days'
           order by captured_at desc limit 4) as lately
   where dhash is not null and company_id is not distinct from p_row.company_id
   order by captured_at desc limit 1;
  if v_nothing is null and v_row.contrast >= 2
     and (v_before.image_sha256 = fleet_private.as_sha256(p_capture->>'image_sha256')
          or (v_before.brightness, v_before.contrast, v_before.sharpness, v_before.dhash)
             = (v_row.brightness, v_row.contrast, v_row.sharpness, v_row.dhash)) then
    v_row.health := 'frozen';
    v_row.health_reason := format('The same picture as that of %s UTC: the camera repeats it.',
                                  to_char(v_before.captured_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'));
    return v_row;
  end if;

  -- Of each of the two weeks before, the two pictures next to this time of day, at most an hour and a half away; and the
  -- last four of today. One that was judged to be in trouble tells nothing, but a view that has changed becomes the usual
  -- one. These are at most 32, however many pictures there are. What shows something is compared with those that do.
  select count(*) as pictures,
         count(*) filter (where nothing = 'black') as black,
         count(*) filter (where nothing = 'white') as white,
         count(*) filter (where nothing is null) as seen,
         percentile_cont(0.5) within group (order by brightness) as brightness,
         percentile_cont(0.1) within group (order by contrast) filter (where nothing is null) as contrast,
         percentile_cont(0.1) within group (order by sharpness) filter (where nothing is null) as sharpness,
         array_agg(dhash) filter (where nothing is null) as dhashes,
         array_agg(dhash) filter (where nothing is null and health is distinct from 'shifted') as of_one_view
    into v_usual
    from (select near.*, case when brightness < v_dark and contrast < v_flat then 'black'
                              when brightness >= v_bright then 'white' end as nothing
            from generate_series(0, 14) as days
           cross join lateral (
              (select brightness, contrast, sharpness, dhash, health
                 from (select captured_at, brightness, contrast, sharpness, dhash, health, company_id
                         from public.captures
                        where device_id = p_row.device_id and captured_at < p_at - make_interval(days => days)
                          and captured_at >= p_at - make_interval(days => days, mins => 90)
                        order by captured_at desc limit case when days = 0 then 40 else 4 end) as before
                where dhash is not null and coalesce(health, 'ok') in ('ok', 'shifted')
                  and company_id is not distinct from p_row.company_id
                order by captured_at desc limit case when days = 0 then 4 else 1 end)
              union all
              (select brightness, contrast, sharpness, dhash, health
                 from (select captured_at, brightness, contrast, sharpness, dhash, health, company_id
                         from public.captures
                        where device_id = p_row.device_id and captured_at >= p_at - make_interval(days => days)
                          and captured_at <= p_at - make_interval(days => days, mins => -90)
                        order by captured_at limit 4) as after
                where days > 0 and dhash is not null and coalesce(health, 'ok') in ('ok', 'shifted')
                  and company_id is not distinct from p_row.company_id
                order by captured_at limit 1)) as near) as usual;
  if v_usual.pictures < 3 then
    return v_row;
  end if;
  v_row.health := 'ok';

  if v_nothing = 'black' then
    if 4 * v_usual.black < v_usual.pictures then
      v_row.health := 'black';
      v_row.health_reason := format('Nothing is to be seen: its brightness is %s of 255, and usually %s at this time of day.',
                                    round(v_row.brightness), round(v_usual.brightness));
    elsif not exists (
        select from (select brightness, contrast from public.captures
                      where device_id = p_row.device_id and captured_at < p_at and captured_at > p_at - interval '14 days'
                      order by captured_at desc limit 300) as lately
         where brightness >= v_dark or contrast >= v_flat) then
      v_row.health := 'black';
      v_row.health_reason := format('Nothing is to be seen: its brightness is %s of 255, and no picture of the last two weeks shows more.',
                                    round(v_row.brightness));
    end if;
    return v_row;
  elsif v_nothing = 'white' then
    if 4 * v_usual.white < v_usual.pictures then
      v_row.health := 'white';
      v_row.health_reason := format('Far too bright: its brightness is %s of 255, and usually %s at this time of day.',
                                    round(v_row.brightness), round(v_usual.brightness));
    end if;
    return v_row;
  elsif v_usual.seen < 3 or 2 * v_usual.seen < v_usual.pictures then
    return v_row;
  end if;

  -- How many of 64 bits differ from those of the quarter of usual pictures that is most like this one; and how many do
  -- so from one usual picture to the others, where the light or the scene changes much.
  select percentile_disc(0.25) within group (order by bit_count((v_row.dhash # dhash)::bit(64)))
    into v_apart
    from unnest(v_usual.dhashes) as dhash;
  if v_apart >= 10 then
    select coalesce(percentile_disc(0.9) within group (order by apart), 0)
      into v_usually_apart
      from (select percentile_disc(0.25) within group (order by bit_count((one.dhash # other.dhash)::bit(64))) as apart
              from unnest(v_usual.of_one_view) with ordinality as one (dhash, n)
              join unnest(v_usual.of_one_view) with ordinality as other (dhash, n) on one.n <> other.n
             group by one.n) as each;
    if v_apart >= v_usually_apart + 4 then
      if v_row.sharpness < 0.7 * v_usual.sharpness or v_row.contrast < 0.5 * v_usual.contrast then
        v_row.health := 'covered';
        v_row.health_reason := format(
          'The view is gone, as if something were before the lens: %s of 64 bits differ from the usual view, up to %s do usually; its contrast is %s and its sharpness %s, nine in ten have %s and %s or more at this time of day.',
          v_apart, v_usually_apart, round(v_row.contrast), round(v_row.sharpness), round(v_usual.contrast),
          round(v_usual.sharpness));
      else
        v_row.health := 'shifted';
        v_row.health_reason := format(
          'Another view, as if the camera had been turned: %s of 64 bits differ from the usual view, up to %s do usually.',
          v_apart, v_usually_apart);
      end if;
      return v_row;
    end if;
  end if;
  if v_row.sharpness < 0.35 * v_usual.sharpness then
    v_row.health := 'blurred';
    v_row.health_reason := format('Blurred: its sharpness is %s, nine in ten have %s or more at this time of day.',
                                  round(v_row.sharpness), round(v_usual.sharpness));
  end if;
  return v_row;
end
$$;

select fleet_private.set_callers('service', 'fleet_private.judge_picture');
