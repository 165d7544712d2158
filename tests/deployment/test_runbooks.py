"""The runbooks name every secret that the service reads, and every process that must be started anew for it."""

import re

from pydantic import SecretStr
from test_files import example

from core.settings import DatabaseSettings, EverySetting
from local.part import REPOSITORY
from operate.run import FLOWER, NEEDS

RUNBOOKS = REPOSITORY / "docs" / "runbooks.md"
SECRET_LIKE = re.compile(r"PASSWORD|SECRET|_KEY\b|TOKEN|_AUTH\b|SERVICE_ROLE")
# None of these has a process of its own that reads it: the console is files, the schema's owner is a command.
OF_NO_PROCESS = {"DATABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_JWT_SECRET"}


def rows():
    """The rows of the table: what stands in the first cell, and the third."""
    text = RUNBOOKS.read_text().partition("## Rotation of every secret")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {re.match(r"`(\w+)`", row[1])[1]: row[3] for row in cells}


def secrets():
    """What is a secret by its type, and what is one by its name, wherever a setting is named."""
    fields = {**EverySetting.model_fields, **DatabaseSettings.model_fields}
    by_type = {name.upper() for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    compose = re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b", (REPOSITORY / "docker-compose.yml").read_text())
    blueprint = re.findall(r"key: ([A-Z_]+)", (REPOSITORY / "render.yaml").read_text())
    named = {*map(str.upper, fields), *FLOWER, *example(), *compose, *blueprint}
    # Supabase Lite calls the service's key by another name.
    return by_type | {name for name in named if SECRET_LIKE.search(name)} - {"SUPABASE_SECRET_KEY"}


def test_every_secret_is_in_the_table():
    assert SecretStr.__name__ in str(EverySetting.model_fields["mqtt_password"].annotation)
    assert secrets() >= {"MQTT_PASSWORD", "REDIS_URL", "FLOWER_BASIC_AUTH", "SUPABASE_JWT_SECRET"}
    assert secrets() == rows().keys()


def test_every_process_that_reads_a_secret_is_started_anew():
    for secret, anew in rows().items():
        readers = {name for name, needs in NEEDS.items() if secret in needs}
        assert bool(readers) != (secret in OF_NO_PROCESS), secret
        for name in readers:
            assert re.search(rf"\b{name}", anew, re.IGNORECASE), f"{secret}: {name}"
