-- Reads the tables while others write to them.
do $$
declare
  v_statement text;
begin
  for v_statement in
    select format('alter table %s validate constraint %I', conrelid::regclass, conname)
      from pg_catalog.pg_constraint
     where conname ~ '^until_[0-9]{8}$' and not convalidated
       and conrelid in ('public.device_status'::regclass, 'public.device_errors'::regclass,
                        'public.device_publish_log'::regclass)
  loop
    execute v_statement;
  end loop;
end
$$;
