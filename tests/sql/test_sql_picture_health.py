"""What a picture's figures say about its camera, judged when it is recorded against the device's earlier ones."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sql_backends import Backend, Native, RefusedError, Row, new_device

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
VIEW = "9e9eb2cc315b4d4d"
OTHER_VIEW = "616d4d33cea4b2b2"
SEEN = {"brightness": 100.0, "contrast": 50.0, "sharpness": 500.0, "dhash": VIEW}
DARK = {"brightness": 4.0, "contrast": 3.0, "sharpness": 300.0, "dhash": "40000400040400a0"}


def capture(device: str, at: datetime, figures: object, **changes: Any) -> Row:
    """A stored picture whose bytes nobody has sent before, unless a SHA-256 says otherwise."""
    name = f"{at:%Y%m%dT%H%M%S}.jpg"
    return {
        "device_id": device,
        "image_name": name,
        "captured_at": at.isoformat(),
        "arrived_at": at.isoformat(),
        "ingest_status": "stored",
        "storage_path": f"captures/{device}/{name}",
        "image_sha256": sha256(f"{device} {name}".encode()).hexdigest(),
        "figures": figures,
    } | changes


class Camera:
    """Records the pictures of one device. Those that show something differ a little, as real ones do."""

    def __init__(self, backend: Backend) -> None:
        self.device = new_device()
        self._backend, self._taken = backend, 0

    def take(self, at: datetime, figures: object = None, **changes: Any) -> Row:
        """Record a picture, as it usually looks unless told otherwise, and return its row."""
        self._taken += 1
        if isinstance(figures, dict) and figures.get("brightness") == SEEN["brightness"]:
            figures = figures | {"brightness": 100 + self._taken / 8}
        recorded = self._backend.service.rpc(
            "record_capture", p_capture=capture(self.device, at, figures, **changes)
        )
        return self._backend.service.row("captures", capture_id=recorded["capture_id"])

    def take_daily(self, days: int, figures: Row = SEEN, first: datetime = NOON) -> list[str | None]:
        """Record a picture on each of some days, and return what each was judged to be."""
        return [self.take(first + day * DAY, figures)["health"] for day in range(days)]


@pytest.fixture
def camera(backend: Backend) -> Camera:
    return Camera(backend)


def test_figures_are_kept_with_the_picture_and_those_of_an_older_worker_are_null(
    backend: Backend, camera: Camera
) -> None:
    row = camera.take(NOON, SEEN | {"brightness": 101.5})
    assert [row[name] for name in ("brightness", "contrast", "sharpness")] == [101.5, 50, 500]
    # A reader in JavaScript cannot hold 64 bits.
    hashes = backend.catalog(
        f"select to_hex(dhash) from public.captures where device_id = '{camera.device}' and dhash is not null"
    )
    assert hashes == [[VIEW]]
    old = capture(camera.device, NOON + DAY, None)
    del old["figures"]
    backend.service.rpc("record_capture", p_capture=old)
    row = backend.service.row("captures", device_id=camera.device, storage_path=old["storage_path"])
    assert [row[name] for name in ("brightness", "dhash", "health", "health_reason")] == [None] * 4


@pytest.mark.parametrize(
    "bad",
    [
        *({"brightness": value} for value in (None, "", "x", "NaN", "Infinity", -1, 256, 1e300, [], {}, True)),
        *({"contrast": value} for value in (None, "1; drop table", -0.5, 128.5, "1e99", [[1]])),
        *({"sharpness": value} for value in (None, -1, 2_000_000, "1e400", {"a": 1})),
        *({"dhash": value} for value in (None, 7, "", "9E9EB2CC315B4D4D", VIEW[1:], VIEW + "0", "x" * 16, [VIEW])),
        *("", "x", 7, [], [SEEN], None, True),
    ],
    ids=str,
)  # fmt: skip
def test_a_figure_that_is_unusable_is_null_and_fails_nothing(camera: Camera, bad: object) -> None:
    camera.take_daily(3)
    row = camera.take(NOON + 4 * DAY, SEEN | bad if isinstance(bad, dict) else bad)
    assert (row["ingest_status"], row["health"], row["health_reason"]) == ("stored", None, None)
    for name in bad if isinstance(bad, dict) else SEEN:
        assert row[name] is None


@pytest.mark.parametrize(
    "least", ["1e-60", "1e-99", "0", "0e5", "0.0000000000000000000000000000000000000001"]
)
def test_the_least_figures_fit(camera: Camera, least: str) -> None:
    camera.take_daily(3)
    row = camera.take(
        NOON + 4 * DAY, {"brightness": least, "contrast": least, "sharpness": least, "dhash": VIEW}
    )
    assert [row[name] for name in ("brightness", "contrast", "sharpness", "health")] == [0, 0, 0, "black"]


@pytest.mark.parametrize(
    ("figures", "health", "reason"),
    [
        ({}, "ok", None),
        ({"brightness": 40, "contrast": 30}, "ok", None),
        ({"brightness": 230, "contrast": 26}, "ok", None),
        ({"dhash": "9e9eb2cc315b4000"}, "ok", None),
        (DARK, "black", "Nothing is to be seen: its brightness is 4 of 255, and usually 101 at this time of day."),
        (
            {"brightness": 251, "contrast": 2, "sharpness": 3},
            "white",
            "Far too bright: its brightness is 251 of 255, and usually 101 at this time of day.",
        ),
        (
            {"sharpness": 120},
            "blurred",
            "Blurred: its sharpness is 120, nine in ten have 500 or more at this time of day.",
        ),
        (
            {"dhash": OTHER_VIEW},
            "shifted",
            "Another view, as if the camera had been turned: 62 of 64 bits differ from the usual view, up to 0 do usually.",
        ),
        (
            {"dhash": "0" * 16, "contrast": 4, "sharpness": 9},
            "covered",
            "The view is gone, as if something were before the lens: 34 of 64 bits differ from the usual view, up to 0 do"
            " usually; its contrast is 4 and its sharpness 9, nine in ten have 50 and 500 or more at this time of day.",
        ),
    ],
)  # fmt: skip
def test_a_picture_is_judged_by_what_is_usual_and_the_reason_has_the_figures(
    camera: Camera, figures: Row, health: str, reason: str | None
) -> None:
    assert camera.take_daily(8) == [None] * 3 + ["ok"] * 5
    row = camera.take(NOON + 8 * DAY, SEEN | figures)
    assert (row["health"], row["health_reason"]) == (health, reason)


def test_a_device_whose_pictures_differ_much_is_not_told_that_its_view_has_changed(camera: Camera) -> None:
    for day in range(9):
        figures = SEEN | {"dhash": sha256(bytes([day])).hexdigest()[:16]}
        assert camera.take(NOON + day * DAY, figures)["health"] in (None, "ok")


def test_nights_are_dark(camera: Camera) -> None:
    """The first night nothing is known of nights; then they are as usual, and a dark noon is not."""
    for day in range(4):
        assert camera.take(NOON + day * DAY, SEEN)["health"] == (None if day < 3 else "ok")
        assert camera.take(NOON + (day + 0.5) * DAY, DARK)["health"] == (None if day < 3 else "ok")
    assert camera.take(NOON + 4 * DAY, DARK)["health"] == "black"
    assert camera.take(NOON + 4.5 * DAY, DARK)["health"] == "ok"


def test_a_camera_that_has_never_seen_light_is_black(camera: Camera) -> None:
    assert camera.take_daily(5, DARK) == [None] * 3 + ["black"] * 2
    reason = camera.take(NOON + 5 * DAY, DARK)["health_reason"]
    assert reason == (
        "Nothing is to be seen: its brightness is 4 of 255, and no picture of the last two weeks shows more."
    )


def test_pictures_of_another_time_of_day_say_nothing(camera: Camera) -> None:
    camera.take_daily(5)
    blurred = SEEN | {"sharpness": 20}
    assert camera.take(NOON + 5 * DAY + timedelta(hours=2), blurred)["health"] is None
    assert camera.take(NOON + 6 * DAY + timedelta(minutes=80), blurred)["health"] == "blurred"
    assert camera.take(NOON + 7 * DAY - timedelta(minutes=80), blurred)["health"] == "blurred"


def test_a_device_that_sends_many_is_judged_on_its_first_day(camera: Camera) -> None:
    minute = timedelta(minutes=1)
    assert [camera.take(NOON + n * minute, SEEN)["health"] for n in range(5)] == [None] * 3 + ["ok"] * 2
    blurred = SEEN | {"sharpness": 20}
    assert {camera.take(NOON + n * minute, blurred)["health"] for n in range(5, 12)} == {"blurred"}


def test_a_picture_that_comes_again_is_frozen(camera: Camera) -> None:
    first = camera.take(NOON, SEEN)
    other_bytes = {name: first[name] for name in ("brightness", "contrast", "sharpness")} | {"dhash": VIEW}
    row = camera.take(NOON + DAY, SEEN, image_sha256=first["image_sha256"])
    assert (row["health"], row["health_reason"]) == (
        "frozen",
        "The same picture as that of 2026-03-01 12:00:00 UTC: the camera repeats it.",
    )
    assert camera.take(NOON + 2 * DAY, SEEN, image_sha256=first["image_sha256"].upper())["health"] == "frozen"
    assert camera.take(NOON + 3 * DAY, SEEN)["health"] is None
    # Not the one before: a camera that is frozen repeats the last.
    assert camera.take(NOON + 4 * DAY, SEEN, image_sha256=first["image_sha256"])["health"] is None
    last = camera.take(NOON + 5 * DAY, SEEN)
    same_pixels = other_bytes | {"brightness": last["brightness"]}
    assert camera.take(NOON + 6 * DAY, same_pixels)["health"] == "frozen"


@pytest.mark.parametrize(
    "nothing", [DARK, {"brightness": 255.0, "contrast": 0.0, "sharpness": 0.0, "dhash": "0" * 16}]
)
def test_two_pictures_of_nothing_may_be_the_same(camera: Camera, nothing: Row) -> None:
    assert [camera.take(NOON + n * DAY, nothing, image_sha256="a" * 64)["health"] for n in (0, 1)] == [
        None
    ] * 2


def test_another_view_becomes_the_usual_one(camera: Camera) -> None:
    assert camera.take_daily(14)[3:] == ["ok"] * 11
    healths = camera.take_daily(7, SEEN | {"dhash": OTHER_VIEW}, NOON + 14 * DAY)
    assert healths == ["shifted"] * 4 + ["ok"] * 3


def test_a_covered_lens_does_not_become_usual_while_better_is_remembered(camera: Camera) -> None:
    camera.take_daily(14)
    covered = SEEN | {"dhash": "0" * 16, "contrast": 4, "sharpness": 9}
    assert set(camera.take_daily(12, covered, NOON + 14 * DAY)) == {"covered"}
    # Two weeks later nobody knows what was before, and three pictures make a new habit.
    assert camera.take_daily(6, covered, NOON + 28 * DAY) == [None] * 3 + ["ok"] * 3


def test_what_came_later_or_was_another_company_s_is_not_looked_at(backend: Backend, camera: Camera) -> None:
    blurred = SEEN | {"sharpness": 20}
    for company_id in (backend.company()[0], backend.company()[0]):
        backend.service.update("devices", {"company_id": company_id}, device_id=camera.device)
        assert camera.take(NOON + 5 * DAY, blurred)["health"] is None
        assert camera.take_daily(4, SEEN, NOON + 6 * DAY)[-1] == "ok"
        assert camera.take(NOON + 10 * DAY, blurred)["health"] == "blurred"


def test_a_broken_stream_is_damaged_until_a_whole_one_takes_its_place(
    backend: Backend, camera: Camera
) -> None:
    camera.take_daily(4)
    broken = camera.take(NOON + 4 * DAY, SEEN | {"sharpness": 20}, damaged=True, image_sha256="b" * 64)
    assert (broken["health"], broken["sharpness"]) == ("damaged", 20)
    assert broken["health_reason"] == "The JPEG stream is broken: parts of the picture are missing or wrong."
    again = camera.take(NOON + 4 * DAY, None, damaged=True, image_sha256="b" * 64)
    assert again == broken
    whole = camera.take(
        NOON + 4 * DAY,
        SEEN,
        image_sha256="c" * 64,
        replaces_sha256="b" * 64,
        storage_path=f"captures/{camera.device}/w",
    )
    assert (whole["capture_id"], whole["health"], whole["sharpness"]) == (broken["capture_id"], "ok", 500)


def test_a_repeat_changes_nothing_and_a_failed_picture_has_no_health(
    backend: Backend, camera: Camera
) -> None:
    camera.take_daily(4)
    first = camera.take(NOON + 4 * DAY, SEEN | {"sharpness": 20})
    assert camera.take(NOON + 4 * DAY, SEEN) == first
    failed = camera.take(NOON + 5 * DAY, SEEN, ingest_status="failed", storage_path=None)
    assert [failed[name] for name in ("brightness", "health")] == [None] * 2
    stored = camera.take(NOON + 5 * DAY, SEEN | {"sharpness": 20})
    assert (stored["capture_id"], stored["health"]) == (failed["capture_id"], "blurred")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_any_capture_time_is_judged(backend: Backend, at: str) -> None:
    camera = Camera(backend)
    assert camera.take(datetime.fromisoformat(at), SEEN)["health"] is None


def test_users_read_the_health_of_their_own_pictures(backend: Backend, camera: Camera) -> None:
    company, member, _ = backend.company()
    _, stranger, _ = backend.company()
    camera.take(NOON, DARK)
    backend.service.update("devices", {"company_id": company}, device_id=camera.device)
    camera.take(NOON + DAY, SEEN, damaged=True)
    [row] = member.session.rows("captures", device_id=camera.device, health="damaged")
    assert row["health_reason"]
    assert stranger.session.rows("captures", device_id=camera.device) == []


def test_only_known_words_are_kept(backend: Backend, camera: Camera) -> None:
    camera.take(NOON, SEEN)
    with pytest.raises(RefusedError, match="captures_health_check"):
        backend.service.update("captures", {"health": "fine"}, device_id=camera.device)


def test_few_rows_are_read_however_many_pictures_there_are(native: Native) -> None:
    """A device that sends a picture each minute for two weeks costs as much as one that sends a few."""
    device, count = new_device(), 21_000
    read = (
        "(select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"
        " where relid = 'public.captures'::regclass)"
    )
    [[before, after, health]] = native.trial(
        f"""
        insert into public.devices (device_id) values ('{device}');
        alter table public.captures disable trigger user;  -- for the sake of time
        insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path, brightness,
                                     contrast, sharpness, dhash, health)
        select '{device}', n, timestamptz '{NOON}' - n * interval '1 minute', 'stored', '{device}' || n, 4, 3, 300, 7,
               case when n % 2 = 0 then 'black' else 'ok' end
          from generate_series(1, {count}) as n;
        analyze public.captures;
        create temp table rows_read on commit drop as select {read} as before, null::text as health;
        update rows_read set health = (fleet_private.judge_picture(c, timestamptz '{NOON}', '{{"figures":
          {{"brightness": 4, "contrast": 3, "sharpness": 300, "dhash": "0000000000000007"}}}}')).health
          from public.captures c
         where c.device_id = '{device}' and c.captured_at = timestamptz '{NOON}' - interval '1 minute';
        """,
        f"select before, {read}, health from rows_read",
    )
    assert health == "black"
    assert after - before < 700
