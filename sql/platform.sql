-- What a Supabase project has and a plain PostgreSQL database lacks: the three roles of the data API, and the accounts
-- with the functions that tell who is signed in. On Supabase this file changes nothing.
-- On plain PostgreSQL it needs the right to create roles, or a superuser who runs it once beforehand:
--   psql -1 -v ON_ERROR_STOP=1 -f sql/platform.sql
-- A gateway such as PostgREST takes one of the roles for each request and sets request.jwt.claims.

do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I nologin %s', v_role, case when v_role = 'service_role' then 'bypassrls' end);
    end if;
  end loop;

  if to_regnamespace('auth') is null then
    create schema auth;
    grant usage on schema auth to anon, authenticated, service_role;
    create table auth.users (
      id uuid primary key default gen_random_uuid(),
      email text unique,
      created_at timestamptz not null default now()
    );
    create function auth.jwt() returns jsonb language sql stable set search_path = ''
      return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
    create function auth.uid() returns uuid language sql stable set search_path = ''
      return coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), auth.jwt() ->> 'sub')::uuid;
  end if;
end
$$;
