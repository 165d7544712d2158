"""Make the codes by which companies claim devices: `python -m operate.devices codes DEVICE… --labels FILE`.

Each device gets a code of 80 random bits. The page has a label for each, with a QR code, to be printed and
stuck on the devices. The database has hashes only, so the page is the only place where the codes are. It
needs SUPABASE_URL and SUPABASE_SERVICE_ROLE.

With --logins each device gets a login of its own at the broker besides, whose name is its id: the file has
the passwords, to be written to the devices. With --passwords their hashes go into Mosquitto's password file.

Exit status: 0, 1 if the project refuses or cannot be reached or a file cannot be written, 2 for wrong usage.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from operate.command import EnvFile, end
from operate.labels import hash_of, new_code, page
from operate.logins import listed, new_password, with_logins
from operate.project import opened
from operate.status import console_on

# As the database has it: what can be an MQTT topic's level and a folder's name.
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def main() -> None:
    """Make the codes by which companies claim devices."""


@app.command()
def codes(
    devices: Annotated[list[str], typer.Argument(help="the ids of devices: the {MAC} of their topics")],
    *,
    labels: Annotated[Path, typer.Option(help="the HTML page to write the labels to", dir_okay=False)],
    link: Annotated[
        str | None, typer.Option(help="the page of your app that claims devices: QR codes lead there")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="also for devices that have a code: older labels end")
    ] = False,
    logins: Annotated[
        Path | None,
        typer.Option(help="make logins at the broker, and write them to this CSV", dir_okay=False),
    ] = None,
    passwords: Annotated[
        Path | None, typer.Option(help="put the logins into this password file of Mosquitto", dir_okay=False)
    ] = None,
    env_file: EnvFile = None,
) -> None:
    """Make a code for each device, and a page of labels to print; and its login at the broker."""
    for device in devices:
        if not _DEVICE.fullmatch(device):
            end(f"this is no id of a device: {device!r}", 2)
    if passwords and not logins:
        end("--passwords needs --logins: the file of Mosquitto has no password that a device could use", 2)
    for file in (labels, logins):
        if file and file.exists():
            end(f"{file} is there already, perhaps with what is nowhere else", 2)
    made = {device: new_code() for device in dict.fromkeys(devices)}
    words = {device: new_password() for device in made}
    texts = {labels: page(made, link)}
    if logins:
        texts[logins] = listed(words)
    if passwords:
        texts[passwords] = with_logins(passwords, words)
    # The files come first: a code whose hash is stored and that nobody has written down is lost.
    drafts = _drafts_of(texts)
    try:
        with opened(env_file) as project:
            hashes = [{"device_id": device, "code_sha256": hash_of(code)} for device, code in made.items()]
            known = project.call("set_device_codes", p_codes=hashes, p_replace=replace)
        if known and not replace:
            end(f"these have a code already; --replace ends their older labels: {', '.join(known)}", 1)
        for file, draft in drafts.items():
            draft.replace(file)
    finally:
        _discard(drafts)
    console = console_on(sys.stdout)
    console.print(f"✓ {len(made)} labels in {labels}: print them, then delete the file")
    if logins:
        console.print(f"✓ {len(words)} logins in {logins}: write them to the devices, then delete the file")
    if passwords:
        console.print(f"✓ their hashes in {passwords}: let Mosquitto read it again (SIGHUP, or a restart)")


def _drafts_of(texts: Mapping[Path, str]) -> dict[Path, Path]:
    """Write what each file will say beside it, for its owner's eyes alone; end the command if that fails."""
    drafts: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            drafts[file] = draft = file.with_name(f"{file.name}.part")
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)
            draft.write_text(text, encoding="utf-8")
    except OSError as error:
        _discard(drafts)
        end(f"cannot write: {error}", 1)
    return drafts


def _discard(drafts: dict[Path, Path]) -> None:
    for draft in drafts.values():
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    app()
