-- What has happened, and to which channels it has yet to be delivered. docs/adr/0027-delivery.md has the reasons.

-- Kept for a day, so that a receiver can have it again. `number` gives the order. `payload` is what is delivered.
create table fleet_private.events (
  number bigint generated always as identity primary key,
  event_id uuid not null unique,
  company_id uuid,
  device_id text,
  type text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);
create index events_company_id_number_idx on fleet_private.events (company_id, number);
create index events_created_at_idx on fleet_private.events (created_at);

-- One row for each event and channel that takes it. Of a line only the oldest that waits is delivered: the events of a
-- device are one. claimed_until says until when somebody is at work on it.
-- It has no reference to events: what could not be delivered is shown longer than the event is kept.
create table fleet_private.deliveries (
  channel_id uuid not null references public.alert_channels (channel_id) on delete cascade,
  number bigint not null,
  event_id uuid not null,
  line text not null,
  type text not null,
  urgent boolean not null default false,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
  since timestamptz not null default now(),
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  claimed_until timestamptz,
  last_error text check (length(last_error) <= 300),
  finished_at timestamptz,
  primary key (channel_id, number)
);
create index deliveries_waiting_idx on fleet_private.deliveries (channel_id, line, number) where state = 'waiting';
create index deliveries_since_idx on fleet_private.deliveries (since);

select fleet_private.close_tables('fleet_private.events', 'fleet_private.deliveries');
