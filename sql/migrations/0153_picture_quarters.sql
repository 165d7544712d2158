-- How many pictures a company has of each quarter of an hour, for the scrubber of the gallery: it counted all pictures of the
-- company whenever somebody opened the page. repeatable/079_picture_quarters.sql has what fills these tables, also with the
-- pictures that are there; docs/adr/0024-rollups.md has the reasons.

create table fleet_private.picture_quarters (
  company_id uuid not null,
  quarter timestamptz not null,
  ingest_status text not null,
  pictures integer not null,
  primary key (company_id, quarter, ingest_status)
);

-- What the next refresh has to count again. Whoever writes, changes or deletes a picture adds to it in the same transaction, so
-- that nobody sees the one without the other.
create table fleet_private.touched_quarters (
  company_id uuid not null,
  quarter timestamptz not null
);

-- From when on the quarters of a company are counted. A company without a row has none that are.
create table fleet_private.counted_since (
  company_id uuid primary key,
  since timestamptz not null
);
select fleet_private.close_tables(
  'fleet_private.picture_quarters', 'fleet_private.touched_quarters', 'fleet_private.counted_since');
