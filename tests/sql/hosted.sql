-- What a hosted Supabase project has before our files are run, as far as they touch it, besides the roles: auth.users,
-- auth.uid() and auth.jwt(), the tables of Storage, and the old default privileges, which gave everything to everybody.
-- Run as a superuser on an empty database; the files themselves are then run as supabase_owner, who is none.

create schema auth;
create table auth.users (id uuid primary key, email character varying(255));
create function auth.uid() returns uuid language sql stable as
  $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
create function auth.jwt() returns jsonb language sql stable as
  $$ select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
grant usage on schema auth to public;
grant select, references, insert on auth.users to supabase_owner;

create schema storage;
create table storage.buckets (id text primary key, name text not null, public boolean default false);
create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  created_at timestamptz default now(),
  metadata jsonb,
  unique (bucket_id, name)
);
create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
-- A hosted project lets its owner make policies on storage.objects by an extension; here it is the owner's table.
alter table storage.buckets owner to supabase_owner;
alter table storage.objects owner to supabase_owner;
grant usage, create on schema storage to supabase_owner;
grant usage on schema storage to anon, authenticated, service_role;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role;

alter schema public owner to supabase_owner;
do $$ begin execute format('grant create on database %I to supabase_owner', current_database()); end $$;
alter default privileges for role supabase_owner in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role supabase_owner in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role supabase_owner in schema public grant all on sequences to anon, authenticated, service_role;
