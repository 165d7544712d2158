"""Have captures tried anew that have failed for good: `fleet requeue`.

Redis keeps the chunks of those whose bytes may be good for CAPTURE_TTL_S. What is taken up goes through the
sweep like everything else, so this may run twice and beside live traffic. It prints a line for each capture
and their number. Exit status: 0, 1 if Redis cannot be read or the named image is not kept, 2 for wrong usage.
"""

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from core.errors import Transient
from core.settings import RedisSettings, SettingsError, SweepSettings, load
from core.store.capture import Capture
from core.store.captures import CaptureStore, Requeue
from core.store.connection import connect
from core.store.store import open_store
from operate.command import EnvFile, end, read_settings_from, say

# More than Redis can hold.
EVERY: Final = 10_000_000
MARKS: Final = {Requeue.TAKEN: "✓", Requeue.SENT_AGAIN: "–", Requeue.GONE: "–"}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


def matching(
    captures: CaptureStore, device: str | None, image: str | None, code: int | None
) -> Iterator[Capture]:
    """Yield the failed captures that are kept, of this device, image name and error code, the newest first.

    Of two attempts of one image so the newer is taken up, and the older one is known for its repeat.
    """
    for ref in reversed(captures.failed(EVERY)):
        if device not in (None, ref.device_id) or image not in (None, ref.image_name):
            continue
        capture = captures.get(ref)
        if capture and code in (None, capture.failed_code):
            yield capture


def requeue(captures: CaptureStore, capture: Capture, *, dry_run: bool) -> bool:
    """Take one capture up and print what became of it; return whether it will be tried."""
    ref, chunks = capture.ref, len(captures.chunk_ids(capture.ref))
    answer = captures.requeue(ref, dry_run=dry_run)
    line = f"{MARKS[answer]} {ref.device_id}/{ref.image_name}: {capture.failed_code}, {chunks} chunks"
    say(line if answer is Requeue.TAKEN else f"{line}, {answer.value}")
    return answer is Requeue.TAKEN


@app.command()
def main(
    device: Annotated[str | None, typer.Argument(help="only this device")] = None,
    image: Annotated[str | None, typer.Argument(help="only this image name of the device")] = None,
    *,
    code: Annotated[int | None, typer.Option(help="only what failed with this error code")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that have failed")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be taken")] = False,
    env_file: EnvFile = None,
) -> None:
    """Have captures tried anew that have failed for good: of a device, with an error code, or all."""
    if everything == (device is not None or code is not None):
        end("say which: a device, and an image name perhaps, or --code, or --all", 2)
    read_settings_from(env_file)
    try:
        with connect(load(RedisSettings).redis_url) as redis:
            captures = open_store(redis, load(SweepSettings)).captures
            found = list(matching(captures, device, image, code))
            taken = sum(requeue(captures, capture, dry_run=dry_run) for capture in found)
    except (SettingsError, Transient) as error:
        end(str(error), 1)
    if image and not found:
        end(f"no failed capture {device}/{image} is kept", 1)
    say(f"{taken} of {len(found)} captures {'would' if dry_run else 'will'} be tried again")


if __name__ == "__main__":
    app()
