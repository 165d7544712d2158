"""Writes the types of what users may read and call as TypeScript for the console: `make console-types`."""

import sys
from collections import defaultdict
from typing import Any, Final

from local.fresh_schema import with_schema
from local.part import REPOSITORY
from operate.schema.database import Connection

FILE: Final = REPOSITORY / "console" / "src" / "shared" / "database.ts"
_HEAD: Final = """\
// Made by `make console-types` from the schema: what users may read and call. A test compares the two.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]
"""
_NUMBERS: Final = {"smallint", "integer", "bigint", "real", "double precision", "numeric"}
_COLUMNS: Final = """
select c.relname, c.relkind in ('r', 'p'), a.attname, format_type(a.atttypid, null), a.attnotnull,
       a.atthasdef or a.attidentity <> '' or not a.attnotnull, a.attgenerated <> '' or a.attidentity = 'a'
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
   and has_column_privilege('authenticated', c.oid, a.attnum, 'select')
 order by c.relname, a.attname
"""
_KEYS: Final = """
select c.relname, f.conname, r.relname,
       (select array_agg(a.attname order by k.place) from unnest(f.conkey) with ordinality k (number, place)
          join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.number),
       (select array_agg(a.attname order by k.place) from unnest(f.confkey) with ordinality k (number, place)
          join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.number)
  from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_class r on r.oid = f.confrelid
 where f.contype = 'f' and f.conparentid = 0
   and c.relnamespace = 'public'::regnamespace and r.relnamespace = 'public'::regnamespace
   and has_any_column_privilege('authenticated', c.oid, 'select')
   and has_any_column_privilege('authenticated', r.oid, 'select')
 order by c.relname, f.conname
"""
_FUNCTIONS: Final = """
select p.proname, p.proretset, format_type(p.prorettype, null),
       coalesce(p.proargnames, '{}'), coalesce(p.proargmodes::text[], '{}'),
       (select coalesce(array_agg(format_type(t.kind, null) order by t.place), '{}')
          from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality t (kind, place)),
       p.pronargs - p.pronargdefaults
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace
   and format('public.%s', p.proname) = any (fleet_private.functions_for_users())
 order by p.proname
"""


def _type(kind: str) -> str:
    """Return the TypeScript of a type of PostgreSQL, as PostgREST writes its values."""
    if kind.endswith("[]"):
        return f"{_type(kind[:-2])}[]"
    if kind in _NUMBERS:
        return "number"
    return {"boolean": "boolean", "json": "Json", "jsonb": "Json", "void": "undefined"}.get(kind, "string")


def _names(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _relation(columns: list[Any], keys: list[Any]) -> list[str]:
    """Return what supabase-js wants to know of a table or view."""
    lines = ["Row: {"]
    for _, is_table, name, kind, required, _, _ in columns:
        lines.append(f"  {name}: {_type(kind)}{'' if required and is_table else ' | null'}")
    lines.append("}")
    if columns[0][1]:
        for title, all_optional in (("Insert", False), ("Update", True)):
            lines.append(f"{title}: {{")
            for _, _, name, kind, required, optional, generated in columns:
                if not generated:
                    null = "" if required else " | null"
                    lines.append(f"  {name}{'?' if optional or all_optional else ''}: {_type(kind)}{null}")
            lines.append("}")
    lines.append("Relationships: [")
    for _, key, target, own, others in keys:
        lines.append(
            f"  {{ foreignKeyName: '{key}'; columns: [{_names(own)}]; isOneToOne: false; "
            f"referencedRelation: '{target}'; referencedColumns: [{_names(others)}] }},"
        )
    lines.append("]")
    return lines


def _function(function: Any) -> list[str]:
    """Return the arguments and the answer of a function. Every argument may be null: the function says so."""
    _, is_set, result, names, modes, kinds, required = function
    modes = modes or ["i"] * len(kinds)
    given = [
        (name, kind) for name, kind, mode in zip(names, kinds, modes, strict=False) if mode in ("i", "b", "v")
    ]
    told = [(name, kind) for name, kind, mode in zip(names, kinds, modes, strict=False) if mode in ("t", "o")]
    arguments = [
        f"{name}{'' if place < required else '?'}: {_type(kind)} | null"
        for place, (name, kind) in enumerate(given)
    ]
    row = "; ".join(f"{name}: {_type(kind)}" for name, kind in told)
    answer = f"{{ {row} }}" if told else _type(result)
    args = "{ " + "; ".join(arguments) + " }" if arguments else "Record<PropertyKey, never>"
    return [f"Args: {args}", f"Returns: {answer}{'[]' if is_set else ''}"]


def types(connection: Connection) -> str:
    """Return the types of a database to which the schema was applied."""
    relations: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(_COLUMNS.encode()):
        relations[row[0]].append(row)
    keys: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(_KEYS.encode()):
        keys[row[0]].append(row)
    lines = [_HEAD, "export interface Database {", "  public: {"]
    for title, is_table in (("Tables", True), ("Views", False)):
        lines.append(f"    {title}: {{")
        for name, columns in relations.items():
            if columns[0][1] == is_table:
                inner = [f"        {line}" for line in _relation(columns, keys[name])]
                lines += [f"      {name}: {{", *inner, "      }"]
        lines.append("    }")
    lines.append("    Functions: {")
    for row in connection.execute(_FUNCTIONS.encode()):
        lines += [f"      {row[0]}: {{", *[f"        {line}" for line in _function(row)], "      }"]
    lines += ["    }", "    Enums: Record<string, never>", "    CompositeTypes: Record<string, never>"]
    return "\n".join([*lines, "  }", "}"]) + "\n"


def main() -> int:
    """Write the types of a database of its own; return the exit status, 1 where there is no PostgreSQL."""
    return with_schema(lambda connection: FILE.write_text(types(connection)))


if __name__ == "__main__":
    sys.exit(main())
