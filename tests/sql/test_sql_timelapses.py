"""Films of a device's pictures: who may ask for them, which pictures are in them, and what becomes of a worker's claim."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import BUCKET, Backend, Native, Row, new_device, refused

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
FROM, TO = "2026-06-15T00:00:00Z", "2026-06-20T00:00:00Z"


def picture(device: str, minutes: float, **changed: Any) -> Row:
    """A stored picture, so many minutes after noon."""
    name = f"{device}/{uuid.uuid4().hex}.jpg"
    return {
        "capture_id": str(uuid.uuid4()), "device_id": device, "device_capture_id": "image.jpg",
        "captured_at": (NOON + timedelta(minutes=minutes)).isoformat(), "ingest_status": "stored", "damaged": False,
        "storage_path": f"captures/{name}", "thumbnail_path": f"thumbnails/{name}", "image_bytes": 1000,
    } | changed  # fmt: skip


def ask(session: Any, device: str, **options: Any) -> str:
    made: str = session.rpc("request_timelapse", p_device=device, p_from=FROM, p_to=TO, p_options=options)
    return made


@pytest.fixture(autouse=True)
def none_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """A claim takes the next one of all companies."""
    yield
    [name] = {"backend", "embedded", "native"} & set(request.node.funcargs)
    backend = request.getfixturevalue(name)
    backend.service.update("timelapses", {"state": "cancelled"}, state="queued")
    backend.service.update("timelapses", {"state": "cancelled"}, state="running")


def claim(backend: Backend, **arguments: Any) -> Row | None:
    claimed: Row | None = backend.service.rpc("claim_timelapse", **arguments)
    return claimed


def claimed(backend: Backend, **arguments: Any) -> Row:
    film = claim(backend, **arguments)
    assert film is not None
    return film


def film(backend: Backend, made: str) -> Row:
    return backend.service.row("timelapses", timelapse_id=made)


def done(backend: Backend, session: Any, device: str, size: int = 5000) -> Row:
    made = ask(session, device)
    assert backend.service.rpc(
        "finish_timelapse", p_claim=claimed(backend)["claim"], p_frames=48, p_bytes=size
    )
    return film(backend, made)


def test_operators_ask_and_cancel_and_viewers_see(backend: Backend) -> None:
    company_id, _, device = backend.company()
    operator, viewer = backend.member(company_id, "operator"), backend.member(company_id, "viewer")
    backend.service.insert("captures", picture(device, 0))
    made = ask(operator.session, device, burn_date=True, fps=12, timezone="Asia/Tokyo")
    row = viewer.session.row("timelapses", timelapse_id=made)
    assert (row["state"], row["company_id"], row["requested_by"]) == ("queued", company_id, operator.user_id)
    assert (row["format"], row["fps"], row["width"], row["deflicker"]) == ("mp4", 12, 1280, True)
    assert (row["burn_date"], row["burn_readings"], row["timezone"]) == (True, False, "Asia/Tokyo")
    for call in ("cancel_timelapse", "delete_timelapse"):
        with refused("42501", "this needs the role operator"):
            viewer.session.rpc(call, p_timelapse=made)
    with refused("42501", "this needs the role operator"):
        ask(viewer.session, device)
    assert operator.session.rpc("cancel_timelapse", p_timelapse=made) is True
    assert operator.session.rpc("cancel_timelapse", p_timelapse=made) is False
    assert film(backend, made)["state"] == "cancelled"
    operator.session.rpc("delete_timelapse", p_timelapse=made)
    assert backend.service.rows("timelapses", timelapse_id=made) == []


def test_no_company_touches_or_sees_that_of_another(backend: Backend) -> None:
    _, owner, device = backend.company()
    _, stranger, _ = backend.company()
    backend.service.insert("captures", picture(device, 0))
    row = done(backend, owner.session, device)
    backend.put_object(row["path"])
    assert stranger.session.rows("timelapses") == []
    for call in ("cancel_timelapse", "delete_timelapse"):
        with refused("PT404", "the company has no such time-lapse"):
            stranger.session.rpc(call, p_timelapse=row["timelapse_id"])
    with refused("PT404", "the company has no pictures of this device"):
        ask(stranger.session, device)
    assert backend.can_read_object(owner.session, row["path"])
    assert backend.can_sign_object(owner.session, row["path"])
    for session in (stranger.session, backend.anonymous):
        assert not backend.can_read_object(session, row["path"])
        assert not backend.can_sign_object(session, row["path"])
    assert not backend.can_write_object(owner.session, row["path"].replace(".mp4", "0.mp4"))


def test_of_a_device_that_was_handed_over_each_company_gets_its_own_pictures(backend: Backend) -> None:
    _, seller, device = backend.company()
    buyer_id, buyer, _ = backend.company()
    old = picture(device, 0)
    backend.service.insert("captures", old)
    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    with refused("PT404", "the company has no pictures of this device"):
        ask(buyer.session, device)
    new = picture(device, 1, company_id=buyer_id)
    backend.service.insert("captures", new)
    for user, mine in ((seller, old), (buyer, new)):
        ask(user.session, device)
        assert claimed(backend)["frames"] == [[mine["storage_path"], ""]]


def test_no_film_shows_an_object_that_may_be_the_picture_of_another_row(backend: Backend) -> None:
    """Of rows of an older schema that name one object nothing tells whose it is: the policy of the bucket hides it too."""
    _, user, device = backend.company()
    shared = picture(device, 0, shares_object=True)
    backend.service.insert("captures", shared)
    with refused("PT404", "the company has no pictures of this device"):
        ask(user.session, device)
    own = picture(device, 1, storage_path=f"captures/{device}/own.jpg", shares_object=False)
    backend.service.insert("captures", own)
    ask(user.session, device)
    assert claimed(backend)["frames"] == [[own["storage_path"], ""]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "the options are no object"),
        ({"speed": 3}, "these are no options of a time-lapse: speed"),
        ({"format": "gif"}, "these are no options of a time-lapse: format"),
        ({"fps": 0}, "these are no options of a time-lapse: fps"),
        ({"fps": 61}, "these are no options of a time-lapse: fps"),
        ({"width": 1281}, "these are no options of a time-lapse: width"),
        ({"format": "webp", "width": 641}, "these are no options of a time-lapse: width"),
        ({"burn_date": "yes"}, "these are no options of a time-lapse: burn_date"),
        ({"timezone": "Mars/Base"}, "these are no options of a time-lapse: timezone"),
        ({"timezone": 7, "deflicker": 1}, "these are no options of a time-lapse: deflicker, timezone"),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(backend: Backend, options: Any, said: str) -> None:
    _, user, device = backend.company()
    with refused("22023", said):
        user.session.rpc("request_timelapse", p_device=device, p_from=FROM, p_to=TO, p_options=options)


@pytest.mark.parametrize(("start", "end"), [(TO, FROM), (FROM, FROM), (FROM, "infinity"), (None, TO)])
def test_a_film_goes_from_one_time_to_a_later_one(backend: Backend, start: str, end: str) -> None:
    _, user, device = backend.company()
    with refused("22023", "a time-lapse goes from one time to a later one"):
        user.session.rpc("request_timelapse", p_device=device, p_from=start, p_to=end)


def test_five_are_under_way_at_once(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = [ask(user.session, device) for _ in range(5)]
    with refused("PT429", "the company has 5 time-lapses under way"):
        ask(user.session, device)
    user.session.rpc("cancel_timelapse", p_timelapse=made[0])
    ask(user.session, device)


def test_a_company_keeps_a_hundred(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    row = film(backend, ask(user.session, device))
    others = [row | {"timelapse_id": str(uuid.uuid4()), "state": "cancelled"} for _ in range(99)]
    backend.service.insert("timelapses", *others)
    with refused("22023", "the company has 100 time-lapses: delete one first"):
        ask(user.session, device)
    user.session.rpc("delete_timelapse", p_timelapse=row["timelapse_id"])
    ask(user.session, device)


def test_only_whole_pictures_of_that_time_are_in_it_in_order(backend: Backend) -> None:
    _, user, device = backend.company()
    good = [picture(device, minutes) for minutes in (60, 0, 30)]
    backend.service.insert(
        "captures", *good, picture(device, 10, damaged=True), picture(device, 11, thumbnail_path=None),
        picture(device, 12, ingest_status="failed"), picture(device, 13, ingest_status="expired", storage_path=None),
        picture(device, -24 * 60), picture(device, 5 * 24 * 60), picture(other_device(backend, user), 5),
    )  # fmt: skip
    ask(user.session, device)
    assert [path for path, _ in claimed(backend)["frames"]] == [
        good[place]["storage_path"] for place in (1, 2, 0)
    ]


def other_device(backend: Backend, user: Any) -> str:
    """Another device of the company of this user."""
    device = new_device()
    backend.service.insert(
        "devices", {"device_id": device, "company_id": user.session.row("companies")["company_id"]}
    )
    return device


def test_of_more_pictures_those_are_taken_that_lie_evenly_in_time(backend: Backend) -> None:
    _, user, device = backend.company()
    # Two in the first minute, and then one in each hour but the third.
    minutes = (0, 0.5, 60, 180, 240, 300)
    rows = [picture(device, at) for at in minutes]
    backend.service.insert("captures", *rows)
    ask(user.session, device)
    frames = claimed(backend, p_most=5)["frames"]
    assert [path for path, _ in frames] == [rows[place]["storage_path"] for place in (0, 2, 3, 4)]
    ask(user.session, device)
    assert len(claimed(backend, p_most=6)["frames"]) == 6


def test_date_and_readings_are_written_as_asked(backend: Backend) -> None:
    _, user, device = backend.company()
    with_readings, without = picture(device, 0), picture(device, 1)
    backend.service.insert("captures", with_readings, without)
    backend.service.insert(
        "sensor_readings",
        {"device_id": device, "capture_id": with_readings["capture_id"], "temperature_c": 23.456, "humidity_pct": 45.6,
         "pressure_hpa": 1013.4},
    )  # fmt: skip
    for options, texts in (
        ({}, ["", ""]),
        ({"burn_date": True, "timezone": "Asia/Tokyo"}, ["2026-06-15 21:00", "2026-06-15 21:01"]),
        ({"burn_readings": True}, ["23.5 °C  46 %  1013 hPa", ""]),
        (
            {"burn_date": True, "burn_readings": True},
            ["2026-06-15 12:00   23.5 °C  46 %  1013 hPa", "2026-06-15 12:01"],
        ),
    ):
        ask(user.session, device, **options)
        assert [text for _, text in claimed(backend)["frames"]] == texts


def test_the_time_zone_is_that_of_the_device(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.update("devices", {"timezone": "Europe/Berlin"}, device_id=device)
    backend.service.insert("captures", picture(device, 0))
    assert film(backend, ask(user.session, device))["timezone"] == "Europe/Berlin"


def test_companies_take_turns(backend: Backend) -> None:
    both = [backend.company() for _ in range(2)]
    made = []
    for _, user, device in both:
        backend.service.insert("captures", picture(device, 0))
        made.append([ask(user.session, device) for _ in range(2)])
    taken = [claimed(backend)["timelapse_id"] for _ in range(4)]
    assert taken == [made[0][0], made[1][0], made[0][1], made[1][1]]
    assert claim(backend) is None


def test_what_a_dead_worker_has_left_is_claimed_anew_three_times_in_all(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = ask(user.session, device)
    first = claimed(backend, p_lease="0 seconds")
    second = claimed(backend, p_lease="0 seconds")
    assert (first["timelapse_id"], second["timelapse_id"]) == (made, made)
    assert first["claim"] != second["claim"]
    assert first["path"] != second["path"]
    # It was not dead; but it is another's now.
    assert backend.service.rpc("note_timelapse", p_claim=first["claim"], p_done=1) is False
    assert backend.service.rpc("finish_timelapse", p_claim=first["claim"], p_frames=1, p_bytes=1000) is False
    assert claimed(backend, p_lease="0 seconds")["timelapse_id"] == made
    assert claim(backend) is None
    row = film(backend, made)
    assert (row["state"], row["error_code"]) == ("failed", "interrupted")
    assert row["error"] == "it was begun three times, and each time its worker died"


def test_the_object_of_a_claim_that_has_ended_goes_and_is_named_by_nobody(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = ask(user.session, device)
    mine = claimed(backend)
    assert mine["path"] not in removals(backend)
    assert backend.service.rpc("note_timelapse", p_claim=mine["claim"], p_done=1, p_lease="0 seconds") is True
    assert mine["path"] in removals(backend)
    # It is being removed, or is gone: what was uploaded there meanwhile is no film.
    for function, arguments in (
        ("note_timelapse", {"p_done": 1}),
        ("finish_timelapse", {"p_frames": 1, "p_bytes": 1000}),
    ):
        assert backend.service.rpc(function, p_claim=mine["claim"], **arguments) is False
    assert film(backend, made)["state"] == "running"
    backend.service.rpc("finish_removals", p_paths=[mine["path"]])
    again = claimed(backend)
    assert again["timelapse_id"] == made
    assert again["path"] != mine["path"]
    finished = {"p_claim": again["claim"], "p_frames": 1, "p_bytes": 1000}
    assert backend.service.rpc("finish_timelapse", **finished) is True
    assert again["path"] not in removals(backend)


def test_progress_keeps_the_lease_and_is_seen(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0), picture(device, 1))
    made = ask(user.session, device)
    mine = claimed(backend, p_lease="0 seconds")
    assert backend.service.rpc("note_timelapse", p_claim=mine["claim"], p_done=1) is True
    row = user.session.row("timelapses", timelapse_id=made)
    assert (row["state"], row["frames_done"], row["frames_total"]) == ("running", 1, 2)
    assert claim(backend) is None


def test_a_worker_that_was_stopped_costs_no_attempt_and_other_troubles_do(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = ask(user.session, device)

    def give_up(code: str | None, **arguments: Any) -> Row:
        mine = claimed(backend)
        backend.service.rpc(
            "give_up_timelapse", p_claim=mine["claim"], p_code=code, p_words=code, **arguments
        )
        return film(backend, made)

    for _ in range(5):
        assert give_up(None, p_again=True)["state"] == "queued"
    assert give_up("failed", p_again=True, p_wait="0 seconds")["state"] == "queued"
    row = give_up("failed", p_again=True)
    assert (row["state"], row["attempts"]) == ("queued", 2)
    assert claim(backend) is None  # it waits some minutes
    backend.service.update("timelapses", {"lease_until": None}, timelapse_id=made)
    row = give_up("failed", p_again=True)
    assert (row["state"], row["error_code"], row["error"]) == ("failed", "failed", "failed")


def test_what_cannot_be_made_is_not_begun_again(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = ask(user.session, device)
    mine = claimed(backend)
    backend.service.rpc("give_up_timelapse", p_claim=mine["claim"], p_code="too_large", p_words="x" * 999,
                        p_again=False)  # fmt: skip
    row = film(backend, made)
    assert (row["state"], row["error_code"], len(row["error"])) == ("failed", "too_large", 300)
    assert claim(backend) is None


def test_one_that_is_cancelled_is_not_finished(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    made = ask(user.session, device)
    mine = claimed(backend)
    user.session.rpc("cancel_timelapse", p_timelapse=made)
    assert backend.service.rpc("note_timelapse", p_claim=mine["claim"], p_done=1) is False
    assert backend.service.rpc("finish_timelapse", p_claim=mine["claim"], p_frames=1, p_bytes=1000) is False
    backend.service.rpc(
        "give_up_timelapse", p_claim=mine["claim"], p_code="failed", p_words="x", p_again=True
    )
    assert film(backend, made)["state"] == "cancelled"


def removals(backend: Backend) -> list[str]:
    """Claim everything that is free."""
    found: list[str] = []
    while paths := backend.service.rpc("claim_removals", p_limit=1000):
        found += paths
    return found


def test_a_film_that_is_deleted_goes_from_storage_and_from_what_is_counted(backend: Backend) -> None:
    company_id, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    row = done(backend, user.session, device)
    assert row["duration_s"] == 48 / 24
    assert row["path"].startswith(f"timelapses/{company_id}/")
    usage = user.session.rpc("storage_usage")
    assert (usage["bytes"], usage["largest"][0]["device_id"], usage["largest"][0]["bytes"]) == (
        5000,
        device,
        5000,
    )
    assert row["path"] not in removals(backend)
    user.session.rpc("delete_timelapse", p_timelapse=row["timelapse_id"])
    assert row["path"] in removals(backend)
    assert user.session.rpc("storage_usage")["bytes"] == 0


def test_finished_ones_are_kept_for_so_long(backend: Backend) -> None:
    _, user, device = backend.company()
    backend.service.insert("captures", picture(device, 0))
    row = done(backend, user.session, device)
    claim(backend)
    assert film(backend, row["timelapse_id"]) == row
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    backend.service.update("timelapses", {"finished_at": old}, timelapse_id=row["timelapse_id"])
    claim(backend)
    assert backend.service.rows("timelapses", timelapse_id=row["timelapse_id"]) == []
    assert row["path"] in removals(backend)


@pytest.mark.parametrize("limit", [1, 1000])
def test_films_are_compared_with_their_objects(embedded: Backend, limit: int) -> None:
    company_id, user, device = embedded.company()
    embedded.service.insert("captures", picture(device, 0))
    there, lost = (done(embedded, user.session, device) for _ in range(2))
    orphan = f"timelapses/{company_id}/{uuid.uuid4()}.mp4"
    for path in (there["path"], orphan):
        embedded.put_object(path)
    answer: Row = {}
    examples = []
    while not answer.get("done_at"):
        answer = embedded.service.rpc(
            "reconcile_objects", p_bucket=BUCKET, p_limit=limit, p_older_than="0 seconds", p_every="0 seconds"
        )
        examples = answer["examples"]
    assert answer["missing"] >= 1
    assert answer["objects"] >= 2
    gone = removals(embedded)
    assert orphan in gone
    assert there["path"] not in gone
    assert examples
    assert lost["path"] not in gone


def test_no_film_reads_pictures_that_are_not_in_it(native: Native) -> None:
    _, user, device = native.company()
    native.database.run(
        "insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path, thumbnail_path)"
        f" select '{device}', 'a.jpg', timestamptz '{FROM}' + n * interval '1 minute', 'stored', '{device}/c' || n, '{device}/t' || n"
        " from generate_series(0, 4999) as n"
    )
    ask(user.session, device)
    read = native.database.run(
        "begin; set local role service_role; do $$ begin perform public.claim_timelapse(50); end $$; reset role;"
        " select seq_tup_read, idx_tup_fetch < 1000 from pg_stat_xact_user_tables where relid = 'public.captures'::regclass;"
        " rollback;"
    )
    assert read.strip() == "0|t"
