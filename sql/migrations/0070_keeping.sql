-- How long pictures are kept: policies, pictures that nobody lets go, and the objects that are to be removed.
-- docs/retention.md tells it; repeatable/049_objects.sql, 089_keeping.sql and 089_policies.sql have what works with it.

-- An `expired` picture was stored: its row and its reading stay, its objects go. That is final.
alter table public.captures
  drop constraint captures_ingest_status_check,
  add constraint captures_ingest_status_check
    check (ingest_status in ('assembling', 'stored', 'failed', 'expired')) not valid,
  add column pinned boolean not null default false,
  add column expired_at timestamptz,
  add column expired_by text;
comment on column public.captures.pinned is 'No policy lets this picture go.';
comment on column public.captures.expired_by is
  'What let it go: age, count, bytes, hourly, daily or weekly of a policy, or person.';

-- One policy per scope: a company, one of its sites, one of its devices. The narrowest that exists is in force, as a whole.
-- A picture goes if any of its limits says so.
create table public.keep_policies (
  policy_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  site_id uuid,
  device_id text references public.devices (device_id) on delete cascade,
  max_age_days integer check (max_age_days between 1 and 36500),
  max_count integer check (max_count between 1 and 10000000),
  max_bytes bigint check (max_bytes between 1000000 and 1000000000000000),
  hourly_after_days integer check (hourly_after_days between 1 and 36500),
  daily_after_days integer check (daily_after_days between 1 and 36500),
  weekly_after_days integer check (weekly_after_days between 1 and 36500),
  changed_at timestamptz not null default now(),
  constraint keep_policies_scope_key unique nulls not distinct (company_id, site_id, device_id),
  constraint keep_policies_scope_check check (num_nonnulls(site_id, device_id) <= 1),
  constraint keep_policies_limit_check check (
    num_nonnulls(max_age_days, max_count, max_bytes, hourly_after_days, daily_after_days, weekly_after_days) > 0),
  constraint keep_policies_site_fkey foreign key (company_id, site_id)
    references public.sites (company_id, site_id) on delete cascade
);
create index keep_policies_device_id_idx on public.keep_policies (device_id) where device_id is not null;
comment on column public.keep_policies.max_count is 'The newest so many pictures of each device stay.';
comment on column public.keep_policies.max_bytes is 'All pictures under this policy together; the oldest go first.';
comment on column public.keep_policies.hourly_after_days is 'After so many days the first picture of each local hour stays. Likewise below.';

-- How far the policies of a company have been applied, as they were at policies_at: device by device, and round after round. `bytes` are those that stay,
-- {policy_id: bytes}; once all devices are done they tell by how much a policy's max_bytes is exceeded.
create table fleet_private.keep_rounds (
  company_id uuid primary key references public.companies (company_id) on delete cascade,
  began_at timestamptz not null,
  policies_at timestamptz not null,
  device_id text not null default '',
  bytes jsonb not null default '{}',
  devices_done boolean not null default false,
  done_at timestamptz
);

-- The objects that no row names any more. `claimed_until` is set once somebody may be removing it; from then on no row may
-- come to name it. It stays for two days after it was removed: an upload that began before the removal may end after it.
create table fleet_private.object_removals (
  path text primary key check (path ~ '^(captures|thumbnails|quarantine)/.' and length(path) <= 1024),
  queued_at timestamptz not null default now(),
  claimed_until timestamptz,
  removed_at timestamptz
);
create index object_removals_open_idx on fleet_private.object_removals (claimed_until nulls first, queued_at)
  where removed_at is null;
create index object_removals_removed_at_idx on fleet_private.object_removals (removed_at) where removed_at is not null;

-- What a comparison of rows and objects has found, up to the folders of device_id, or whole once it is done.
create table fleet_private.reconciliations (
  reconciliation_id bigint generated always as identity primary key,
  began_at timestamptz not null default now(),
  done_at timestamptz,
  device_id text not null,
  objects bigint not null default 0,
  named bigint not null default 0,
  orphans bigint not null default 0,
  orphan_bytes bigint not null default 0,
  missing bigint not null default 0,
  examples jsonb not null default '[]'
);

select fleet_private.close_tables('public.keep_policies', 'fleet_private.reconciliations', 'fleet_private.keep_rounds',
  'fleet_private.object_removals');
