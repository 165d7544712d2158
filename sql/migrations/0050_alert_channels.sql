-- Where a company, or the operator of the service, is told of events. docs/adr/0027-delivery.md has the reasons.

-- The operator's channels have no company: their targets stand in the settings of the workers.
create table public.alert_channels (
  channel_id uuid primary key default gen_random_uuid(),
  company_id uuid references public.companies (company_id) on delete cascade,
  name text not null check (length(name) between 1 and 120),
  kind text not null check (kind in ('email', 'apprise', 'webhook', 'operator')),
  target text not null check (length(target) <= 320),
  event_types text[] not null,
  alert_kinds text[],
  site_id uuid,
  quiet_from time,
  quiet_until time,
  quiet_timezone text check (fleet_private.is_timezone(quiet_timezone)),
  all_companies boolean not null default false,
  enabled boolean not null default true,
  state text not null default 'untried' check (state in ('untried', 'ok', 'failing', 'dead')),
  failures integer not null default 0,
  next_try_at timestamptz not null default '-infinity',
  last_ok_at timestamptz,
  last_error text check (length(last_error) <= 300),
  last_error_at timestamptz,
  dropped bigint not null default 0,
  replayed_at timestamptz,
  created_at timestamptz not null default now(),
  created_by uuid,
  check (num_nonnulls(quiet_from, quiet_until, quiet_timezone) in (0, 3)),
  check ((kind = 'operator') = (company_id is null)),
  foreign key (company_id, site_id) references public.sites (company_id, site_id) on delete cascade
);
create index alert_channels_company_id_idx on public.alert_channels (company_id);

comment on column public.alert_channels.target is 'What people may see of the target: the address, the host of a webhook, the name of a service.';
comment on column public.alert_channels.alert_kinds is 'The kinds of alerts that the channel takes; null takes all.';
comment on column public.alert_channels.site_id is 'The channel takes only events of devices at this site; null takes all.';
comment on column public.alert_channels.quiet_from is 'Local time from which on only what is urgent is delivered, until quiet_until.';
comment on column public.alert_channels.all_companies is 'Of an operator''s channel: whether it also takes the alerts of companies.';
comment on column public.alert_channels.failures is 'Attempts that have failed since the last one that did not.';
comment on column public.alert_channels.next_try_at is 'While attempts fail: when the next one is made.';
comment on column public.alert_channels.dropped is 'Deliveries that were dropped because too many waited.';

-- Where a channel goes, and what its messages are signed with. Whoever has these can write in the company's name, so no
-- user reads them. The former secret signs beside the new one until former_until.
create table fleet_private.channel_targets (
  channel_id uuid primary key references public.alert_channels (channel_id) on delete cascade,
  target text not null check (length(target) <= 2048),
  secret text,
  former_secret text,
  former_until timestamptz
);

select fleet_private.close_tables('public.alert_channels', 'fleet_private.channel_targets');
