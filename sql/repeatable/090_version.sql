-- This file runs last, so that the version shows that all other files were applied. The service checks the
-- version when it starts.

insert into public.schema_version (version) values (2)
on conflict (singleton) do update
  set version = excluded.version, applied_at = now()
  where schema_version.version <> excluded.version;
