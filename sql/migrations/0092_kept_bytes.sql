-- The bytes of a day that are in storage now; `bytes` keeps counting what has expired. It is among the last migrations, since
-- days are counted again only once repeatable/076_capture_days.sql knows the column.
alter table public.capture_days add column kept_bytes bigint;
comment on column public.capture_days.bytes is 'Bytes of the stored pictures, also of those that have expired since.';
comment on column public.capture_days.kept_bytes is
  'Bytes of the pictures that are in storage; null for a day that was counted before any could expire: as bytes.';
