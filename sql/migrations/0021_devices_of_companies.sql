-- What a company says about its devices, how it gets them, and who changed what.

create table public.sites (
  site_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  name text not null check (length(name) between 1 and 120),
  timezone text check (fleet_private.is_timezone(timezone)),
  created_at timestamptz not null default now(),
  unique (company_id, name),
  unique (company_id, site_id)
);

--   location           where its company says that it stands
--   reported_location  where it says itself that it stands; it overwrites nothing that a person has written
-- An older location may be of either kind, and stays.
alter table public.devices
  add column if not exists reported_location text,
  add column if not exists site_id uuid,
  add column if not exists notes text,
  add column if not exists tags text[] not null default '{}';
alter table public.devices
  add constraint devices_notes_check check (length(notes) <= 4000) not valid,
  add constraint devices_tags_check check (cardinality(tags) <= 20 and array_position(tags, null) is null) not valid,
  -- A device's site is one of its own company.
  add constraint devices_site_fkey foreign key (company_id, site_id)
    references public.sites (company_id, site_id) on delete set null (site_id) not valid;

-- A command that nobody wants any more is `cancelled`.
alter table public.device_commands
  drop constraint device_commands_status_check,
  add constraint device_commands_status_check
    check (status in ('queued', 'sent', 'done', 'failed', 'expired', 'cancelled')) not valid;

-- The codes on the devices' labels, as SHA-256. A device has one, also before it was ever heard.
create table fleet_private.device_codes (
  device_id text primary key check (device_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  code_sha256 text not null unique check (code_sha256 ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now()
);

-- How many wrong codes a user has tried since when.
create table fleet_private.claim_attempts (
  user_id uuid primary key references public.users (user_id) on delete cascade,
  since timestamptz not null default now(),
  wrong integer not null
);

-- Who changed what, written by triggers. actor is null for the service and for SQL; actor_email stays when a member
-- leaves. changes is {column: [before, after]}. company_id has no foreign key: the log of a company outlives it.
create table public.audit_log (
  audit_id bigint generated always as identity primary key,
  company_id uuid not null,
  at timestamptz not null default now(),
  actor uuid,
  actor_email text,
  action text not null,
  table_name text not null,
  subject text not null,
  changes jsonb not null default '{}'
);
create index audit_log_company_id_at_idx on public.audit_log (company_id, at desc);

select fleet_private.close_tables('public.sites', 'fleet_private.device_codes', 'fleet_private.claim_attempts',
  'public.audit_log');
