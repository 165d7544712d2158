"""The processes that decode: what they may take, how they are ended, and what becomes of the image then."""

import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from threading import Thread

import pytest
from PIL import Image

from core.errors import Misconfigured, Transient
from local.part import REPOSITORY
from tasks import decoders
from tasks.decoders import Decoders
from tasks.stations.header import read_header

LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")


def encoded(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


NO_MORE = ', "rows": null, "hatched_bytes": 0'
SMALL = encoded(Image.new("RGB", (16, 16), "red"))


@pytest.fixture(scope="module")
def costly():
    """A progressive image of 3 million pixels of noise: far more than 10 ms of CPU, and 6 MB of memory."""
    return encoded(Image.effect_noise((2000, 1500), 100), progressive=True, quality=90)


def draw(pool, image):
    return pool.draw(image, read_header(image))


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid):
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_decode_that_takes_too_much_cpu_is_ended_and_the_next_image_is_decoded(costly):
    with closing(Decoders(most=1, cpu_s=0.01)) as pool:
        pool.start()
        [first] = pool.pids
        drawn = draw(pool, costly)
        assert (drawn.thumbnail, drawn.damage) == (None, None)
        assert drawn.undecoded == "it takes more than 0.01 s of CPU"
        assert not runs(first)
        assert draw(pool, SMALL).thumbnail is not None


def test_each_image_has_all_of_the_cpu_time():
    with closing(Decoders(most=1, cpu_s=0.2)) as pool:
        photo = (REPOSITORY / "simulator" / "photos" / "coffee.jpg").read_bytes()
        drawn = [draw(pool, photo) for _ in range(200)]
        assert {each.undecoded for each in drawn} == {None}


@LINUX
def test_a_decode_that_takes_too_much_memory_is_ended_and_the_next_image_is_decoded(costly, monkeypatch):
    monkeypatch.setattr(decoders, "memory_for", lambda *_: 3_000_000)
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        drawn = draw(pool, costly)
        assert (drawn.thumbnail, drawn.damage) == (None, None)
        assert drawn.undecoded == "it takes more than 3 MB"
        assert draw(pool, SMALL).thumbnail is not None


@LINUX
def test_the_memory_that_an_image_may_take_is_enough_for_the_largest():
    noise = Image.effect_noise((3000, 2000), 100).convert("CMYK")
    largest = encoded(noise, progressive=True, quality=50, subsampling="4:4:4")
    with closing(Decoders(most=1, cpu_s=30)) as pool:
        drawn = draw(pool, largest)
    assert (drawn.damage, drawn.undecoded) == (None, None)


@LINUX
def test_a_large_image_after_a_small_one_has_room():
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        draw(pool, SMALL)
        [pid] = pool.pids
        assert draw(pool, SMALL + bytes(64 * 2**20)).thumbnail is not None
        assert pool.pids == [pid]


def killed_in_mid_decode(pool, image):
    """Stop the decoder, send it an image, kill it, and give the answer."""
    pool.start()
    [pid] = pool.pids
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        drawn = thread.submit(draw, pool, image)
        until(pool._free.empty)
        os.kill(pid, signal.SIGKILL)
        return drawn.result(30)


def test_a_decoder_that_is_killed_in_mid_decode_loses_nothing(costly):
    with closing(Decoders(most=1, cpu_s=30)) as pool:
        drawn = killed_in_mid_decode(pool, costly)
        assert drawn == draw(pool, costly)
        assert drawn.thumbnail is not None


def test_nor_do_decoders_that_were_killed_while_they_were_free():
    with closing(Decoders(most=2, cpu_s=5)) as pool:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: draw(pool, SMALL), range(200)))
        assert len(pool.pids) == 2
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)
        assert [draw(pool, SMALL).undecoded for _ in range(4)] == [None] * 4


def test_a_decoder_that_hangs_is_ended_and_its_image_decoded_by_the_next():
    with closing(Decoders(most=1, cpu_s=5, answer_within_s=2)) as pool:
        pool.start()
        [pid] = pool.pids
        os.kill(pid, signal.SIGSTOP)
        assert draw(pool, SMALL).thumbnail is not None
        assert not runs(pid)


def in_place_of_the_decoder(monkeypatch, tmp_path, answer, ready="line.sendall(b'ready\\n')"):
    """Replace the decoder by one that notes its start and, where it should decode, does something else."""
    script = tmp_path / "decoder.py"
    script.write_text(
        dedent(f"""
        import os, socket, time
        open({str(tmp_path / "starts")!r}, "a").write("x")
        line = socket.socket(fileno=0)
        {ready}
        line.recv(9)
        {answer}
        line.shutdown(socket.SHUT_WR)
        time.sleep(60)
        """)
    )
    monkeypatch.setattr(decoders, "_DECODER", script)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), 11)", -signal.SIGSEGV),
        ("os._exit(3)", 3),
        ("line.sendall(b'no json')", -signal.SIGKILL),
        ("line.sendall(b'[]\\n')", -signal.SIGKILL),
        ("line.sendall(b'{\"bytes\": 4}\\n')", -signal.SIGKILL),
        ("line.sendall(b'x' * 9000)", -signal.SIGKILL),
        ("line.sendall(b'{\"bytes\": 3, \"damage\": null, \"undecoded\": null}\\nabcd')", -signal.SIGKILL),
        *(
            (
                f"line.sendall(b'{{\"bytes\": {size}, \"damage\": null, \"undecoded\": null, \"figures\": null{NO_MORE}}}\\nabc')",
                -signal.SIGKILL,
            )
            for size in (4, -1, 10**9, 0.5, '"3"', "[]")
        ),
        *(
            (
                f"line.sendall(b'{{\"bytes\": 3, \"damage\": null, \"undecoded\": null, \"figures\": {figures}{NO_MORE}}}\\nabc')",
                -signal.SIGKILL,
            )
            for figures in (
                "7",
                "{}",
                '{"brightness": [], "contrast": 1, "sharpness": 1, "dhash": "0123456789abcdef"}',
                '{"brightness": 1, "contrast": NaN, "sharpness": 1, "dhash": "0123456789abcdef"}',
                '{"brightness": 1, "contrast": 1, "sharpness": "x", "dhash": "0123456789abcdef"}',
                '{"brightness": 1, "contrast": 1, "sharpness": 1, "dhash": 7}',
                '{"brightness": 1, "contrast": 1, "sharpness": 1, "dhash": "0123456789abcdefg"}',
            )
        ),
        *(
            (
                f"line.sendall(b'{{\"bytes\": 1, \"damage\": null, \"undecoded\": null, \"figures\": null, "
                f"\"rows\": {rows}, \"hatched_bytes\": {size}}}\\nabc')",
                -signal.SIGKILL,
            )
            for rows, size in ((8, 1), (8, 3), (8, -1), (8, 10**9), (8, "null"), ("null", 2), ('"x"', 2))
        ),
    ],
)  # fmt: skip
def test_an_image_of_which_two_decoders_die_is_left_undecoded(monkeypatch, tmp_path, answer, status):
    in_place_of_the_decoder(monkeypatch, tmp_path, answer)
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        drawn = draw(pool, SMALL)
    assert (drawn.thumbnail, drawn.damage) == (None, None)
    assert drawn.undecoded == f"its decoder died (status {status})"
    assert (tmp_path / "starts").read_text() == "xx"


def dribble(what):
    """Code that sends a byte before the worker's patience with silence is over, again and again."""
    return f"[(line.sendall({what!r}), time.sleep(0.1)) for _ in range(600)]"


@pytest.mark.parametrize(
    "answer",
    [
        dribble(b" "),
        'line.sendall(b\'{"bytes": 9999, "damage": null, "undecoded": null}\\n\'); ' + dribble(b"x"),
        'line.sendall(b\'{"bytes": 4, "damage": null, "undecoded": null}\\nab\'); time.sleep(60)',
    ],
    ids=["line", "thumbnail", "half an answer"],
)
def test_the_whole_answer_has_one_deadline(monkeypatch, tmp_path, answer):
    in_place_of_the_decoder(monkeypatch, tmp_path, answer)
    with closing(Decoders(most=1, cpu_s=5, answer_within_s=2)) as pool, ThreadPoolExecutor(1) as thread:
        drawing = thread.submit(draw, pool, SMALL)
        try:
            drawn = drawing.result(20)
        finally:
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)
    assert drawn.undecoded == f"its decoder died (status {-signal.SIGKILL})"
    assert (tmp_path / "starts").read_text() == "xx"


def test_so_has_the_start(monkeypatch, tmp_path):
    in_place_of_the_decoder(monkeypatch, tmp_path, "", ready=dribble(b"r"))
    with closing(Decoders(most=1, cpu_s=5, answer_within_s=2)) as pool, ThreadPoolExecutor(1) as thread:
        starting = thread.submit(pool.start)
        try:
            with pytest.raises(Misconfigured, match=f"it ended with status {-signal.SIGKILL}"):
                starting.result(20)
        finally:
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)


def test_an_image_that_its_decoder_does_not_take_is_given_up(monkeypatch, tmp_path):
    in_place_of_the_decoder(monkeypatch, tmp_path, "time.sleep(60)")
    with closing(Decoders(most=1, cpu_s=5, answer_within_s=2)) as pool, ThreadPoolExecutor(1) as thread:
        drawn = thread.submit(draw, pool, SMALL + bytes(8 * 2**20)).result(20)
    assert drawn.undecoded == f"its decoder died (status {-signal.SIGKILL})"


def in_time(act):
    """Call something in a thread that nobody waits for, and give its answer."""
    answer = Future()

    def run():
        try:
            answer.set_result(act())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer.result(20)


def test_they_may_be_closed_twice_and_then_decode_nothing():
    pool = Decoders(most=2, cpu_s=5)
    draw(pool, SMALL)
    [pid] = pool.pids
    pool.close()
    assert not runs(pid)
    in_time(pool.close)
    for act in (pool.start, lambda: draw(pool, SMALL)):
        with pytest.raises(Transient, match="the decoders are closed"):
            in_time(act)
    assert pool.pids == []


def test_what_waits_for_a_decoder_that_is_closed_is_put_off():
    pool = Decoders(most=1, cpu_s=5)
    pool.start()
    [pid] = pool.pids
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(4) as threads:
        running = threads.submit(draw, pool, SMALL)
        until(pool._free.empty)
        closing_it = [threads.submit(pool.close) for _ in range(2)]
        until(lambda: pool._closed)
        with pytest.raises(Transient, match="the decoders are closed"):
            draw_it = threads.submit(draw, pool, SMALL)
            os.kill(pid, signal.SIGCONT)
            draw_it.result(20)
        assert running.result(20).thumbnail is not None, "what was running is finished"
        for each in closing_it:
            each.result(20)
    assert not runs(pid)


def test_what_a_decoder_says_is_cut_and_shows_as_it_is(monkeypatch, tmp_path):
    said = (
        '{"bytes": 3, "damage": "'
        + "\\u001b[2J\\u202e"
        + "x" * 999
        + '", "undecoded": null, "figures": null, "rows": null, "hatched_bytes": 0}'
    )
    in_place_of_the_decoder(monkeypatch, tmp_path, f"line.sendall({said.encode()!r} + b'\\nabc')")
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        drawn = draw(pool, SMALL)
    assert drawn.thumbnail == b"abc"
    assert len(drawn.damage) == 200
    assert drawn.damage.startswith(r"\x1b[2J\u202exx")


def test_where_no_decoder_starts_the_worker_does_not_and_a_running_one_tries_again(monkeypatch, tmp_path):
    monkeypatch.setattr(decoders, "_DECODER", tmp_path / "none.py")
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        with pytest.raises(Misconfigured, match="no decoder starts: it ended with status 1"):
            pool.start()
        with pytest.raises(Transient, match="no decoder starts"):
            draw(pool, SMALL)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
        with pytest.raises(Misconfigured, match="No such file"):
            pool.start()
        monkeypatch.undo()
        assert draw(pool, SMALL).thumbnail is not None


def test_no_more_run_than_are_wanted_and_no_more_than_are_needed():
    with closing(Decoders(most=3, cpu_s=5)) as pool:
        for _ in range(20):
            draw(pool, SMALL)
        assert len(pool.pids) == 1
        with ThreadPoolExecutor(16) as threads:
            drawn = list(threads.map(lambda _: draw(pool, SMALL).undecoded, range(300)))
        assert set(drawn) == {None}
        assert 1 < len(pool.pids) <= 3


@LINUX
def test_a_decoder_knows_nothing_of_the_service_and_may_open_nothing(monkeypatch):
    for name in ("SUPABASE_SERVICE_ROLE", "MQTT_PASSWORD", "REDIS_URL", "PYTHONPATH", "HOME"):
        monkeypatch.setenv(name, "secret")
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        draw(pool, SMALL)
        [pid] = pool.pids
        process = Path(f"/proc/{pid}")
        names = {line.partition(b"=")[0] for line in (process / "environ").read_bytes().split(b"\0") if line}
        maps = (process / "maps").read_text()
        # A newer libffi, which ctypes loads, keeps its own file open.
        files = sorted(path.name for path in (process / "fd").iterdir() if str(path.readlink()) not in maps)
        limits = {
            line[:25].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()
        }
    ours = {b"OPENBLAS_NUM_THREADS", b"MALLOC_TRIM_THRESHOLD_", b"MALLOC_MMAP_THRESHOLD_"}
    assert ours <= names <= ours | {b"LD_LIBRARY_PATH"}
    assert files == ["0", "1", "2"], "the socket, /dev/null and the log"
    assert "pydantic" not in maps and "simplejpeg" in maps
    for limit in ("Max open files", "Max core file size", "Max processes"):
        assert limits[limit] == ["0", "0"]


@LINUX
def test_the_signals_that_end_a_worker_leave_its_decoders_to_it():
    with closing(Decoders(most=1, cpu_s=5)) as pool:
        pool.start()
        [pid] = pool.pids
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid, number)
        assert draw(pool, SMALL).thumbnail is not None
        assert pool.pids == [pid]
    assert not runs(pid)


@LINUX
def test_no_decoder_outlives_a_worker_that_is_killed():
    code = dedent("""
        from tasks.decoders import Decoders
        pool = Decoders(most=1, cpu_s=5)
        pool.start()
        print(pool.pids[0], flush=True)
        input()
        """)
    worker = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    with worker:
        pid = int(worker.stdout.readline())
        assert runs(pid)
        worker.kill()
    until(lambda: not runs(pid))
