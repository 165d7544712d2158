-- The bucket of the pictures, where it was chosen: repeatable/080_storage.sql has what works with it.
create table fleet_private.storage_bucket (
  singleton boolean primary key default true check (singleton),
  name text not null
);
select fleet_private.close_tables('fleet_private.storage_bucket');

comment on table fleet_private.storage_bucket is 'The bucket in which users may read the pictures of their company.';
