-- A `partial` picture has failed in transfer, and its first rows came: storage_path names a picture of full size whose rest
-- is hatched. Nothing of it was acknowledged; when the rest comes, it is `stored`. docs/adr/0033-partial-pictures.md has the
-- reasons.
alter table public.captures
  add column partial_rows integer,
  add constraint captures_partial_check check (
    case when ingest_status = 'partial' then num_nulls(partial_rows, storage_path) = 0 and partial_rows > 0
         else partial_rows is null end) not valid,
  drop constraint captures_ingest_status_check,
  add constraint captures_ingest_status_check
    check (ingest_status in ('assembling', 'stored', 'failed', 'expired', 'partial')) not valid;
comment on column public.captures.partial_rows is
  'Of a partial picture: how many of its rows of pixels came, of its height; below them it is hatched.';
