"""What stands in the catalog of a database, described so that two databases can be compared."""

import re
from typing import Any

from sql_postgres import Database

OURS = "('public'::regnamespace, 'fleet_private'::regnamespace)"
PARTS = {
    "schemas": "select nspname, nspacl::text from pg_namespace where nspname in ('public', 'fleet_private')",
    "columns": f"""
        select c.oid::regclass::text as of_table, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,
               a.attidentity, pg_get_expr(d.adbin, d.adrelid) as default_value, a.attacl::text as rights
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
         where c.relnamespace in {OURS} and c.relkind in ('r', 'p', 'v', 'm')""",
    "constraints": f"""
        select conrelid::regclass::text as of_table, conname, pg_get_constraintdef(oid) as definition, convalidated
          from pg_constraint where connamespace in {OURS}""",
    "indexes": f"""
        select i.indrelid::regclass::text as of_table, c.relname, pg_get_indexdef(c.oid) as definition, i.indisvalid
          from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace in {OURS}""",
    "policies": "select schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check from pg_policies",
    "functions": f"""
        select oid::regprocedure::text as name, md5(prosrc) as body, prosrc is null as standard, proconfig, prosecdef,
               provolatile, pg_get_function_arguments(oid) as arguments, pg_get_function_result(oid) as result
          from pg_proc where pronamespace in {OURS}""",
    "callers": f"""
        select p.oid::regprocedure::text as name, coalesce(r.rolname, 'public') as role, a.privilege_type
          from pg_proc p
         cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
          left join pg_roles r on r.oid = a.grantee
         where p.pronamespace in {OURS}""",
    "relations": f"""
        select c.oid::regclass::text as name, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
               pg_get_viewdef(c.oid) as view, pg_get_partkeydef(c.oid) as key,
               pg_get_expr(c.relpartbound, c.oid) as bounds
          from pg_class c where c.relnamespace in {OURS}""",
    "rights": f"""
        select c.oid::regclass::text as name, coalesce(r.rolname, 'public') as role, a.privilege_type
          from pg_class c
         cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
          left join pg_roles r on r.oid = a.grantee
         where c.relnamespace in {OURS} and c.relkind <> 'S'""",
    "rights on counters": f"""
        select c.oid::regclass::text as name, r.rolname, a.privilege_type
          from pg_class c cross join lateral aclexplode(c.relacl) as a join pg_roles r on r.oid = a.grantee
         where c.relnamespace in {OURS} and c.relkind = 'S' and a.grantee <> c.relowner""",
    "triggers": f"""
        select t.tgrelid::regclass::text as of_table, t.tgname, pg_get_triggerdef(t.oid) as definition, t.tgenabled
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where not t.tgisinternal and c.relnamespace in {OURS}""",
}

Catalog = dict[str, set[tuple[Any, ...]]]


# The date in the name of a partition and in its bounds: all weeks are described as one.
DATES = re.compile(r"(?<=_)\d{8}(?!\d)|(?<=')\d{4}-\d\d-\d\d [\d:+]+(?=')")


def describe(database: Database) -> Catalog:
    """Describe everything of ours: tables, columns, constraints, indexes, policies, functions, triggers, rights."""
    superuser = database.as_superuser()
    return {
        part: {
            tuple(DATES.sub("DATE", str(value)) for value in row.values()) for row in superuser.rows(query)
        }
        for part, query in PARTS.items()
    }
