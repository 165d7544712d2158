"""The console's types are those of the schema."""

from sql_postgres import Server
from upgrades import upgrade

from local.console_types import FILE, types
from operate.schema.database import connect
from operate.schema.files import read


def test_the_types_of_the_console_are_those_of_the_schema(postgres: Server) -> None:
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    with connect(database.as_superuser().url) as connection:
        made = types(connection)
    assert "claim_device: {" in made
    assert "inspect_schema" not in made, "only what users may call"
    assert made == FILE.read_text(), "make console-types"
