-- What is held of a device, a user or a company: counted, told and erased, for `fleet subject-export` and `fleet erase`.
-- docs/operations.md tells it. A row that goes leaves its objects to 049_objects.sql, as every row does.

-- The tables that hold something of a device (by its id), a user (by the e-mail address) or a company (by its id), in the
-- order in which they are erased: for each the condition, the columns that order its rows, whether its rows go with an
-- erasure, and whether they are told; those that are not are the service's own counts and secrets. What a user has done stays
-- with the company, and so does what others still have of a company's device. Raises 22023 for another kind.
create or replace function fleet_private.held_of(p_kind text, p_of text)
returns table (place integer, of_table text, condition text, at text, key text, goes boolean, told boolean)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_account constant text := format('in (select id from auth.users where lower(email) = lower(%L))', p_of);
begin
  case p_kind
  when 'device' then
    return query
    select t.place, t.of_table, coalesce(t.other, format('device_id = %L', p_of)), t.at, t.key, true, t.told
      from (values
        (1, 'fleet_private.deliveries', 'since', 'channel_id::text || number', false, format('line = %L', p_of)),
        (2, 'fleet_private.events', 'created_at', 'number', true, null),
        (3, 'public.sensor_readings', 'created_at', 'reading_id', true, null),
        (4, 'public.timelapses', 'created_at', 'timelapse_id', true, null),
        (5, 'public.device_command_logs', 'created_at', 'log_id', true, null),
        (6, 'public.device_commands', 'created_at', 'command_id', true, null),
        (7, 'public.captures', 'created_at', 'capture_id', true, null),
        (8, 'public.device_status', 'created_at', 'message_key', true, null),
        (9, 'public.device_errors', 'occurred_at', 'message_key', true, null),
        (10, 'public.device_publish_log', 'received_at', 'message_key', true, null),
        (11, 'public.capture_days', 'day', 'coalesce(company_id::text, '''')', true, null),
        (12, 'public.alerts', 'opened_at', 'alert_id', true, null),
        (13, 'public.alert_rules', 'created_at', 'rule_id', true, null),
        (14, 'public.keep_policies', 'changed_at', 'policy_id', true, null),
        (15, 'public.maintenance_windows', 'created_at', 'window_id', true, null),
        (16, 'public.device_conformance', 'examined_at', 'device_id', true, null),
        (17, 'public.device_configs', 'created_at', 'config_id', true, null),
        (18, 'fleet_private.former_configs', 'until', 'former_id', true, null),
        (19, 'fleet_private.former_devices', 'until', 'former_id', true, null),
        (20, 'fleet_private.device_codes', 'created_at', 'device_id', false, null),
        -- After all whose triggers write it.
        (21, 'public.audit_log', 'at', 'audit_id', true, null),
        (22, 'public.devices', 'created_at', 'device_id', true, null),
        (23, 'fleet_private.day_clocks', 'heard_since', 'device_id', false, null),
        (24, 'fleet_private.picture_streaks', null, 'device_id', false, null),
        (25, 'fleet_private.touched_hours', 'hour', 'device_id', false, null),
        (26, 'fleet_private.device_bytes', null, 'device_id', false, null)
      ) as t (place, of_table, at, key, told, other);
  when 'company' then
    return query
    select t.place, t.of_table, coalesce(t.other, format('company_id = %L', p_of)), t.at, t.key, true, t.told
      from (values
        (1, 'fleet_private.deliveries', 'since', 'channel_id::text || number', false,
         format('channel_id in (select channel_id from public.alert_channels where company_id = %L)', p_of)),
        (2, 'fleet_private.events', 'created_at', 'number', true, null),
        (3, 'public.sensor_readings', 'created_at', 'reading_id', true, null),
        (4, 'public.timelapses', 'created_at', 'timelapse_id', true, null),
        (5, 'public.device_command_logs', 'created_at', 'log_id', true, null),
        (6, 'public.device_commands', 'created_at', 'command_id', true, null),
        (7, 'public.captures', 'created_at', 'capture_id', true, null),
        (8, 'public.device_status', 'created_at', 'message_key', true, null),
        (9, 'public.device_errors', 'occurred_at', 'message_key', true, null),
        (10, 'public.device_publish_log', 'received_at', 'message_key', true, null),
        (11, 'public.capture_days', 'day', 'device_id', true, null),
        (12, 'public.alerts', 'opened_at', 'alert_id', true, null),
        (13, 'public.alert_rules', 'created_at', 'rule_id', true, null),
        (14, 'public.keep_policies', 'changed_at', 'policy_id', true, null),
        (15, 'public.maintenance_windows', 'created_at', 'window_id', true, null),
        (16, 'public.device_conformance', 'examined_at', 'device_id', true, null),
        (17, 'public.device_configs', 'created_at', 'config_id', true, format(
          '(company_id = %1$L or device_id in (select device_id from public.devices where company_id = %1$L))', p_of)),
        (18, 'public.alert_channels', 'created_at', 'channel_id', true, null),
        (19, 'fleet_private.former_configs', 'until', 'former_id', true, format(
          '(company_id = %1$L or device_id in (select d.device_id from public.devices d where d.company_id = %1$L and not exists ('
          'select from fleet_private.former_devices f where f.device_id = d.device_id and f.owner_id <> %1$L)))', p_of)),
        -- erase_rows first releases those of which others have something.
        (20, 'public.devices', 'created_at', 'device_id', true, null),
        (21, 'fleet_private.former_devices', 'until', 'former_id', true, format('(company_id = %1$L or owner_id = %1$L)', p_of)),
        (22, 'public.sites', 'created_at', 'site_id', true, null),
        (23, 'public.invitations', 'created_at', 'invitation_id', true, null),
        (24, 'public.users', 'created_at', 'user_id', true, null),
        (25, 'public.audit_log', 'at', 'audit_id', true, null),
        (26, 'public.companies', 'created_at', 'company_id', true, null),
        (27, 'fleet_private.keep_rounds', null, 'company_id', false, null),
        (28, 'fleet_private.smaller_rounds', null, 'company_id', false, null),
        (29, 'fleet_private.picture_streaks', null, 'device_id', false, null),
        (30, 'fleet_private.touched_company_days', 'day', 'company_id', false, null),
        (31, 'public.company_days', 'day', 'company_id', true, null),
        (32, 'fleet_private.device_bytes', null, 'device_id', false, null),
        (33, 'fleet_private.stored_bytes', null, 'company_id', false, null),
        (34, 'fleet_private.touched_hours', 'hour', 'device_id', false,
         'device_id not in (select d.device_id from public.devices d)'),
        (35, 'fleet_private.picture_quarters', 'quarter', 'ingest_status', false, null),
        (36, 'fleet_private.touched_quarters', 'quarter', 'company_id', false, null),
        (37, 'fleet_private.counted_since', 'since', 'company_id', false, null)
      ) as t (place, of_table, at, key, told, other);
  when 'user' then
    return query
    select t.place, t.of_table, t.condition, t.at, t.key, t.goes, true
      from (values
        (1, 'public.alert_channels', 'created_at', 'channel_id', true, format(
          'kind = ''email'' and channel_id in (select channel_id from fleet_private.channel_targets where lower(target) = lower(%L))',
          p_of)),
        -- Those to the address, and the open ones that an admin has sent: they end as if the admin were removed.
        (2, 'public.invitations', 'created_at', 'invitation_id', true, format(
          '(lower(email) = lower(%L) or (accepted_at is null and invited_by %s))', p_of, v_account)),
        (3, 'public.users', 'created_at', 'user_id', true, format('(lower(email) = lower(%L) or user_id %s)', p_of, v_account)),
        (4, 'public.device_commands', 'created_at', 'command_id', false, format('created_by %s', v_account)),
        (5, 'public.maintenance_windows', 'created_at', 'window_id', false, format('created_by %s', v_account)),
        (6, 'public.timelapses', 'created_at', 'timelapse_id', false, format('requested_by %s', v_account)),
        (7, 'public.alerts', 'opened_at', 'alert_id', false, format('(acknowledged_by %1$s or snoozed_by %1$s)', v_account)),
        -- erase_rows takes the address from them, and the entries stay.
        (8, 'public.audit_log', 'at', 'audit_id', false, format(
          '(actor %s or lower(actor_email) = lower(%L) or strpos(lower(changes::text), lower(%L)) > 0)',
          v_account, p_of, to_json(p_of)::text)),
        -- The account is deleted by Supabase's admin API.
        (9, 'auth.users', null, 'id', false, format('lower(email) = lower(%L)', p_of))
      ) as t (place, of_table, at, key, goes, condition);
  else
    raise exception 'nothing is held of a %', p_kind using errcode = '22023';
  end case;
end
$$;

-- For `fleet subject-export` and `fleet erase`: the tables that tell something of a device, a user or a company,
-- [{table, goes}].
create or replace function public.held_tables(p_kind text, p_of text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('table', of_table, 'goes', goes) order by place)
    from fleet_private.held_of(p_kind, p_of) where told
$$;

-- For the same: counts what one of these tables holds: {rows, objects, bytes}; bytes are those of pictures and films.
-- Raises 22023 for another table.
create or replace function public.count_held(p_kind text, p_of text, p_table text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_held record;
  v_answer jsonb;
begin
  select * into v_held from fleet_private.held_of(p_kind, p_of) where of_table = p_table and told;
  if not found then
    raise exception '% is none of the tables that are told', p_table using errcode = '22023';
  end if;
  execute format('select jsonb_build_object(''rows'', count(*), ''objects'', %s, ''bytes'', %s) from %s where %s',
    case p_table when 'public.captures' then 'count(storage_path) + count(thumbnail_path)'
                 when 'public.timelapses' then 'count(path)' else '0' end,
    case p_table when 'public.captures' then 'coalesce(sum(image_bytes) filter (where storage_path is not null), 0)'
                 when 'public.timelapses' then 'coalesce(sum(bytes) filter (where path is not null), 0)' else '0' end,
    v_held.of_table, v_held.condition) into v_answer;
  return v_answer;
end
$$;

-- For `fleet subject-export`: some p_limit rows of one of these tables, after those that were told: {rows, after}; `after`
-- is null once all are. Secrets are left out: the hashes of tokens, and of an account all but what it says of a person. Raises 22023 for
-- another table.
create or replace function public.export_rows(p_kind text, p_of text, p_table text, p_after jsonb default null, p_limit integer default 500)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_held record;
  v_place text;
  v_answer jsonb;
begin
  select * into v_held from fleet_private.held_of(p_kind, p_of) where of_table = p_table and told;
  if not found then
    raise exception '% is none of the tables that are told', p_table using errcode = '22023';
  end if;
  v_place := concat_ws(', ', v_held.at, v_held.key);
  execute format(
    'with page as ('
    '  select to_jsonb(t) as told, jsonb_build_array(%2$s) as place, row_number() over (order by %2$s) as number'
    '    from %1$s t where %3$s and %4$s order by %2$s limit %5$s)'
    ' select jsonb_build_object('
    '   ''rows'', coalesce(jsonb_agg(told order by number), ''[]''),'
    '   ''after'', (select place from page where number = %5$s)) from page',
    v_held.of_table, v_place, v_held.condition,
    case when p_after is null then 'true'
         else format('(%s) > (%s)', v_place, (select string_agg(quote_literal(value), ', ' order by ordinality)
                                                from jsonb_array_elements_text(p_after) with ordinality)) end,
    p_limit) into v_answer;
  return v_answer || jsonb_build_object('rows', (
    select coalesce(jsonb_agg(
             case p_table when 'auth.users' then (
               select jsonb_object_agg(key, value) from jsonb_each(told)
                where key in ('id', 'email', 'phone', 'created_at', 'last_sign_in_at', 'raw_user_meta_data'))
             else told - 'token_sha256' end order by ordinality), '[]')
      from jsonb_array_elements(v_answer->'rows') with ordinality as e (told, ordinality)));
end
$$;

-- For `fleet erase`: erases some p_limit rows of a device, a user or a company, and queues the objects that no row
-- names below the folders of the device or company. Returns {gone: {table: rows}, more}; it goes on at the next call. Called
-- again when nothing is held any more it does nothing.
-- Of a company's devices those stay, as nobody's, of which others have something. Of a device one entry stays with its company.
create or replace function public.erase_rows(p_kind text, p_of text, p_bucket text, p_limit integer default 1000)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- The rows of a portion are found by an index and deleted by their place.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_held record;
  v_left integer := p_limit;
  v_rows integer;
  v_gone jsonb := '{}';
  v_company constant uuid := case p_kind when 'device' then (select company_id from public.devices where device_id = p_of) end;
begin
  for v_held in select * from fleet_private.held_of(p_kind, p_of) where goes order by place loop
    if p_kind = 'company' and v_held.of_table = 'public.devices' then
      -- The release of a device takes from it what the company has said.
      update public.devices d set company_id = null
       where d.company_id = p_of::uuid
         and (exists (select from public.captures where device_id = d.device_id)
              or exists (select from public.sensor_readings where device_id = d.device_id)
              or exists (select from public.capture_days where device_id = d.device_id)
              or exists (select from public.alerts where device_id = d.device_id)
              or exists (select from public.timelapses where device_id = d.device_id)
              or exists (select from public.device_commands where device_id = d.device_id));
    end if;
    begin
      execute format(
        'with chosen as materialized (select tableoid as of_table, ctid as place from %1$s where %2$s limit %3$s)'
        ' delete from %1$s t using chosen c where t.ctid = c.place and t.tableoid = c.of_table',
        v_held.of_table, v_held.condition, v_left);
      get diagnostics v_rows = row_count;
    exception when foreign_key_violation then
      -- A device has sent something meanwhile: its rows go at the next call.
      return jsonb_build_object('gone', v_gone, 'more', true);
    end;
    if v_rows > 0 then
      v_gone := v_gone || jsonb_build_object(v_held.of_table, v_rows);
      if p_kind = 'device' and v_held.of_table = 'public.devices' then
        perform fleet_private.write_audit(v_company, 'delete', 'devices', p_of, '{}');
      end if;
    end if;
    v_left := v_left - v_rows;
    if v_left <= 0 then
      return jsonb_build_object('gone', v_gone, 'more', true);
    end if;
  end loop;

  if p_kind = 'user' then
    update public.audit_log
       set actor_email = case when lower(actor_email) = lower(p_of) then null else actor_email end,
           -- *** makes the rest of the expression a literal text.
           changes = regexp_replace(changes::text, '***=' || to_json(p_of)::text, '"(erased)"', 'gi')::jsonb
     where lower(actor_email) = lower(p_of) or strpos(lower(changes::text), lower(to_json(p_of)::text)) > 0;
  elsif to_regclass('storage.objects') is not null then
    insert into fleet_private.object_removals as r (path)
    select o.name
      from unnest(case p_kind when 'device' then array['captures/', 'quarantine/', 'thumbnails/'] else array['timelapses/'] end)
             as folder
     cross join lateral (
       select name from storage.objects
        where bucket_id = p_bucket
          and name collate "C" > folder || p_of || '/' and name collate "C" < folder || p_of || '0') as o
    on conflict (path) do update set removed_at = null, claimed_until = null, queued_at = now() where r.removed_at is not null;
  end if;
  return jsonb_build_object('gone', v_gone, 'more', false);
end
$$;

-- For the same: how many objects below the folders of these devices and companies have yet to be removed from Storage.
create or replace function public.count_removals(p_of text[])
returns bigint
language sql
stable
set search_path = ''
as $$
  select count(*) from fleet_private.object_removals where removed_at is null and split_part(path, '/', 2) = any (p_of)
$$;

select fleet_private.set_callers('service', 'fleet_private.held_of', 'public.held_tables', 'public.count_held',
  'public.export_rows', 'public.erase_rows', 'public.count_removals');
