"""How well pictures are judged: `python -m benchmarks.picture_health`.

Cameras that look at photographs (see scenes.py) take pictures for 16 days. Each goes through the decoder and
`record_capture` in a PostgreSQL server of its own, in the order of capture, so what is usual is what the
service has judged to be so. In the last two days some moments are taken again with trouble: each is recorded
beside what came before, and taken back. The thresholds were chosen by the photographs in `TUNED`; the figures
that count are those of the others.

Printed are precision and recall by kind, what was taken for what, and what the figures cost.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import psycopg
import typer
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from benchmarks import picture_cost
from benchmarks.postgres import server
from benchmarks.scenes import BEGIN, HEIGHT, TROUBLES, WIDTH, Camera, Kind
from operate.schema.database import connect
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.decoder import Figures, draw

PHOTOS: Final = Path(__file__).parents[1] / "simulator" / "photos"
TUNED: Final = ("chelsea", "rocket")
JUDGED: Final = ("astronaut", "coffee", "deep_field")
CAMERAS: Final[tuple[tuple[Kind, str], ...]] = (
    ("outdoor", "hourly"),
    ("outdoor", "every 3 h"),
    ("outdoor", "twice"),
    ("infrared", "every 3 h"),
    ("indoor", "every 3 h"),
    ("indoor", "daily"),
)
DAYS: Final = 16
MOMENTS: Final = 4
KINDS: Final = ("black", "white", "blurred", "frozen", "covered", "shifted", "damaged")
CHUNK: Final = 1024


class Picture(NamedTuple):
    """A picture: what it is in truth, how that was made, when it was taken, and what the decoder tells."""

    kind: str
    how: str
    at: datetime
    figures: Figures | None
    damaged: bool
    digest: str


class Taken(NamedTuple):
    """What a camera took: its own pictures in order, and moments of its last days again with trouble."""

    camera: str
    own: list[Picture]
    troubled: list[Picture]


def main(
    days: Annotated[int, typer.Option(min=4, help="days of each camera")] = DAYS,
    cameras: Annotated[int, typer.Option(min=1, max=len(CAMERAS), help="cameras for each photograph")] = 6,
) -> None:
    """Make the pictures, have them judged, and print how well that was done."""
    console = Console(width=120)
    for title, photos in (("thresholds were chosen by", TUNED), ("photographs kept back", JUDGED)):
        numbers = range(len(CAMERAS) - cameras, len(CAMERAS))
        jobs = [(photo, number, days) for photo in photos for number in numbers]
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            taken = list(processes.map(_take, jobs))
        with server(console) as running, connect(running.url()) as connection:
            Upgrade(connection, read(), lambda _: None).apply()
            verdicts = [verdict for each in taken for verdict in _judged(connection, each)]
        _show(console, f"{', '.join(photos)}: {title}", verdicts)
    picture_cost.show(console)


def _take(job: tuple[str, int, int]) -> Taken:
    photo, number, days = job
    camera = Camera(PHOTOS / f"{photo}.jpg", number, *CAMERAS[number])
    rng = np.random.default_rng(number)
    times = camera.times(days)
    lit = [at for at in times if camera.kind == "infrared" or 9 <= at.hour <= 15]
    late = [at for at in lit if at >= BEGIN + timedelta(days=days - 2)]
    moments = set(late[:: max(1, len(late) // MOMENTS)][:MOMENTS])
    own: list[Picture] = []
    troubled: list[Picture] = []
    for at in times:
        data = camera.take(at)
        if at in moments:
            troubled.append(own[-1]._replace(kind="frozen", how="the same bytes again", at=at))
            troubled += [_seen(t.kind, t.how, at, camera.take(at, t)) for t in TROUBLES]
            troubled += [_seen("damaged", how, at, broken) for how, broken in _broken(data, rng)]
        own.append(_seen("ok", camera.kind, at, data))
    return Taken(camera.name, own, troubled)


def _seen(kind: str, how: str, at: datetime, data: bytes) -> Picture:
    drawn = draw(data, WIDTH, HEIGHT, sequential=True)
    return Picture(kind, how, at, drawn.figures, drawn.damage is not None, sha256(data).hexdigest())


def _broken(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield a JPEG with a chunk zeroed, left out, exchanged for another, and cut off."""
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    one, other = (int(number) for number in rng.choice(np.arange(1, len(chunks) - 1), 2, replace=False))
    yield "a kilobyte of zeros", b"".join([*chunks[:one], bytes(CHUNK), *chunks[one + 1 :]])
    yield "a kilobyte left out", b"".join([*chunks[:one], *chunks[one + 1 :]])
    exchanged = chunks.copy()
    exchanged[one], exchanged[other] = chunks[other], chunks[one]
    yield "two kilobytes exchanged", b"".join(exchanged)
    yield "cut off", data[: int(len(data) * rng.uniform(0.3, 0.9))]


class Verdict(NamedTuple):
    """What a picture is in truth, and what it was judged to be; `row` counts those in a row not ok."""

    picture: Picture
    health: str | None
    row: int = 0


def _judged(connection: psycopg.Connection[Any], taken: Taken) -> Iterator[Verdict]:
    """Record what a camera took, and give what each picture was judged to be."""
    device, row = sha256(taken.camera.encode()).hexdigest()[:12].upper(), 0
    for picture in taken.own:
        health = _recorded(connection, device, picture)
        row = 0 if health in (None, "ok") else row + 1
        yield Verdict(picture, health, row)
    for picture in taken.troubled:
        with connection.transaction(force_rollback=True):
            yield Verdict(picture, _recorded(connection, device, picture))


def _recorded(connection: psycopg.Connection[Any], device: str, picture: Picture) -> str | None:
    at = picture.at.isoformat()
    capture = {
        "device_id": device,
        "image_name": picture.kind,
        "captured_at": at,
        "arrived_at": at,
        "at": at,
        "ingest_status": "stored",
        "storage_path": f"captures/{device}/{at}/{picture.kind}",
        "image_sha256": picture.digest,
        "damaged": picture.damaged,
        "figures": picture.figures and picture.figures._asdict(),
    }
    answer = value(connection, "select public.record_capture(%s)", capture)
    health: str | None = value(
        connection, "select health from public.captures where capture_id = %s", answer["capture_id"]
    )
    return health


def value(connection: psycopg.Connection[Any], sql: str, argument: Any) -> Any:
    """Return the only value of a query."""
    row = connection.execute(sql.encode(), [Jsonb(argument) if isinstance(argument, dict) else argument])
    return row.fetchone()[0]  # type: ignore[index]


def _show(console: Console, title: str, verdicts: list[Verdict]) -> None:
    truth: defaultdict[str, Counter[str]] = defaultdict(Counter)
    ways: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for picture, health, _ in verdicts:
        truth[picture.kind][health or "not judged"] += 1
        ways[picture.kind, picture.how][health or "not judged"] += 1
    table = Table(title=title, box=None, title_justify="left")
    for column in ("kind", "pictures", "recall", "precision", "taken for"):
        table.add_column(column, justify="left" if column in ("kind", "taken for") else "right")
    for kind in KINDS:
        count, right = truth[kind].total(), truth[kind][kind]
        told = sum(each[kind] for each in truth.values())
        others = ", ".join(f"{other} {n}" for other, n in truth[kind].most_common() if other != kind)
        precision = f"{right / told:.1%}" if told else "-"
        table.add_row(kind, f"{count:,}", f"{right / max(count, 1):.1%}", precision, others)
    console.print(table)
    detail = Table("how", "pictures", "recall", box=None)
    for (kind, how), found in ways.items():
        if kind != "ok":
            detail.add_row(f"{kind}: {how}", str(found.total()), f"{found[kind] / found.total():.0%}")
    console.print(detail)
    for (kind, how), found in ways.items():
        if kind == "ok":
            judged = found.total() - found["not judged"]
            wrong = {other: n for other, n in found.items() if other not in ("ok", "not judged")}
            taken_for = ", ".join(f"{other} {n}" for other, n in wrong.items()) or "none"
            share = sum(wrong.values()) / judged
            console.print(
                f"{how}: {judged:,} pictures without trouble judged, {share:.2%} wrong: {taken_for}"
            )
    alarms = sum(row == 3 for _, _, row in verdicts)
    console.print(f"three wrong in a row, as an alert counts: {alarms} times\n")


if __name__ == "__main__":
    typer.run(main)
