"""Films of a device's pictures, from the request to the link: with real Storage, and the process that makes them."""

import io
import os
import re
import signal
import uuid
from datetime import UTC, datetime, timedelta

import av
import httpx
import numpy as np
import pytest
from arrivals import photo
from chaos_proxy import Fault
from deaths import KilledError, dying
from PIL import Image

from core.errors import Transient
from tasks import film_maker, film_process
from tasks.film_maker import FilmMaker

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
FROM, TO = "2026-06-15T00:00:00Z", "2026-06-20T00:00:00Z"


@pytest.fixture
def make_maker(resources):
    made = []

    def make(supabase=resources.supabase, **settings):
        made.append(FilmMaker(resources.settings.model_copy(update=settings), supabase))
        return made[-1]

    yield make
    for maker in made:
        maker.close()


@pytest.fixture
def maker(make_maker):
    return make_maker()


@pytest.fixture(autouse=True)
def none_open(database):
    """A claim takes the next one of all companies."""
    yield
    database.table("timelapses").delete().in_("state", ["queued", "running"]).execute()


@pytest.fixture
def take(resources, database, company):
    """Stores pictures of the company's device, one a minute, as a worker does."""
    taken = []

    def take_pictures(*images, device=company.device):
        for image in images:
            path = f"captures/{device}/2026/06/15/{len(taken)}.jpg"
            resources.supabase.upload(path, image)
            taken.append({
                "capture_id": str(uuid.uuid4()), "device_id": device, "device_capture_id": f"{len(taken)}.jpg",
                "captured_at": (NOON + timedelta(minutes=len(taken))).isoformat(), "ingest_status": "stored",
                "storage_path": path, "thumbnail_path": path.replace("captures", "thumbnails"),
            })  # fmt: skip
            database.table("captures").insert(taken[-1]).execute()
        return taken

    return take_pictures


@pytest.fixture
def ask(company):
    def ask_for(**options):
        return company.call(
            "request_timelapse", p_device=company.device, p_from=FROM, p_to=TO, p_options=options
        )

    return ask_for


@pytest.fixture
def row(database):
    def read(made):
        return database.table("timelapses").select("*").eq("timelapse_id", made).single().execute().data

    return read


def make(maker):
    maker.begin()
    maker.wait()


def frames_of(data):
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def objects(database, company):
    return {each["name"].rpartition("/")[2] for each in database.storage.from_("gxp-captures").list(f"timelapses/{company.company_id}")}  # fmt: skip


def test_an_operator_gets_a_film_by_a_link(company, take, ask, row, maker):
    take(*(photo(number) for number in range(5)))
    made = ask(fps=10, width=320)
    make(maker)
    done = row(made)
    assert (done["state"], done["frames_done"], done["frames_total"], done["error"]) == ("done", 5, 5, None)
    assert done["duration_s"] == 0.5
    link = company.link(done["path"])
    answer = httpx.get(link)
    assert answer.headers["content-type"] == "video/mp4"
    assert len(answer.content) == done["bytes"]
    with av.open(io.BytesIO(answer.content)) as container:
        [stream] = container.streams
        assert (stream.codec_context.name, stream.width) == ("h264", 320)
        assert (stream.frames, stream.average_rate) == (5, 10)
        assert container.duration == 500_000
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_a_webp_has_all_pictures_and_begins_again(resources, take, ask, row, maker):
    take(*(photo(number) for number in range(4)))
    made = ask(format="webp", fps=5, width=200)
    make(maker)
    done = row(made)
    assert (done["state"], done["path"].rpartition(".")[2]) == ("done", "webp")
    picture = Image.open(io.BytesIO(resources.supabase.download(done["path"])))
    assert (picture.format, picture.n_frames, picture.width, picture.info["loop"]) == ("WEBP", 4, 200, 0)


def test_what_is_burnt_in_is_at_the_bottom_left(database, company, resources, take, ask, row, make_maker):
    grey = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 90, 90)).save(grey, "JPEG", quality=95)
    taken = take(*[grey.getvalue()] * 3)
    database.table("sensor_readings").insert(
        {"device_id": company.device, "capture_id": taken[1]["capture_id"], "temperature_c": 23.5}
    ).execute()
    films = {}
    for name, options in (
        ("plain", {}), ("date", {"burn_date": True}), ("both", {"burn_date": True, "burn_readings": True})
    ):  # fmt: skip
        made = ask(**options)
        make(make_maker())
        films[name] = np.array(frames_of(resources.supabase.download(row(made)["path"])), np.int16)
    date, both = abs(films["date"] - films["plain"]), abs(films["both"] - films["date"])
    assert date[:, 215:, :160].max() > 120
    assert date[:, :190].max() < 16
    assert both[1, 215:].max() > 120, "the second has a reading"
    assert max(both[0].max(), both[2].max()) < 60


def test_what_is_gone_is_left_out_and_other_sizes_have_bars(resources, take, ask, row, maker):
    square = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(square, "JPEG", quality=95)
    wide = io.BytesIO()
    Image.new("RGB", (400, 200), "white").save(wide, "JPEG")
    taken = take(wide.getvalue(), square.getvalue(), wide.getvalue(), b"\xff\xd8 broken \xff\xd9")
    resources.supabase.remove([taken[2]["storage_path"]])
    made = ask(deflicker=False)
    make(maker)
    done = row(made)
    assert (done["state"], done["frames_done"]) == ("done", 2)
    white, red = frames_of(resources.supabase.download(done["path"]))
    assert white.shape == red.shape == (200, 400, 3)
    assert white.min() > 230
    assert red[:, :90].max() < 30
    assert red[50:150, 150:250, 0].min() > 200


def test_one_that_is_cancelled_midway_ends_and_leaves_nothing(
    resources, database, company, take, ask, row, maker, monkeypatch
):
    monkeypatch.setattr(film_maker, "NOTE_EVERY_S", 0.0)
    take(*[photo()] * 20)
    made = ask()
    noted = []
    call = resources.supabase.call

    def cancel_after_three(function, **arguments):
        if function == "note_timelapse" and len(noted) == 3:
            company.call("cancel_timelapse", p_timelapse=made)
        answer = call(function, **arguments)
        if function == "note_timelapse":
            noted.append(answer)
        return answer

    monkeypatch.setattr(resources.supabase, "call", cancel_after_three)
    make(maker)
    assert noted == [True, True, True, False]
    done = row(made)
    assert (done["state"], done["frames_total"], done["path"]) == ("cancelled", 20, None)
    assert 0 < done["frames_done"] < 20
    assert objects(database, company) == set()


def test_one_that_is_deleted_while_it_is_uploaded_leaves_nothing(
    resources, database, company, take, ask, maker, monkeypatch
):
    take(photo())
    made = ask()
    upload, call = resources.supabase.upload, resources.supabase.call

    def with_a_short_lease(function, **arguments):
        # Until it ends the object is not removed.
        lease = {"p_lease": "0 seconds"} if function in ("claim_timelapse", "note_timelapse") else {}
        return call(function, **arguments, **lease)

    def delete_then(*arguments):
        upload(*arguments)
        assert len(objects(database, company)) == 1
        company.call("delete_timelapse", p_timelapse=made)

    monkeypatch.setattr(resources.supabase, "upload", delete_then)
    monkeypatch.setattr(resources.supabase, "call", with_a_short_lease)
    make(maker)
    resources.supabase.remove(call("claim_removals", p_limit=1000))
    assert objects(database, company) == set()


@pytest.mark.parametrize("moment", ["download", "note_timelapse", "upload", "finish_timelapse"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_what_a_killed_worker_has_begun_another_one_makes(
    resources, database, company, take, ask, row, make_maker, moment, done
):
    take(*[photo()] * 3)
    made = ask()
    supabase = resources.supabase
    with dying(supabase, moment, done=done):
        killed = make_maker()
        killed.begin()
        with pytest.raises(KilledError):
            killed.wait()
    left = row(made)
    assert left["state"] == ("done" if (moment, done) == ("finish_timelapse", True) else "running")
    make(make_maker())
    finished = row(made)
    assert (finished["state"], finished["frames_done"]) == ("done", 3)
    assert len(frames_of(supabase.download(finished["path"]))) == 3
    # What the first one has uploaded is named by no row.
    named = {finished["path"].rpartition("/")[2]}
    orphans = objects(database, company) - named
    assert len(orphans) == (1 if (moment, done) in {("upload", True), ("finish_timelapse", False)} else 0)
    supabase.remove(supabase.call("claim_removals", p_limit=1000))
    assert objects(database, company) == named


def test_a_worker_that_is_stopped_gives_its_film_back(resources, take, ask, row, make_maker, monkeypatch):
    take(*[photo()] * 20)
    made = ask()
    stopped, download = make_maker(), resources.supabase.download
    fetched = []

    def stop_at_the_tenth(path):
        fetched.append(path)
        if len(fetched) == 10:
            stopped._stopping.set()
        return download(path)

    with monkeypatch.context() as patch:
        patch.setattr(resources.supabase, "download", stop_at_the_tenth)
        stopped.begin()
        stopped.close()
    given_back = row(made)
    assert (given_back["state"], given_back["attempts"], given_back["error_code"]) == ("queued", 0, None)
    stopped.begin()
    assert row(made)["state"] == "queued", "it takes no more"
    make(make_maker())
    assert row(made)["state"] == "done"


@pytest.mark.parametrize("killed", ["at its start", "midway"])
def test_a_film_whose_process_dies_is_begun_anew(resources, take, ask, row, maker, monkeypatch, killed):
    take(*[photo()] * 8)
    made = ask()
    launch, add, processes = film_process.launch, film_process.FilmProcess.add, []

    def launched(script):
        processes.append(launch(script))
        if killed == "at its start":
            processes[-1][0].kill()
        return processes[-1]

    def added(process, image, text):
        os.kill(processes[-1][0].pid, signal.SIGKILL)
        return add(process, image, text)

    monkeypatch.setattr(film_process, "launch", launched)
    if killed == "midway":
        monkeypatch.setattr(film_process.FilmProcess, "add", added)
    make(maker)
    left = row(made)
    assert (left["state"], left["attempts"], left["error_code"]) == ("queued", 1, "interrupted")
    assert left["error"] == "the process that makes it has ended (status -9)"
    assert processes[0][0].poll() == -signal.SIGKILL


def noise(number):
    data = io.BytesIO()
    random = np.random.default_rng(number)
    Image.fromarray(random.integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(data, "JPEG", quality=80)
    return data.getvalue()


def test_frames_bytes_and_seconds_are_bounded(take, ask, row, make_maker):
    take(*map(noise, range(40)))
    few, large, small = ask(), ask(format="webp", width=640), ask(width=640)
    for settings in ({"timelapse_frames": 7}, {"timelapse_mb": 1}, {"timelapse_mb": 1}):
        make(make_maker(**settings))
    assert (row(few)["state"], row(few)["frames_done"]) == ("done", 7)
    assert (row(large)["state"], row(large)["error_code"]) == ("failed", "too_large")
    assert row(large)["error"] == "the film would have more than 1 MB: ask for less width or time"
    assert row(small)["state"] == "done"
    assert row(small)["bytes"] <= 1_000_000
    long = ask(width=640)
    make(make_maker(timelapse_s=0.4))
    assert (row(long)["state"], row(long)["error_code"]) == ("failed", "took_too_long")
    assert re.fullmatch(r"it takes more than 0.4 s( of CPU)?: ask for less width or time", row(long)["error"])


def test_only_pictures_that_cannot_be_used_are_told(take, ask, row, maker):
    take(b"\xff\xd8 broken \xff\xd9")
    made = ask()
    make(maker)
    assert (row(made)["state"], row(made)["error_code"]) == ("failed", "no_pictures")
    assert row(made)["error"] == "none of the pictures can be used"


def test_one_is_made_at_a_time(resources, take, ask, row, maker, monkeypatch):
    take(photo())
    first, second = ask(), ask()
    states = []
    upload = resources.supabase.upload

    def begin_another(*arguments):
        maker.begin()
        states.append((row(first)["state"], row(second)["state"]))
        upload(*arguments)

    monkeypatch.setattr(resources.supabase, "upload", begin_another)
    make(maker)
    assert states == [("running", "queued")]
    make(maker)
    assert (row(first)["state"], row(second)["state"]) == ("done", "done")


def test_while_supabase_is_away_nothing_is_lost(behind, proxy, take, ask, row, make_maker, monkeypatch):
    take(photo())
    made = ask()
    call = behind.supabase.call

    def then_away(function, **arguments):
        answer = call(function, **arguments)
        if function == "claim_timelapse":
            proxy.set(Fault("answer", 503))
        return answer

    maker = make_maker(behind.supabase)
    monkeypatch.setattr(behind.supabase, "call", then_away)
    make(maker)
    left = row(made)
    assert (left["state"], left["attempts"]) == ("running", 1), "its claim runs out"
    proxy.set(Fault("answer", 503))
    with pytest.raises(Transient):
        maker.begin()
