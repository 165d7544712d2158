"""What a real device costs the message log: rows and bytes of `device_publish_log` for one picture.

    python -m benchmarks.message_log [--devices N] [--seconds S]

Simulated devices with the habits of real firmware send one picture each to the whole service on the embedded
stack: 49 kB in 49 chunks over 30 s, the metadata repeated 40 times with empty fields. The bytes of a row are
those that Postgres stores (`pg_column_size`); the bytes with indexes are the growth of the whole table.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Final

from PIL import Image

from local.services import Services
from local.snapshot import query
from local.stack import Stack
from simulator.fleet import Fleet
from simulator.options import FleetOptions
from simulator.pictures import OWN_PHOTOS

IMAGE_BYTES: Final = 49_000
REPEATS: Final = 40
# A sum is written when its capture has been quiet, and then passes through Redis in bulk.
SETTLED_S: Final = 20.0
PREFIX: Final = "LOGGED"

# The table is copied COPIES times into a new one, so that half-empty pages do not count.
COPIES: Final = 50
SQL: Final = f"""
select direction, split_part(topic, '/', 3), count(*), sum(pg_column_size(l.*))
  from public.device_publish_log as l where device_id like '{PREFIX}%' group by 1, 2 order by 1, 2;
create table public.copied (like public.device_publish_log including all);
insert into public.copied (message_key, device_id, topic, direction, payload, received_at)
select message_key || ':' || n, device_id, topic, direction, payload, received_at + n * interval '1 minute'
  from generate_series(1, {COPIES}) as n, public.device_publish_log where device_id like '{PREFIX}%';
select pg_total_relation_size('public.copied') / {COPIES};
"""  # noqa: S608 (the parts are the constants above)


def photograph(folder: Path) -> None:
    """Write one of the simulator's photographs, compressed to at most IMAGE_BYTES."""
    picture = Image.open(OWN_PHOTOS / "astronaut.jpg")
    for quality in range(90, 10, -1):
        output = io.BytesIO()
        picture.save(output, "JPEG", quality=quality)
        if output.tell() <= IMAGE_BYTES:
            (folder / "photograph.jpg").write_bytes(output.getvalue())
            return


def measure(devices: int, seconds: float) -> dict[str, object]:
    """Run the fleet and return the rows and bytes for each picture, by direction and kind of topic."""
    with tempfile.TemporaryDirectory() as folder, Stack() as stack:
        photograph(Path(folder))
        with Services(stack, only={"listener", "worker", "beat"}):
            report = Fleet(
                FleetOptions(
                    host=stack.mqtt_host,
                    port=stack.mqtt_port,
                    photos=Path(folder),
                    devices=devices,
                    images=1,
                    names_prefix=PREFIX,
                    metadata_repeats=REPEATS,
                    image_seconds=seconds,
                    conversation=True,
                    wakes=1,
                    sleep=3600,
                    time_scale=3600,
                    dialect="newer",
                    seed=7,
                )
            ).run()
            time.sleep(SETTLED_S)
        by_kind, _, _, table = query(stack.supabase, SQL)
    pictures = len(report.images)
    kinds = {
        f"{direction} {kind}": {"rows": int(str(count)) / pictures, "bytes": round(int(str(size)) / pictures)}
        for direction, kind, count, size in by_kind.rows
    }
    return {
        "pictures": pictures,
        "kinds": kinds,
        "rows": sum(kind["rows"] for kind in kinds.values()),
        "bytes": sum(kind["bytes"] for kind in kinds.values()),
        "bytes_with_indexes": round(int(str(table.rows[0][0])) / pictures),
    }


def main() -> None:
    """Read the command line, measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.devices, asked.seconds), indent=1))


if __name__ == "__main__":
    main()
