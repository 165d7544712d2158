-- `fleet doctor` and every starting worker call this function to check that the schema is installed
-- and complete, and that no table or function is open that should not be: open_tables lists tables without row level
-- security, bucket is the one in which users may read pictures, open_functions the functions that anon may execute, or authenticated without being in 010_callers.sql.

create or replace function public.inspect_schema()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', (select version from public.schema_version),
    'bucket', fleet_private.bucket(),
    'functions', (
      select coalesce(jsonb_agg(distinct p.proname::text), '[]')
        from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace),
    'open_functions', (
      select coalesce(jsonb_agg(p.proname::text order by p.proname), '[]')
        from pg_catalog.pg_proc p
       where p.pronamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)
         and (has_function_privilege('anon', p.oid, 'execute')
              or (has_function_privilege('authenticated', p.oid, 'execute')
                  and format('%s.%s', p.pronamespace::regnamespace, p.proname) <> all (fleet_private.functions_for_users())))),
    'open_tables', (
      select coalesce(jsonb_agg(c.relname::text order by c.relname), '[]')
        from pg_catalog.pg_class c
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity))
$$;

select fleet_private.set_callers('service', 'public.inspect_schema');
