-- A comparison of rows and objects goes through all objects by name, and then through all rows by their id, so many in a
-- call, whatever devices they are of. One that is under way begins anew.
delete from fleet_private.reconciliations where done_at is null;
alter table fleet_private.reconciliations
  drop column device_id,
  add column after_object text default '',
  add column after_capture uuid;
comment on column fleet_private.reconciliations.after_object is 'Objects are compared up to this one; null once all are.';
comment on column fleet_private.reconciliations.after_capture is 'Then rows are, up to this one.';
