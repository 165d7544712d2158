"""docs/data-model.md tells of every table there is, and of no other."""

import re

import pytest
from sql_postgres import Server
from upgrades import upgrade

from local.data_model import PAGE, diagram, with_diagram
from operate.schema.database import connect
from operate.schema.files import read


@pytest.fixture(scope="module")
def catalog(postgres: Server) -> dict[str, bool]:
    """Every table and view, and whether a user may read it."""
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    rows = database.rows(
        "select relname as name, has_any_column_privilege('authenticated', oid, 'select') as users from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
    )
    return {row["name"]: row["users"] for row in rows}


def test_the_page_tells_of_every_table_and_who_reads_it(catalog: dict[str, bool]) -> None:
    told = re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", PAGE.read_text())
    assert {name: reader != "the service" for name, reader in told} == catalog
    assert len(told) == len(catalog)


def test_the_diagram_is_that_of_the_catalog(postgres: Server) -> None:
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    with connect(database.as_superuser().url) as connection:
        drawn = diagram(connection)
    assert 'devices ||--o{ captures : "device_id"' in drawn
    page = PAGE.read_text()
    assert with_diagram(page, drawn) == page, "make data-model"
