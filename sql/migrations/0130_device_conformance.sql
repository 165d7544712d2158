-- In what the last messages of a device deviate from docs/protocol.md: repeatable/085_conformance.sql has what works with it,
-- tasks/examine_firmware.py finds it.
create table public.device_conformance (
  device_id text primary key references public.devices (device_id) on delete cascade,
  company_id uuid not null references public.companies (company_id) on delete cascade,
  examined_at timestamptz not null default now(),
  since timestamptz,
  hellos integer not null,
  pictures integer not null,
  deviations jsonb not null
);
create index device_conformance_company_id_idx on public.device_conformance (company_id);
select fleet_private.close_tables('public.device_conformance');

comment on table public.device_conformance is 'What was found in the log of a device, of the company that had it then.';
comment on column public.device_conformance.since is 'When the first of these messages came; null if there was none.';
comment on column public.device_conformance.deviations is
  '[{rule, grade: harmful or dialect, count, example}], the harmful first; operate/field/rules.py has the rules.';
