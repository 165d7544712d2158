"""Draws the tables of a fresh database as the diagram of docs/data-model.md: `make data-model`."""

import re
import sys
from typing import Final

from local.fresh_schema import with_schema
from local.part import REPOSITORY
from operate.schema.database import Connection

PAGE: Final = REPOSITORY / "docs" / "data-model.md"
_DRAWN: Final = re.compile(r"(?s)```mermaid\n.*?```")
# The columns that identify a row or lead to another one; the others would hide them.
_COLUMNS: Final = """
select c.relname, format_type(a.atttypid, a.atttypmod),
       a.attname, a.attnum = any (coalesce(p.conkey, '{}')),
       exists (select from pg_constraint f
                where f.conrelid = c.oid and f.contype = 'f' and a.attnum = any (f.conkey))
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
   and (a.attnum = any (coalesce(p.conkey, '{}')) or a.attname ~ '_id$')
 order by c.relname, a.attnum
"""
_REFERENCES: Final = """
select distinct f.confrelid::regclass::text, f.conrelid::regclass::text,
       (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
         where a.attrelid = f.conrelid and a.attnum = any (f.conkey))
  from pg_constraint f
 where f.contype = 'f' and f.conparentid = 0
   and f.connamespace = 'public'::regnamespace and f.confrelid <> 'auth.users'::regclass
 order by 1, 2, 3
"""


def diagram(connection: Connection) -> str:
    """Return the tables of `public` as a Mermaid diagram: their keys, and what refers to what."""
    lines = ["erDiagram"]
    for one, many, through in connection.execute(_REFERENCES.encode()):
        lines.append(f'    {one} ||--o{{ {many} : "{through}"')
    table = None
    for name, kind, column, is_key, refers in connection.execute(_COLUMNS.encode()):
        if name != table:
            lines += ["    }"] if table else []
            lines.append(f"    {name} {{")
            table = name
        marks = ", ".join(mark for mark, holds in (("PK", is_key), ("FK", refers)) if holds)
        lines.append(f"        {kind.replace(' ', '_')} {column} {marks}".rstrip())
    return "\n".join([*lines, "    }"])


def with_diagram(page: str, drawn: str) -> str:
    """Return the page with this diagram in place of the one that it has."""
    return _DRAWN.sub(lambda _: f"```mermaid\n{drawn}\n```", page)


def main() -> int:
    """Write the diagram of a database of its own; return the exit status, 1 where there is no PostgreSQL."""
    return with_schema(
        lambda connection: PAGE.write_text(with_diagram(PAGE.read_text(), diagram(connection)))
    )


if __name__ == "__main__":
    sys.exit(main())
