"""Make the codes by which companies claim devices: `fleet devices codes DEVICE… --labels FILE`.

Each device gets a code of 80 random bits. The page has a label for each, with a QR code, to be printed and
stuck on the devices. The database has hashes only, so the page is the only place where the codes are. It
needs SUPABASE_URL and SUPABASE_SERVICE_ROLE.

With --logins each device gets a login of its own at the broker besides, whose name is its id: the file has
the passwords, to be written to the devices. With --passwords their hashes go into Mosquitto's password file.

Exit status: 0, 1 if the project refuses or cannot be reached or a file cannot be written, 2 for wrong usage.
"""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from core.wire import is_device_id
from operate.command import EnvFile, console_on, end
from operate.labels import hash_of, new_code, page
from operate.logins import listed, new_password, with_logins
from operate.project import opened

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
    _check(devices, labels, logins, passwords)
    made = {device: new_code() for device in dict.fromkeys(devices)}
    words = {device: new_password() for device in made}
    try:
        texts = {labels: page(made, link)}
    except ValueError:
        end("the link does not fit into a QR code", 2)
    if logins:
        texts[logins] = listed(words)
    if passwords:
        try:
            texts[passwords] = with_logins(passwords, words)
        except (OSError, UnicodeDecodeError) as error:
            end(f"cannot read {passwords}: {error}", 1)
    # The files come first: a code whose hash is stored and that nobody has written down is lost.
    drafts = _drafts_of(texts)
    try:
        with opened(env_file) as project:
            hashes = [{"device_id": device, "code_sha256": hash_of(code)} for device, code in made.items()]
            known = project.call("set_device_codes", p_codes=hashes, p_replace=replace)
        if known and not replace:
            end(f"these have a code already; --replace ends their older labels: {', '.join(known)}", 1)
        written, drafts = drafts, {}
        _put(written)
    finally:
        _discard(drafts)
    console = console_on(sys.stdout)
    console.print(f"✓ {len(made)} labels in {labels}: print them, then delete the file")
    if logins:
        console.print(f"✓ {len(words)} logins in {logins}: write them to the devices, then delete the file")
    if passwords:
        console.print(f"✓ their hashes in {passwords}: let Mosquitto read it again (SIGHUP, or a restart)")


def _check(devices: list[str], labels: Path, logins: Path | None, passwords: Path | None) -> None:
    """End the command if it cannot be meant so."""
    for device in devices:
        if not is_device_id(device):
            end(f"this is no id of a device: {device!r}", 2)
    if passwords and not logins:
        end("--passwords needs --logins: the file of Mosquitto has no password that a device could use", 2)
    files = [file.resolve() for file in (labels, logins, passwords) if file]
    if len(set(files)) < len(files):
        end("labels, logins and passwords each need a file of their own", 2)
    for file in (labels, logins):
        if file and file.exists():
            end(f"{file} is there already, perhaps with what is nowhere else", 2)


def _drafts_of(texts: Mapping[Path, str]) -> dict[Path, Path]:
    """Write what each file will say beside it; end the command if that fails.

    It is for its owner's eyes alone, or for those who may read the file that is there: the broker has a user
    of its own.
    """
    drafts: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            drafts[file] = draft = file.with_name(f"{file.name}.part")
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600, exist_ok=False)
            draft.write_text(text, encoding="utf-8")
            if file.exists():
                there = file.stat()
                os.chown(draft, there.st_uid, there.st_gid)
                draft.chmod(stat.S_IMODE(there.st_mode))
    except OSError as error:
        _discard(drafts)
        end(f"cannot write: {error}", 1)
    return drafts


def _put(drafts: Mapping[Path, Path]) -> None:
    """Put each draft in the place of its file; end the command at the first where that fails."""
    for file, draft in drafts.items():
        try:
            draft.replace(file)
        except OSError as error:
            left = ", ".join(str(each) for each in drafts.values() if each.exists())
            end(f"cannot write {file}: {error.strerror}; what is nowhere else is in {left}", 1)


def _discard(drafts: dict[Path, Path]) -> None:
    for draft in drafts.values():
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    app()
