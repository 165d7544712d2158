-- Older pictures are made smaller where a policy says so. docs/retention.md tells it; repeatable/089_made_smaller.sql has what works
-- with it, docs/adr/0031-smaller-pictures.md the reasons.
alter table public.captures
  add column original_bytes integer,
  add column stored_sha256 text,
  add column stored_quality smallint,
  add column smaller_at timestamptz;
comment on column public.captures.image_bytes is 'Bytes of the picture that is in storage.';
comment on column public.captures.image_sha256 is 'SHA-256 of the picture as the device has it, by which it is known again.';
comment on column public.captures.original_bytes is 'Bytes as the device sent them, of a picture that was made smaller; null: as it came.';
comment on column public.captures.stored_sha256 is 'SHA-256 of the smaller picture that is in storage; null: image_sha256.';
comment on column public.captures.stored_quality is 'JPEG quality of the smaller picture.';
comment on column public.captures.smaller_at is
  'When it was made smaller, or, without original_bytes, when that was found to be of no use. That is done once.';

alter table public.keep_policies
  add column smaller_after_days integer check (smaller_after_days between 1 and 36500),
  add column smaller_quality integer check (smaller_quality between 30 and 90),
  add column smaller_width integer check (smaller_width between 160 and 10000),
  drop constraint keep_policies_limit_check,
  add constraint keep_policies_limit_check check (
    num_nonnulls(max_age_days, max_count, max_bytes, hourly_after_days, daily_after_days, weekly_after_days,
                 smaller_after_days) > 0),
  add constraint keep_policies_smaller_check check (
    smaller_after_days is not null or num_nonnulls(smaller_quality, smaller_width) = 0);
comment on column public.keep_policies.smaller_after_days is 'After so many days pictures are encoded anew.';
comment on column public.keep_policies.smaller_quality is 'JPEG quality of pictures that are made smaller; null: 60.';
comment on column public.keep_policies.smaller_width is 'Their greatest width (px); null: as it is.';

-- How far the pictures of a company have been gone through: all of the devices up to device_id, and of the next one those up to
-- captured_at. And what that has brought since ever: left_alone are those that would have lost less than a tenth.
create table fleet_private.smaller_rounds (
  company_id uuid primary key references public.companies (company_id) on delete cascade,
  began_at timestamptz not null,
  policies_at timestamptz not null,
  device_id text not null default '',
  captured_at timestamptz not null default '-infinity',
  done_at timestamptz,
  pictures bigint not null default 0,
  saved_bytes bigint not null default 0,
  left_alone bigint not null default 0
);
select fleet_private.close_tables('fleet_private.smaller_rounds');
