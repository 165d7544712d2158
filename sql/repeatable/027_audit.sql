-- The audit log: who changed what, for the admins of the company whose it is. Triggers write it, and nobody else.

-- A value as an entry tells it: a long one is told by its beginning and its size, so that entries are small.
create or replace function fleet_private.told_briefly(p_value jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when p_value is null or octet_length(p_value::text) <= 512 then p_value
    else jsonb_build_object('begins', left(p_value #>> '{}', 100), 'bytes', octet_length(p_value::text)) end
$$;

-- Writes an entry for a company, of the device that it is about; without a company there is nobody to tell. An account
-- leaves at most 20,000 entries in a day: that is two changes of each of 10,000 devices, and what nobody does by hand. The
-- count is taken once per transaction, since one statement may change many rows. Raises PT429 beyond it, which undoes the
-- change.
drop function if exists fleet_private.write_audit(uuid, text, text, text, jsonb);
create or replace function fleet_private.write_audit(
  p_company uuid, p_action text, p_table text, p_subject text, p_changes jsonb, p_device text default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_most constant integer := 20000;
  v_left integer := nullif(current_setting('fleet_private.entries_left', true), '')::integer;
begin
  if p_company is null then
    return;
  end if;
  if auth.uid() is not null then
    if v_left is null then
      select v_most - count(*) into v_left
        from (select from public.audit_log where actor = auth.uid() and at > now() - interval '1 day' limit v_most) as latest;
    end if;
    if v_left < 1 then
      raise exception 'too many changes in a day: try again tomorrow' using errcode = 'PT429';
    end if;
    perform set_config('fleet_private.entries_left', (v_left - 1)::text, true);
  end if;
  insert into public.audit_log (company_id, actor, actor_email, action, table_name, subject, device_id, changes)
  values (p_company, auth.uid(),
          coalesce((select email from public.users where user_id = auth.uid()), (select email from auth.users where id = auth.uid())),
          p_action, p_table, p_subject, p_device, p_changes);
end
$$;

-- Records the change of a row of a company, or of a device of a company. The arguments of the trigger are the column that
-- names the row, and the columns that matter; an update that changes none of them leaves no entry. Security definer, as
-- the next one, since who changes a row may neither write the log nor, if it is the service, ask who the user is.
create or replace function fleet_private.audit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_old constant jsonb := case when tg_op = 'INSERT' then '{}' else to_jsonb(old) end;
  v_new constant jsonb := case when tg_op = 'DELETE' then '{}' else to_jsonb(new) end;
  v_row constant jsonb := v_old || v_new;
  v_changes jsonb;
begin
  select coalesce(jsonb_object_agg(name, jsonb_build_array(
           fleet_private.told_briefly(v_old->name), fleet_private.told_briefly(v_new->name))), '{}')
    into v_changes
    from unnest(tg_argv[1:]) as name
   where coalesce(v_old->name, 'null') <> coalesce(v_new->name, 'null');
  if v_changes <> '{}' or tg_op <> 'UPDATE' then
    perform fleet_private.write_audit(
      coalesce((v_row->>'company_id')::uuid,
               (select company_id from public.devices where device_id = v_row->>'device_id')),
      lower(tg_op), tg_table_name, v_row->>tg_argv[0], v_changes, v_row->>'device_id');
  end if;
  return null;
end
$$;

-- A device that changes hands has an entry with each of the two companies, and neither sees there what the other has
-- written about the device.
create or replace function fleet_private.audit_owner()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.write_audit(old.company_id, 'release', tg_table_name, new.device_id, '{}', new.device_id);
  perform fleet_private.write_audit(new.company_id, 'claim', tg_table_name, new.device_id, '{}', new.device_id);
  return null;
end
$$;

create or replace trigger companies_audit after update of name on public.companies
  for each row execute function fleet_private.audit('company_id', 'name');
create or replace trigger users_audit after insert or delete or update of role on public.users
  for each row execute function fleet_private.audit('user_id', 'role', 'email');
create or replace trigger invitations_audit after insert or delete or update of accepted_at on public.invitations
  for each row execute function fleet_private.audit('invitation_id', 'email', 'role', 'accepted_by');
create or replace trigger sites_audit after insert or delete or update on public.sites
  for each row execute function fleet_private.audit('site_id', 'name', 'timezone');
-- Only of what people write: the service updates the row of a device with everything that the device says.
create or replace trigger devices_audit
  after update of name, location, timezone, notes, tags, site_id on public.devices
  for each row when (old.company_id = new.company_id)
  execute function fleet_private.audit('device_id', 'name', 'location', 'timezone', 'notes', 'tags', 'site_id');
create or replace trigger devices_audit_owner after update of company_id on public.devices
  for each row when (old.company_id is distinct from new.company_id) execute function fleet_private.audit_owner();
create or replace trigger device_configs_audit after insert or delete or update on public.device_configs
  for each row execute function fleet_private.audit('config_id', 'device_id', 'captures_per_day', 'times_of_day',
    'interval_minutes', 'timezone', 'wake_spread_s');
-- Of commands what people do; device_command_logs has what became of each.
create or replace trigger device_commands_audit after insert on public.device_commands
  for each row when (new.created_by is not null)
  execute function fleet_private.audit('command_id', 'device_id', 'type', 'payload');
create or replace trigger device_commands_audit_cancel after update of status on public.device_commands
  for each row when (new.status = 'cancelled') execute function fleet_private.audit('command_id', 'status');

select fleet_private.set_callers(
  'service', 'fleet_private.told_briefly', 'fleet_private.write_audit', 'fleet_private.audit', 'fleet_private.audit_owner');

grant select on public.audit_log to authenticated, service_role;
drop policy if exists audit_log_read_admins on public.audit_log;
create policy audit_log_read_admins on public.audit_log for select to authenticated
  using (company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('admin')));
