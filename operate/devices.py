"""Make the codes by which companies claim devices: `python -m operate.devices codes DEVICE… --labels FILE`.

Each device gets a code of 80 random bits. The page has a label for each, with a QR code, to be printed and
stuck on the devices. The database has hashes only, so the page is the only place where the codes are. It
needs SUPABASE_URL and SUPABASE_SERVICE_ROLE. Exit status: 0, 1 if the project refuses or cannot be reached or
the page cannot be written, 2 for wrong usage.
"""

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from operate.command import EnvFile, end
from operate.labels import hash_of, new_code, page
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
    env_file: EnvFile = None,
) -> None:
    """Make a code for each device, and a page of labels to print."""
    for device in devices:
        if not _DEVICE.fullmatch(device):
            end(f"this is no id of a device: {device!r}", 2)
    if labels.exists():
        end(f"{labels} is there already, perhaps with codes that are nowhere else", 2)
    made = {device: new_code() for device in dict.fromkeys(devices)}
    # The page comes first: a code whose hash is stored and that nobody has written down is lost.
    draft = labels.with_name(f"{labels.name}.part")
    try:
        draft.touch(mode=0o600)
        draft.write_text(page(made, link), encoding="utf-8")
    except OSError as error:
        end(f"cannot write the labels: {error}", 1)
    try:
        with opened(env_file) as project:
            hashes = [{"device_id": device, "code_sha256": hash_of(code)} for device, code in made.items()]
            known = project.call("set_device_codes", p_codes=hashes, p_replace=replace)
        if known and not replace:
            end(f"these have a code already; --replace ends their older labels: {', '.join(known)}", 1)
        draft.replace(labels)
    finally:
        draft.unlink(missing_ok=True)
    console_on(sys.stdout).print(f"✓ {len(made)} labels in {labels}: print them, then delete the file")


if __name__ == "__main__":
    app()
