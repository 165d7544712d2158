-- Who may do what in a company, and the invitations to it. docs/adr/0023-roles-and-invitations.md has the reasons.

-- Until now every user of a company could do the same: they become operators, and the first user of a company its admin.
alter table public.users add column role text not null default 'operator' check (role in ('viewer', 'operator', 'admin'));
alter table public.users alter column role drop default;
update public.users set role = 'admin'
 where user_id in (select distinct on (company_id) user_id from public.users
                    where company_id is not null order by company_id, created_at, user_id);

-- The address of the account when it became a member, so that members can be listed by those who may not read accounts.
alter table public.users add column if not exists email text;
update public.users u set email = lower(a.email) from auth.users a where a.id = u.user_id and u.email is null;

-- Gives a new member what its row leaves out: the e-mail address, and a role. A company's first member is its admin, so
-- that one which was made with SQL can be administered at all. Security definer, since the service reads no accounts.
-- It is here, and not in a repeatable file, so that no moment is without it.
create or replace function fleet_private.fill_member()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  new.email := coalesce(new.email, (select lower(email) from auth.users where id = new.user_id));
  new.role := coalesce(new.role, case
    when new.company_id is null or exists (select from public.users where company_id = new.company_id) then 'viewer'
    else 'admin' end);
  return new;
end
$$;
create or replace trigger users_fill before insert on public.users
  for each row execute function fleet_private.fill_member();
create index users_company_id_idx on public.users (company_id);

-- One row for each invitation; of its token only the SHA-256 is kept.
create table public.invitations (
  invitation_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  email text not null check (email = lower(email) and length(email) <= 254),
  role text not null check (role in ('viewer', 'operator', 'admin')),
  token_sha256 text not null unique check (token_sha256 ~ '^[0-9a-f]{64}$'),
  invited_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  accepted_by uuid
);
create index invitations_company_id_created_at_idx on public.invitations (company_id, created_at desc);

select fleet_private.set_callers('service', 'fleet_private.fill_member');
select fleet_private.close_tables('public.invitations');
