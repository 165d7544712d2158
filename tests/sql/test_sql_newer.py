"""Newer versions of PostgreSQL, where they are installed; `make test-postgres` runs all tests of the database on them."""

from catalog import describe
from sql_postgres import Server
from upgrades import counts, install_version_2, upgrade

from operate.schema.files import read


def test_an_upgrade_gives_there_too_what_a_fresh_installation_has(newer: Server) -> None:
    fresh, older = newer.database(), newer.database()
    assert fresh.install() == ""
    install_version_2(older)
    upgrade(older, read())
    assert describe(older) == describe(fresh)
    assert all(rows for table, rows in counts(older).items() if table in ("captures", "device_publish_log"))
    assert upgrade(older, read()) == []
