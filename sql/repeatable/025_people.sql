-- The people of a company, and what their roles let them do:
--   viewer     sees everything of the company but the audit log and the invitations
--   operator   also names devices, claims them, sets schedules and queues commands
--   admin      also invites, changes roles, removes members, releases devices and queues custom commands
-- A user belongs to one company at most. PT404 is the SQLSTATE that PostgREST answers with the HTTP status 404.
-- docs/adr/0023-roles-and-invitations.md has the reasons.

-- The caller's company. Security definer, so that policies can use it without the caller reading public.users. It has
-- no arguments, so that a caller cannot ask about another user.
create or replace function fleet_private.company_of_user()
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
  select company_id from public.users where user_id = auth.uid()
$$;

-- Whether the caller has a role, or one above it, in a company. Security definer, for the same reason.
create or replace function fleet_private.user_may(p_role text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from public.users
     where user_id = auth.uid() and company_id is not null
       and array_position(array['viewer', 'operator', 'admin'], role)
           >= array_position(array['viewer', 'operator', 'admin'], p_role))
$$;

-- Raises 42501 unless the caller has the role, or one above it.
create or replace function fleet_private.require_role(p_role text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if not fleet_private.user_may(p_role) then
    raise exception 'this needs the role % in a company', p_role using errcode = '42501';
  end if;
end
$$;

-- Raises 22023 unless there is such a role.
create or replace function fleet_private.check_role(p_role text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_role is null or p_role not in ('viewer', 'operator', 'admin') then
    raise exception 'role is neither viewer, operator nor admin' using errcode = '22023';
  end if;
end
$$;

-- The SHA-256 of a secret that was made at random, in hex: all that is kept of one.
create or replace function fleet_private.hash_of(p_secret text)
returns text
language sql
immutable
set search_path = ''
as $$
  select encode(sha256(convert_to(p_secret, 'UTF8')), 'hex')
$$;

-- Makes an invitation, in place of an open one to the same address, and returns its token, which is kept nowhere. p_by
-- is the user who invites, null for the service.
-- Raises 22023 for what is no e-mail address or role, and if the company has 100 open invitations.
create or replace function fleet_private.make_invitation(p_company uuid, p_email text, p_role text, p_by uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_email text := lower(btrim(p_email));
  -- Two UUIDs of the system's generator: 244 random bits.
  v_token text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  if v_email is null or length(v_email) > 254 or v_email !~ '^[^@[:space:]]+@[^@[:space:]]+$' then
    raise exception 'this is no e-mail address' using errcode = '22023';
  end if;
  perform fleet_private.check_role(p_role);
  -- So that two that invite at once leave one invitation.
  perform from public.companies where company_id = p_company for no key update;
  if exists (select from public.users where company_id = p_company and email = v_email) then
    raise exception 'this e-mail address is a member''s already' using errcode = '22023';
  end if;
  delete from public.invitations where company_id = p_company and email = v_email and accepted_at is null;
  if (select count(*) from public.invitations
       where company_id = p_company and accepted_at is null and expires_at > now()) >= 100 then
    raise exception 'the company has 100 open invitations' using errcode = '22023';
  end if;
  insert into public.invitations (company_id, email, role, token_sha256, invited_by)
  values (p_company, v_email, p_role, fleet_private.hash_of(v_token), p_by);
  return v_token;
end
$$;

-- Locks the members of the caller's company against other changes until the end of the transaction, and returns the
-- company. Raises 42501 unless the caller has the role, or one above it, there. Without it two admins could take the role
-- from each other at once, and none would be left.
create or replace function fleet_private.lock_members(p_role text)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
begin
  perform from public.companies where company_id = v_company for no key update;
  -- Asked under the lock: who waited for it may have lost the role meanwhile, or have it in another company.
  perform fleet_private.require_role(p_role);
  if fleet_private.company_of_user() is distinct from v_company then
    raise exception 'you are a member of another company now' using errcode = '42501';
  end if;
  return v_company;
end
$$;

-- For admins: invites somebody to the own company for 7 days, and returns the token, once. An older open invitation to
-- the same address ends. Raises 42501, 22023.
create or replace function public.invite_member(p_email text, p_role text)
returns text
language plpgsql
security definer
set search_path = ''
as $$
begin
  return fleet_private.make_invitation(fleet_private.lock_members('admin'), p_email, p_role, auth.uid());
end
$$;

-- For everybody with an account: makes the caller a member of the company that has invited its e-mail address, and
-- returns the company's id. A token counts once. Raises 42501 if there is no such invitation, whatever the reason;
-- 22023 if the caller has a company already.
create or replace function public.accept_invitation(p_token text)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- An account of another identity provider has no address in auth.users; then its signed token tells it.
  v_email constant text := lower(coalesce(
    (select nullif(email, '') from auth.users where id = auth.uid()), auth.jwt() ->> 'email'));
  v_invitation public.invitations;
begin
  if auth.uid() is null then
    raise exception 'sign in first' using errcode = '42501';
  end if;
  update public.invitations
     set accepted_at = now(), accepted_by = auth.uid()
   where token_sha256 = fleet_private.hash_of(p_token)
     and email = v_email and accepted_at is null and expires_at > now()
  returning * into v_invitation;
  if not found then
    raise exception 'the invitation is unknown, used, out of date, or for another e-mail address' using errcode = '42501';
  end if;
  insert into public.users as u (user_id, company_id, role, email)
  values (auth.uid(), v_invitation.company_id, v_invitation.role, v_invitation.email)
  on conflict (user_id) do update
    set company_id = excluded.company_id, role = excluded.role, email = excluded.email
    where u.company_id is null;
  if not found then
    raise exception 'you are a member of a company already' using errcode = '22023';
  end if;
  return v_invitation.company_id;
end
$$;

-- Takes from a user what an admin has: raises 22023 if the company would have no admin left, and takes back the open
-- invitations that the user has made. The caller must have called lock_members.
create or replace function fleet_private.end_admin(p_company uuid, p_user uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (select from public.users where company_id = p_company and user_id = p_user and role = 'admin')
     and not exists (select from public.users where company_id = p_company and user_id <> p_user and role = 'admin') then
    raise exception 'a company keeps at least one admin: make somebody else admin first' using errcode = '22023';
  end if;
  delete from public.invitations where company_id = p_company and invited_by = p_user and accepted_at is null;
end
$$;

-- For admins: gives a member of the own company a role. Raises 42501, 22023 for what is no role and for the last admin,
-- PT404 if there is no such member.
create or replace function public.set_member_role(p_user uuid, p_role text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.lock_members('admin');
begin
  perform fleet_private.check_role(p_role);
  if p_role <> 'admin' then
    perform fleet_private.end_admin(v_company, p_user);
  end if;
  update public.users set role = p_role where user_id = p_user and company_id = v_company;
  if not found then
    raise exception 'the company has no such member' using errcode = 'PT404';
  end if;
end
$$;

-- For admins, and for members who leave: ends a membership in the own company. The account stays. Raises 42501, 22023
-- for the last admin, PT404 if there is no such member.
create or replace function public.remove_member(p_user uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.lock_members(case when p_user = auth.uid() then 'viewer' else 'admin' end);
begin
  perform fleet_private.end_admin(v_company, p_user);
  delete from public.users where user_id = p_user and company_id = v_company;
  if not found then
    raise exception 'the company has no such member' using errcode = 'PT404';
  end if;
end
$$;

-- For `fleet companies`: makes a company, and an invitation for its admin. Returns {company_id, token}.
-- Raises 22023 for a name or an e-mail address that will not do.
create or replace function public.create_company(p_name text, p_admin text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_company uuid;
begin
  if p_name is null or length(btrim(p_name)) not between 1 and 120 then
    raise exception 'a company''s name has 1 to 120 characters' using errcode = '22023';
  end if;
  insert into public.companies (name) values (btrim(p_name)) returning company_id into v_company;
  return jsonb_build_object(
    'company_id', v_company, 'token', fleet_private.make_invitation(v_company, p_admin, 'admin', null));
end
$$;

-- For the same: invites somebody to a company, as its admins do, and returns the token. Raises 22023, and PT404 if
-- there is no such company.
create or replace function public.invite_to_company(p_company uuid, p_email text, p_role text)
returns text
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from public.companies where company_id = p_company) then
    raise exception 'there is no such company' using errcode = 'PT404';
  end if;
  return fleet_private.make_invitation(p_company, p_email, p_role, null);
end
$$;

-- For the same: all companies by name, [{company_id, name, created_at, members, devices}].
create or replace function public.list_companies()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(c) order by c.name, c.company_id), '[]')
    from (select company_id, name, created_at,
                 (select count(*) from public.users u where u.company_id = companies.company_id) as members,
                 (select count(*) from public.devices d where d.company_id = companies.company_id) as devices
            from public.companies) as c
$$;

-- For the same: the members of a company and who is invited to it, [{email, role, since, invited_until}]; invited_until
-- is null for a member.
create or replace function public.list_members(p_company uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(m) order by m.invited_until nulls first, m.since), '[]')
    from (select email, role, created_at as since, null::timestamptz as invited_until
            from public.users where company_id = p_company
          union all
          select email, role, created_at, expires_at
            from public.invitations where company_id = p_company and accepted_at is null and expires_at > now()) as m
$$;

select fleet_private.set_callers('users', 'fleet_private.company_of_user', 'fleet_private.user_may',
  'public.accept_invitation', 'public.invite_member', 'public.remove_member', 'public.set_member_role');
select fleet_private.set_callers('service', 'fleet_private.require_role', 'fleet_private.check_role', 'fleet_private.hash_of',
  'fleet_private.make_invitation', 'fleet_private.lock_members', 'fleet_private.end_admin', 'public.create_company',
  'public.invite_to_company', 'public.list_companies', 'public.list_members');

-- Members see each other, admins the open invitations, which they may take back.
drop policy if exists users_read_self on public.users;
drop policy if exists users_read_company on public.users;
create policy users_read_company on public.users for select to authenticated
  using (user_id = (select auth.uid()) or company_id = (select fleet_private.company_of_user()));

grant select, insert, update, delete on public.invitations to service_role;
grant select, delete on public.invitations to authenticated;
drop policy if exists invitations_read_admins on public.invitations;
create policy invitations_read_admins on public.invitations for select to authenticated
  using (company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('admin')));
drop policy if exists invitations_take_back_admins on public.invitations;
create policy invitations_take_back_admins on public.invitations for delete to authenticated
  using (company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('admin'))
         and accepted_at is null);
