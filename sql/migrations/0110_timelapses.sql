-- Films of a device's pictures, made when somebody asks for one. docs/timelapse.md tells it; repeatable/079_timelapses.sql
-- has what works with it, docs/adr/0034-time-lapse.md the reasons.
create table public.timelapses (
  timelapse_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  device_id text not null references public.devices (device_id) on delete cascade,
  since timestamptz not null,
  until timestamptz not null,
  format text not null check (format in ('mp4', 'webp')),
  fps integer not null check (fps between 1 and 60),
  width integer not null,
  deflicker boolean not null,
  burn_date boolean not null,
  burn_readings boolean not null,
  timezone text not null,
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  attempts integer not null default 0,
  claim uuid,
  lease_until timestamptz,
  frames_total integer,
  frames_done integer not null default 0,
  path text collate "C" unique check (path ~ '^timelapses/[0-9a-f-]{36}/[0-9a-f-]{36}[.](mp4|webp)$'),
  bytes bigint,
  duration_s double precision,
  error_code text,
  error text,
  requested_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint timelapses_times_check check (since < until),
  constraint timelapses_width_check check (width between 160 and case format when 'webp' then 640 else 1280 end),
  constraint timelapses_done_check check ((state = 'done') = (path is not null))
);
create index timelapses_company_id_idx on public.timelapses (company_id, created_at desc);
create index timelapses_device_id_idx on public.timelapses (device_id);
create index timelapses_open_idx on public.timelapses (created_at) where state in ('queued', 'running');
create index timelapses_finished_at_idx on public.timelapses (finished_at) where finished_at is not null;
select fleet_private.close_tables('public.timelapses');

comment on table public.timelapses is 'Films of the pictures of a device, that were asked for; the object at path goes with the row.';
comment on column public.timelapses.since is 'Pictures that were taken from then on, and before until.';
comment on column public.timelapses.width is 'No side has more px; pictures are not made larger.';
comment on column public.timelapses.timezone is 'Of the date that is written on the pictures.';
comment on column public.timelapses.claim is 'Which worker''s it is: another one after each claim. Its path has it too.';
comment on column public.timelapses.frames_done is 'Pictures that were looked at so far; once it is done, the frames of the film.';
comment on column public.timelapses.error_code is
  'no_pictures, too_large, took_too_long, interrupted (its workers died or were stopped) or failed; error has it in words.';

-- The queue of objects to remove takes films too.
alter table fleet_private.object_removals
  drop constraint object_removals_path_check,
  add constraint object_removals_path_check
    check (path ~ '^(captures|thumbnails|quarantine|timelapses)/.' and length(path) <= 1024) not valid;
