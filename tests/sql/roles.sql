-- The roles of a hosted Supabase project, and an owner who is no superuser, as there.
create role supabase_owner login noinherit;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
grant anon, authenticated, service_role to supabase_owner;
