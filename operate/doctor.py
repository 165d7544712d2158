"""Check a configuration against the real services: `fleet doctor [--env-file .env]`.

It prints one line for each check, with a remedy if the check fails. Where settings are missing, as in a shell
of a process that has its own alone, it names them and checks what the others reach. Exit status: 0 if the
service can start, 1 if it cannot, 2 if the file does not exist.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from core.settings import (
    EverySetting,
    Kind,
    ListenerSettings,
    RedisSettings,
    SettingsError,
    SupabaseSettings,
    load,
)
from operate.checks import Check
from operate.checks.broker import check_broker
from operate.checks.listeners import check_group
from operate.checks.redis_server import check_redis_servers
from operate.checks.supabase import check_supabase
from operate.command import EnvFile, read_settings_from

MARKS: Final = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "unreachable": ("✗", "red"),
    "wrong": ("✗", "red"),
}

REMEDY: Final = "see .env.example; where each process has its own settings alone, a worker has all"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


def diagnose(*, supabase: bool = True, services: bool = True) -> Iterator[Check]:
    """Yield all checks of the configuration in the environment.

    Without `supabase` only the listener's; without `services` only those that ask nobody.
    """
    try:
        settings = load(EverySetting if supabase else ListenerSettings)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield Check("settings", "wrong", line.removeprefix("settings: "), REMEDY)
        if services:
            yield from _reached(supabase=supabase)
        return
    yield Check("settings", "ok", "complete")
    yield from _sensible(settings)
    if isinstance(settings, EverySetting):
        yield from _sensible_retransmits(settings)
    if not services:
        return
    yield from check_broker(settings)
    yield from check_redis_servers(settings)
    yield from check_group(settings)
    if isinstance(settings, EverySetting):
        yield from check_supabase(settings)


def _reached(*, supabase: bool) -> Iterator[Check]:
    """Yield the checks of the services for which all settings are there and right."""
    if listener := _loaded(ListenerSettings):
        yield from check_broker(listener)
    if redis := _loaded(RedisSettings):
        yield from check_redis_servers(redis)
    if supabase and (project := _loaded(SupabaseSettings)):
        yield from check_supabase(project)


def _loaded(kind: type[Kind]) -> Kind | None:
    try:
        return load(kind)
    except SettingsError:
        return None


def _sensible(settings: ListenerSettings) -> Iterator[Check]:
    """Warn of values that are allowed but rarely intended."""
    if settings.mqtt_tls and settings.mqtt_port == 1883:
        yield Check(
            "MQTT_PORT", "warning", "1883 is usually the port without TLS", "8883 is the one with TLS"
        )
    # An image travels as base64, four bytes for three.
    wanted = -(-4 * settings.max_image_bytes // 3)
    if settings.bytes_per_minute < wanted:
        yield Check(
            "BYTES_PER_MINUTE",
            "warning",
            f"{settings.bytes_per_minute}: no image of MAX_IMAGE_BYTES ({settings.max_image_bytes}) gets in",
            f"at least 4/3 of that, since images travel as base64: {wanted}",
        )
    if settings.mqtt_username is None:
        yield Check("MQTT_USERNAME", "warning", "nobody logs in", "a broker on the internet needs users")


def _sensible_retransmits(settings: EverySetting) -> Iterator[Check]:
    if settings.retransmit_max == 0:
        yield Check("RETRANSMIT_MAX", "warning", "0: missing chunks are never asked for", "the default is 3")


def show(checks: Iterable[Check], console: Console) -> bool:
    """Print each check when it is done; return True if every check is `ok` or `warning`."""
    well = True
    for check in checks:
        mark, style = MARKS[check.grade]
        line = Text.assemble((mark, style), f" {check.name}: {check.detail}")
        if check.remedy and check.grade != "ok":
            line.append(f"\n  → {check.remedy}")
        console.print(line, soft_wrap=True)
        well = well and check.grade in ("ok", "warning")
    return well


@app.command()
def main(
    env_file: EnvFile = None,
    *,
    listener: Annotated[bool, typer.Option("--listener", help="only what the listener needs")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="ask no broker and no server")] = False,
) -> None:
    """Check the settings against the broker, Redis and Supabase; one line for each check."""
    read_settings_from(env_file)
    checks = diagnose(supabase=not listener, services=not settings)
    raise typer.Exit(0 if show(checks, Console(highlight=False)) else 1)


if __name__ == "__main__":
    app()
