-- The constraint of the migration before holds for new rows; here the older ones are looked at, which locks nobody out.
alter table fleet_private.object_removals validate constraint object_removals_path_check;
