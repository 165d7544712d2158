"""What it costs to look at a picture, beside decoding it, and to judge it, beside recording it."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from PIL import Image
from psycopg.types.json import Jsonb
from rich.console import Console

from benchmarks.postgres import server
from operate.schema.database import connect
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.decoder import draw, look, scaled

PHOTOS: Final = Path(__file__).parents[1] / "simulator" / "photos"
TIMES: Final = 200
# Two weeks of pictures of a hundred devices, one each hour, of which none is in trouble.
HISTORY: Final = b"""
insert into public.devices (device_id) select 'DEVICE' || n from generate_series(1, 100) as n;
insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path,
                             brightness, contrast, sharpness, dhash, health)
select 'DEVICE' || n, 'image.jpg', at, 'stored', format('%s/%s', n, at),
       100 + random(), 50 + random(), 500 + 100 * random(), n # (1::bigint << (random() * 40)::integer), 'ok'
  from generate_series(now() - interval '15 days', now() - interval '1 minute', interval '1 hour') as at,
       generate_series(1, 100) as n
 order by at, n;
"""
# Times each call alone, so that what a busy machine does between two of them does not count.
RECORD: Final = b"""
create function pg_temp.recorded(p_times integer, p_figures jsonb) returns double precision[]
language plpgsql as $$
declare
  v_capture jsonb;
  v_begun timestamptz;
  v_ms double precision[];
begin
  for n in 1 .. p_times loop
    v_capture := jsonb_build_object(
      'device_id', format('DEVICE%s', 1 + n % 100), 'image_name', n::text, 'captured_at', now(),
      'ingest_status', 'stored', 'storage_path', gen_random_uuid(),
      'sensors', jsonb_build_object('temperature_c', 20), 'figures', p_figures);
    v_begun := clock_timestamp();
    perform public.record_capture(v_capture);
    v_ms := v_ms || 1000 * extract(epoch from clock_timestamp() - v_begun)::double precision;
  end loop;
  return v_ms;
end
$$
"""
FIGURES: Final = {"brightness": 101.5, "contrast": 50.5, "sharpness": 550, "dhash": "0000000000000007"}


def show(console: Console) -> None:
    """Print the CPU time of looking at each photograph, and the time of recording with and without."""
    for path in sorted(PHOTOS.glob("*.jpg")):
        data = path.read_bytes()
        with Image.open(path) as opened:
            size = opened.size
            small = opened.convert("RGB").resize(scaled(*size))
        whole = _cpu_ms(partial(draw, data, *size, sequential=True))
        figures = _cpu_ms(partial(look, small))
        console.print(
            f"{path.stem}, {size[0]}×{size[1]} px: its figures take {figures:.2f} ms of CPU,"
            f" all of its decoding {whole:.2f}: {figures / whole:.0%}"
        )
    with server(console) as running, connect(running.url()) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        for sql in (HISTORY, b"vacuum analyze", RECORD):
            connection.execute(sql)
        without, judged = _recorded(connection, None), _recorded(connection, FIGURES)
    console.print(f"record_capture: {without:.2f} ms, and {judged:.2f} with a picture to judge")


def _cpu_ms(act: Callable[[], object]) -> float:
    spent = []
    for _ in range(TIMES):
        begun = time.process_time()
        act()
        spent.append(1000 * (time.process_time() - begun))
    return statistics.median(spent)


def _recorded(connection: psycopg.Connection[Any], figures: object) -> float:
    """Return the time of a call (ms): the first decile, since other work of the machine only adds to it."""
    with connection.transaction(force_rollback=True):
        calls = connection.execute(b"select unnest(pg_temp.recorded(%s, %s))", [TIMES, Jsonb(figures)])
        return statistics.quantiles((float(ms) for (ms,) in calls.fetchall()), n=10)[0]
