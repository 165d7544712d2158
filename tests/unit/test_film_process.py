"""The process that makes a film: it ends with its worker, and takes no more than it may."""

import io
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import Transient
from tasks import film_process
from tasks.decoders import launch
from tasks.film_process import FilmProcess, Unmakeable

FILM = Path(film_process.__file__).with_name("film.py")
JOB = {"format": "mp4", "fps": 24, "width": 1280, "deflicker": True, "frames": [None] * 40}
LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")


def noise(number):
    data = io.BytesIO()
    random = np.random.default_rng(number)
    Image.fromarray(random.integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(data, "JPEG", quality=80)
    return data.getvalue()


def film(most_s=60.0):
    return FilmProcess(JOB, most_s=most_s, most_bytes=10**6, most_pixels=10**6)


def test_it_ends_with_its_worker():
    process, line = launch(FILM)
    assert line.recv(16) == b"ready\n"
    line.close()
    assert process.wait(30) == 0


def add_all(process):
    for number in range(40):
        process.add(noise(number), "")


@LINUX
def test_what_takes_too_much_memory_ends(monkeypatch):
    with film() as process:
        add_all(process)
        assert process.finish().frames == 40
    monkeypatch.setattr(film_process, "MEMORY_A_PIXEL_OF_FILM", 0)
    monkeypatch.setattr(film_process, "LARGEST_PICTURE", -30_000_000)
    with pytest.raises(Transient, match=r"has ended \(status"), film() as process:
        add_all(process)


@LINUX
def test_where_less_memory_is_allowed_than_a_film_may_take_it_is_made_with_that(monkeypatch):
    def launched(script):
        process, line = launch(script)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (4 * 10**9, 4 * 10**9))
        return process, line

    monkeypatch.setattr(film_process, "launch", launched)
    job = JOB | {"format": "webp"}
    with FilmProcess(job, most_s=60.0, most_bytes=4 * 10**9, most_pixels=10**6) as process:
        process.add(noise(0), "")
        assert process.finish().frames == 1


def test_what_takes_too_much_cpu_ends_for_good():
    with pytest.raises(Unmakeable, match=r"more than 0\.1 s of CPU") as refusal, film(0.1) as process:
        add_all(process)
    assert refusal.value.code == "took_too_long"


def test_it_is_gone_afterwards():
    with film() as process:
        handle = process._process
    assert handle.poll() is not None


@LINUX
def test_nothing_of_it_stays_open():
    """Also while what went wrong is still being told of."""
    before = set(Path("/proc/self/fd").iterdir())
    with film() as process:
        process._process.kill()
        with pytest.raises(Transient):
            add_all(process)
    assert set(Path("/proc/self/fd").iterdir()) <= before


# Speaks as film.py does, and says at the end what the test has it say.
TAKEN_OVER = """
import socket
with socket.socket(fileno=0) as line, line.makefile("rwb") as stream:
    stream.write(b"ready\\n")
    stream.flush()
    stream.readline()
    stream.readline()
    stream.write(b'%s\\n' + bytes(%d))
    stream.flush()
    stream.readline()
"""


@pytest.mark.parametrize(
    ("answer", "follows"),
    [
        ('{"bytes": 1000001, "frames": 1}', 1_000_001),
        ('{"bytes": -1, "frames": 1}', 9),
    ],
)
def test_what_is_larger_than_a_film_may_be_is_not_read(tmp_path, monkeypatch, answer, follows):
    """What devices send may have taken the process over."""
    script = tmp_path / "film.py"
    script.write_text(TAKEN_OVER % (answer, follows))
    monkeypatch.setattr(film_process, "_FILM", script)
    with pytest.raises(Transient, match="has ended"), film() as process:
        process.finish()
