"""Small folders of migrations, and databases that are upgraded with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sql_postgres import SQL, VERSION_2, Database

from operate.schema.database import connect
from operate.schema.editor import render
from operate.schema.files import File, read
from operate.schema.upgrade import Upgrade

COMPANY, USER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ROWS = f"""
insert into auth.users (id) values ('{USER}');
insert into public.companies (company_id, name) values ('{COMPANY}', 'Greenhouse Ltd');
insert into public.users (user_id, company_id) values ('{USER}', '{COMPANY}');
set role service_role;
select public.record_hello(jsonb_build_object('device_id', 'AABBCCDDEEFF', 'message_key', 'h1', 'status', 'alive'));
reset role;
update public.devices set company_id = '{COMPANY}';
insert into public.device_configs (device_id, captures_per_day) values ('AABBCCDDEEFF', 4);
insert into public.device_commands (device_id, type) values ('AABBCCDDEEFF', 'capture_image');
set role service_role;
select public.record_capture(jsonb_build_object('device_id', 'AABBCCDDEEFF', 'image_name', 'a.jpg', 'captured_at', now(),
  'ingest_status', 'stored', 'storage_path', 'captures/AABBCCDDEEFF/2026/01/01/a.jpg',
  'sensors', jsonb_build_object('temperature_c', 21)));
select public.record_log(
  '[{{"key": "m1", "device_id": "AABBCCDDEEFF", "topic": "t", "direction": "in", "payload": {{}}}}]',
  '[{{"key": "e1", "device_id": "AABBCCDDEEFF", "error_code": 2201}}]');
reset role;
insert into storage.objects (bucket_id, name) values ('gxp-captures', 'captures/AABBCCDDEEFF/2026/01/01/a.jpg');
"""


def install_version_2(database: Database) -> None:
    """Install the schema as it was before there was a ledger, with a row in every table."""
    database.file(VERSION_2)
    database.run(ROWS)
    assert all(counts(database).values())


def counts(database: Database) -> dict[str, int]:
    """Count the rows of every table of ours."""
    tables = database.rows("select tablename from pg_tables where schemaname = 'public'")
    return {
        row["tablename"]: database.value(f"select count(*) from public.{row['tablename']}") for row in tables
    }


def upgrade(
    database: Database, files: list[File], tell: Callable[[str], None] = print, patience_s: float = 30
) -> list[str]:
    """Upgrade a database and give the names of the files that were applied."""
    with connect(database.url, tell) as connection:
        return [file.name for file in Upgrade(connection, files, tell, patience_s).apply()]


def upgrade_in_editor(database: Database, files: list[File]) -> None:
    """Upgrade a database as a SQL editor does: everything in one transaction."""
    database.run(f"begin;\n{render(files)}\ncommit;")


@dataclass
class Folder:
    """A folder like `sql/`, with files of its own after the real ones that make the ledger."""

    path: Path

    def __post_init__(self) -> None:
        for name in ("platform.sql", "ledger.sql"):
            (self.path / name).write_text((SQL / name).read_text())
        for name in ("migrations", "repeatable"):
            (self.path / name).mkdir()

    def write(self, **texts: str) -> list[File]:
        """Write files (m1=… is a migration, r1=… a repeatable file), and give all of the folder."""
        for name, text in texts.items():
            kind = "migrations" if name.startswith("m") else "repeatable"
            (self.path / kind / f"{name}.sql").write_text(f"{text}\n")
        return read(self.path)
