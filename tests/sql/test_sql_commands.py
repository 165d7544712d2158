"""The life of a command, from the user who queues it to what became of it."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sql_backends import Backend, RefusedError, Row, Session
from test_sql_hello import START, at, hello, noon_daily, picture, when


def queue(session: Session, device: str, kind: str, payload: object = None, **fields: Any) -> None:
    row = {"device_id": device, "type": kind, "payload": {} if payload is None else payload, "deadline": None}
    session.insert("device_commands", row | fields)


def command(backend: Backend, device: str) -> Row:
    return backend.service.row("device_commands", device_id=device)


def fate(backend: Backend, device: str) -> tuple[str, str | None]:
    row = command(backend, device)
    return row["status"], row["reason"]


def said(answer: Row) -> list[tuple[str, object]]:
    return [(given["type"], given["payload"]) for given in answer["commands"]]


def history(backend: Backend, device: str) -> list[str]:
    rows = backend.service.rows("device_command_logs", device_id=device)
    return [row["status"] for row in sorted(rows, key=lambda row: int(row["log_id"]))]


@pytest.fixture
def settled(backend: Backend, device: str) -> str:
    """A device on a schedule that has taken the picture of noon and sleeps until tomorrow."""
    noon_daily(backend, device)
    picture(backend, device, at())
    return device


def test_commands_are_given_at_the_next_hello_in_the_order_in_which_they_came(
    backend: Backend, settled: str
) -> None:
    wanted = [
        ("custom", {"led": "on"}),
        ("send_image", {"image_name": "image 7.jpg"}),
        ("capture_image", {}),
        ("next_wake", {"next_wake": "2025-10-05T06:00:00Z"}),
    ]
    for kind, payload in wanted:
        queue(backend.service, settled, kind, payload)
    answer = hello(backend, settled, at(hours=1))

    assert said(answer) == wanted
    rows = {row["command_id"]: row for row in backend.service.rows("device_commands", device_id=settled)}
    assert {given["command_id"] for given in answer["commands"]} == set(rows)
    assert {given["device_id"] for given in answer["commands"]} == {settled}
    for row in rows.values():
        assert (row["status"], row["attempts"], when(row["sent_at"])) == (
            "sent",
            1,
            START + timedelta(hours=1),
        )
    assert sorted(history(backend, settled)) == ["queued"] * 4 + ["sent"] * 4
    # The command asks for the picture already.
    assert answer["capture_due"] is False

    # Within a minute nothing is given again.
    answer = hello(backend, settled, at(hours=1, seconds=10))
    assert (answer["commands"], answer["capture_due"], answer["in_flight"]) == ([], False, True)


def test_a_picture_that_was_asked_for_finishes_one_command(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "capture_image")
    hello(backend, settled, at(hours=1))
    taken = picture(backend, settled, at(hours=1, seconds=5), at(hours=1, seconds=40))

    row = command(backend, settled)
    assert (row["status"], row["capture_id"], row["reason"]) == ("done", taken["capture_id"], None)
    assert row["finished_at"] is not None
    assert history(backend, settled) == ["queued", "sent", "done"]


def test_a_picture_recorded_twice_finishes_no_second_command(backend: Backend, settled: str) -> None:
    for _ in range(2):
        queue(backend.service, settled, "capture_image")
    hello(backend, settled, at(hours=1))
    for _ in range(2):
        picture(backend, settled, at(hours=1, seconds=5), at(hours=1, seconds=40))
        states = sorted(row["status"] for row in backend.service.rows("device_commands", device_id=settled))
        assert states == ["done", "sent"]

    # The other is given again, and has a picture of its own.
    assert said(hello(backend, settled, at(hours=2))) == [("capture_image", {})]
    picture(backend, settled, at(hours=2, seconds=5))
    assert {row["status"] for row in backend.service.rows("device_commands", device_id=settled)} == {"done"}


def test_a_picture_of_the_backlog_is_not_the_one_asked_for(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "capture_image")
    hello(backend, settled, at(hours=1), pending_count=1)
    picture(backend, settled, at(days=-1), at(hours=1, seconds=20))
    assert fate(backend, settled) == ("sent", None)


def test_a_clock_that_lies_does_not_hide_a_new_picture(backend: Backend, settled: str) -> None:
    """The device holds nothing, or names all it holds: so a picture of another name is new, whatever its clock says."""
    queue(backend.service, settled, "capture_image")
    hello(backend, settled, at(hours=1), pending_count=1, pending_list=["old.jpg"])
    picture(backend, settled, "1970-01-01T00:00:09Z", at(hours=1, seconds=10), image_name="old.jpg")
    assert fate(backend, settled) == ("sent", None)
    picture(backend, settled, "1970-01-01T00:00:12Z", at(hours=1, seconds=20), image_name="new.jpg")
    assert fate(backend, settled) == ("done", None)


def test_an_image_that_was_asked_for_is_done_when_it_is_stored(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "send_image", {"image_name": "old.jpg"})
    hello(backend, settled, at(hours=1))
    picture(backend, settled, at(days=-1), at(hours=1, seconds=20), image_name="other.jpg")
    timed_out = {"ingest_status": "failed", "error": {"code": 2201, "message": "assembly timeout"}}
    picture(backend, settled, at(days=-1), at(hours=1, seconds=30), image_name="old.jpg", **timed_out)
    assert fate(backend, settled) == ("sent", None)

    assert said(hello(backend, settled, at(hours=2))) == [("send_image", {"image_name": "old.jpg"})]
    picture(backend, settled, at(days=-1), at(hours=2, seconds=30), image_name="old.jpg")
    assert fate(backend, settled) == ("done", None)
    assert history(backend, settled) == ["queued", "sent", "sent", "done"]


def test_an_image_that_was_stored_already_is_not_asked_for_again(backend: Backend, settled: str) -> None:
    """The service acknowledges it again without recording it again."""
    picture(backend, settled, at(days=-1), image_name="old.jpg")
    queue(backend.service, settled, "send_image", {"image_name": "old.jpg"})
    hello(backend, settled, at(hours=1))
    # As long as the device still offers it, it has not heard.
    offered = hello(backend, settled, at(hours=2), pending_count=1, pending_list=["old.jpg"])
    assert len(offered["commands"]) == 1
    assert hello(backend, settled, at(hours=3))["commands"] == []
    assert fate(backend, settled) == ("done", None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": 1002}, "2"),  # of a worker that does not tell what was reported
        ({"code": 1002, "details": {"reported": 2}}, "2"),
        ({"code": 1000, "details": {"reported": -1}}, "-1"),
        ({"code": 1000, "details": {"reported": "camera timeout"}}, "camera timeout"),
    ],
)
def test_a_device_that_says_it_cannot_is_believed(
    backend: Backend, settled: str, error: Row, told: str
) -> None:
    queue(backend.service, settled, "capture_image")
    hello(backend, settled, at(hours=1))
    picture(
        backend,
        settled,
        at(hours=1, seconds=5),
        ingest_status="failed",
        error=error,
    )
    assert fate(backend, settled) == ("failed", f"the device reported error {told}")


def test_a_report_beside_the_picture_that_was_asked_for_is_no_answer(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "send_image", {"image_name": "old.jpg"})
    hello(backend, settled, at(hours=1))
    reported = {
        "image_name": "old.jpg",
        "ingest_status": "failed",
        "error": {"code": 1003},
        "beside": True,
    }
    picture(backend, settled, at(hours=1, seconds=5), **reported)
    assert fate(backend, settled) == ("sent", None)
    picture(backend, settled, at(hours=1, seconds=6), image_name="old.jpg")
    assert fate(backend, settled) == ("done", None)


def test_a_wake_that_is_commanded_stands_before_the_schedule(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "next_wake", {"next_wake": "2025-10-08T06:00:00Z"})
    answer = hello(backend, settled, at(hours=1))
    wake = datetime(2025, 10, 8, 6, tzinfo=UTC)
    assert when(answer["next_wake_at"]) == wake
    assert when(backend.service.row("devices", device_id=settled)["next_wake_at"]) == wake
    # A picture on the way does not bring the schedule back.
    assert when(picture(backend, settled, at(hours=1, minutes=1))["next_wake_at"]) == wake
    assert fate(backend, settled) == ("sent", None)

    # It woke: done, and the schedule counts again.
    answer = hello(backend, settled, wake.isoformat())
    assert when(answer["next_wake_at"]) == datetime(2025, 10, 8, 12, tzinfo=UTC)
    assert fate(backend, settled) == ("done", None)


def test_a_custom_command_is_done_when_its_device_lives_on(backend: Backend, settled: str) -> None:
    payload = {"set_led": {"colour": [1, 2, 3], "on": True}, "note": "ü"}
    queue(backend.service, settled, "custom", payload)
    assert said(hello(backend, settled, at(hours=1))) == [("custom", payload)]
    hello(backend, settled, at(hours=1, seconds=30))
    assert fate(backend, settled) == ("sent", None)
    hello(backend, settled, at(hours=2))
    assert fate(backend, settled) == ("done", None)


def nested(levels: int) -> Row:
    payload: Row = {}
    for _ in range(levels - 1):
        payload = {"a": payload}
    return payload


TOO_MUCH = "payload is nested deeper than 10 levels, or has a number beyond 64 bits"


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("explode", {}, "unknown type"),
        ("capture_image", [], "payload is not an object"),
        ("capture_image", 5, "payload is not an object"),
        ("capture_image", nested(11), TOO_MUCH),
        ("send_image", {}, "payload.image_name is missing"),
        ("send_image", {"image_name": 5}, "payload.image_name is missing"),
        ("send_image", {"image_name": "../x.jpg"}, "payload.image_name cannot name an image"),
        ("send_image", {"image_name": "a\\b.jpg"}, "payload.image_name cannot name an image"),
        ("send_image", {"image_name": "a\nb.jpg"}, "payload.image_name cannot name an image"),
        ("send_image", {"image_name": "x" * 129}, "payload.image_name cannot name an image"),
        ("next_wake", {}, "payload.next_wake is not a time in ISO 8601"),
        ("next_wake", {"next_wake": "5:30PM"}, "payload.next_wake is not a time in ISO 8601"),
        ("custom", {}, "payload is empty"),
        ("custom", nested(11), TOO_MUCH),
        ("custom", nested(500), TOO_MUCH),
        ("custom", {"a": [[[[[[[[[[1]]]]]]]]]]}, TOO_MUCH),
        ("custom", {"a": [2**63]}, TOO_MUCH),
        ("custom", {"a": {"b": -(2**64)}}, TOO_MUCH),
    ],
)
def test_a_malformed_command_is_refused_and_its_author_reads_why(
    backend: Backend, settled: str, kind: str, payload: object, reason: str
) -> None:
    with pytest.raises(RefusedError, match=re.escape(reason)) as refused:
        queue(backend.service, settled, kind, payload)
    assert refused.value.sqlstate == "22023"
    assert backend.service.rows("device_commands", device_id=settled) == []


def test_a_user_reads_why_a_command_is_refused(backend: Backend) -> None:
    _, user, device = backend.company()
    with pytest.raises(RefusedError, match="payload is empty"):
        user.session.insert("device_commands", {"device_id": device, "type": "custom"})
    with pytest.raises(RefusedError):
        user.session.insert(
            "device_commands", {"device_id": device, "type": "custom", "payload": nested(500)}
        )
    user.session.insert("device_commands", {"device_id": device, "type": "custom", "payload": {"a": 1}})


@pytest.mark.parametrize("payload", [nested(10) | {"b": 1}, {"a": [2**53, -(2**53), 1.5]}])
def test_what_a_device_can_read_is_sent(backend: Backend, settled: str, payload: Row) -> None:
    queue(backend.service, settled, "custom", payload)
    assert said(hello(backend, settled, at(hours=1))) == [("custom", payload)]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("2035-10-07T16:48", "2035-10-07T16:48:00Z"),
        ("2035-10-07 16:48:30+02:00", "2035-10-07T14:48:30Z"),
        ("2035-10-07T16:48:00.9Z", "2035-10-07T16:48:00Z"),
    ],
)
def test_the_time_of_a_command_is_kept_in_utc(backend: Backend, settled: str, told: str, meant: str) -> None:
    queue(backend.service, settled, "next_wake", {"next_wake": told})
    assert command(backend, settled)["payload"] == {"next_wake": meant}
    assert said(hello(backend, settled, at(hours=1))) == [("next_wake", {"next_wake": meant})]


@pytest.mark.parametrize("payload", [nested(500), {"a": 2**64}, {"next_wake": "soon"}])
def test_one_from_before_the_check_fails_at_its_turn_and_stops_no_other(
    backend: Backend, payload: Row
) -> None:
    kind = "next_wake" if "next_wake" in payload else "custom"
    setup = f"""
      insert into public.devices (device_id, last_seen_at) values ('OLDCOMMANDS', now());
      alter table public.device_commands disable trigger device_commands_check;
      insert into public.device_commands (device_id, type, payload)
      values ('OLDCOMMANDS', '{kind}', '{json.dumps(payload)}'), ('OLDCOMMANDS', 'custom', '{{"good": 1}}');
      alter table public.device_commands enable trigger device_commands_check;
    """
    [[sent]] = backend.trial(
        setup,
        "select jsonb_agg(c->'payload') from jsonb_array_elements(public.claim_commands(100)) as c "
        "where c->>'device_id' = 'OLDCOMMANDS'",
    )
    assert sent == [{"good": 1}]


def test_an_unanswered_command_is_given_again_a_few_times(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "capture_image")
    for hour in (1, 2, 3):
        assert said(hello(backend, settled, at(hours=hour))) == [("capture_image", {})]
    assert command(backend, settled)["attempts"] == 3

    answer = hello(backend, settled, at(hours=4))
    assert answer["commands"] == []
    assert fate(backend, settled) == ("failed", "no effect after 3 attempts")
    assert history(backend, settled) == ["queued", "sent", "sent", "sent", "failed"]


def test_a_command_past_its_deadline_expires(backend: Backend, settled: str) -> None:
    queue(backend.service, settled, "capture_image", deadline=at(hours=1))
    answer = hello(backend, settled, at(hours=1, seconds=1))
    assert answer["commands"] == []
    assert fate(backend, settled) == ("expired", "deadline passed")

    # What has just been sent is given time for its effect.
    other = {"deadline": at(hours=2)}
    queue(backend.service, settled, "custom", {"a": 1}, **other)
    hello(backend, settled, at(hours=1, minutes=59))
    hello(backend, settled, at(hours=3))
    states = {
        row["type"]: row["status"] for row in backend.service.rows("device_commands", device_id=settled)
    }
    assert states == {"capture_image": "expired", "custom": "done"}


def test_a_command_has_a_week_by_default(backend: Backend, device: str) -> None:
    backend.service.insert("devices", {"device_id": device})
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    row = command(backend, device)
    assert when(row["deadline"]) - when(row["created_at"]) == timedelta(days=7)


def claim_of(backend: Backend, device: str, **arguments: object) -> list[Row]:
    claimed: list[Row] = backend.service.rpc("claim_commands", **arguments)
    return [given for given in claimed if given["device_id"] == device]


def awake(backend: Backend, device: str) -> None:
    # Ahead of time, so that it counts as heard just now on the slowest machine.
    seen(backend, device, minutes=-10)


def seen(backend: Backend, device: str, **ago: float) -> None:
    last = (datetime.now(UTC) - timedelta(**ago)).isoformat()
    backend.service.insert("devices", {"device_id": device, "last_seen_at": last})


def test_who_is_awake_is_told_by_the_clock_of_the_service(backend: Backend, device: str) -> None:
    an_hour_ahead = datetime.now(UTC) + timedelta(hours=1)
    seen(backend, device, hours=-1)
    queue(backend.service, device, "capture_image")
    assert claim_of(backend, device, p_at=(an_hour_ahead + timedelta(minutes=1)).isoformat()) == []
    (given,) = claim_of(backend, device, p_at=an_hour_ahead.isoformat())
    assert given["type"] == "capture_image"
    sent = command(backend, device)["sent_at"]
    assert when(sent) == an_hour_ahead


def test_a_device_that_is_awake_gets_its_commands_at_once(backend: Backend, device: str) -> None:
    awake(backend, device)
    queue(backend.service, device, "capture_image")
    queue(backend.service, device, "next_wake", {"next_wake": "2025-10-01T00:00:00Z"})

    (given,) = claim_of(backend, device)
    assert (given["type"], given["payload"]) == ("capture_image", {})
    states = {row["type"]: row["status"] for row in backend.service.rows("device_commands", device_id=device)}
    assert states == {"capture_image": "sent", "next_wake": "failed"}
    assert claim_of(backend, device) == []
    # It has been asked for its picture.
    answer = backend.service.rpc("record_hello", p_hello={"device_id": device})
    assert (answer["capture_due"], answer["in_flight"]) == (False, True)


def test_a_device_that_sleeps_keeps_its_commands(backend: Backend, device: str) -> None:
    seen(backend, device, minutes=5)
    queue(backend.service, device, "capture_image")
    assert claim_of(backend, device) == []
    assert fate(backend, device) == ("queued", None)
    assert len(claim_of(backend, device, p_heard_within="1 hour")) == 1


def test_a_claim_takes_no_more_than_it_is_asked_to(backend: Backend, device: str) -> None:
    awake(backend, device)
    for number in range(5):
        queue(backend.service, device, "custom", {"n": number})
    mine = []
    while claimed := backend.service.rpc("claim_commands", p_limit=2):
        assert len(claimed) <= 2
        mine += [given["payload"]["n"] for given in claimed if given["device_id"] == device]
    assert mine == [0, 1, 2, 3, 4]


def test_deadlines_pass_for_devices_that_never_come_back(backend: Backend, device: str) -> None:
    seen(backend, device, days=30)
    queue(
        backend.service,
        device,
        "capture_image",
        deadline=(datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    )
    assert claim_of(backend, device) == []
    assert fate(backend, device) == ("expired", "deadline passed")


def test_a_command_that_could_not_be_published_goes_back(backend: Backend, device: str) -> None:
    awake(backend, device)
    queue(backend.service, device, "custom", {"a": 1})
    (given,) = claim_of(backend, device)
    back = {"command_id": given["command_id"], "status": "queued", "reason": "broker away"}
    for _ in range(2):
        assert backend.service.rpc("finish_command", p=back) == {k: back[k] for k in ("command_id", "status")}
        row = command(backend, device)
        assert (row["status"], row["attempts"], row["sent_at"], row["finished_at"]) == (
            "queued",
            0,
            None,
            None,
        )
    assert len(claim_of(backend, device)) == 1


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_finished_command_stays_finished(backend: Backend, device: str, status: str) -> None:
    awake(backend, device)
    queue(backend.service, device, "custom", {"a": 1})
    (given,) = claim_of(backend, device)
    finish = partial(backend.service.rpc, "finish_command")
    answer = finish(p={"command_id": given["command_id"], "status": status, "reason": "seen"})
    assert answer == {"command_id": given["command_id"], "status": status}
    before = backend.service.rows("device_commands", device_id=device)

    for other in ("done", "failed", "queued"):
        assert finish(p={"command_id": given["command_id"], "status": other})["status"] == status
    assert backend.service.rows("device_commands", device_id=device) == before
    assert history(backend, device) == ["queued", "sent", status]


def test_what_is_no_command_is_not_finished(backend: Backend) -> None:
    unknown = str(uuid.uuid4())
    answer = backend.service.rpc("finish_command", p={"command_id": unknown, "status": "done"})
    assert answer == {"command_id": unknown, "status": None}
    for nonsense in ({"command_id": unknown, "status": "sent"}, {"command_id": "x", "status": "done"}, {}):
        with pytest.raises(RefusedError):
            backend.service.rpc("finish_command", p=nonsense)


def test_a_user_commands_the_devices_of_the_own_company_and_reads_their_fate(backend: Backend) -> None:
    _, user, device = backend.company()
    user.session.insert("device_commands", {"device_id": device, "type": "capture_image"})
    row = user.session.row("device_commands")
    assert (row["status"], row["created_by"], row["payload"]) == ("queued", user.user_id, {})

    assert said(hello(backend, device, datetime.now(UTC).isoformat())) == [("capture_image", {})]
    assert user.session.row("device_commands")["status"] == "sent"
    assert [entry["status"] for entry in user.session.rows("device_command_logs")] == ["queued", "sent"]


def test_a_user_commands_no_other_device(backend: Backend, device: str) -> None:
    (_, user, mine), (_, _, other) = backend.company(), backend.company()
    backend.service.insert("devices", {"device_id": device})
    for target in (other, device, "NOBODY"):
        row = {"device_id": target, "type": "capture_image"}
        assert backend.refuses(partial(user.session.insert, "device_commands", row))
        assert backend.refuses(partial(backend.anonymous.insert, "device_commands", row))
    assert backend.refuses(
        partial(backend.anonymous.insert, "device_commands", {"device_id": mine, "type": "capture_image"})
    )


@pytest.mark.parametrize(
    "column",
    [
        {"status": "done"},
        {"status": "sent"},
        {"attempts": -100},
        {"max_attempts": 10},
        {"reason": "because"},
        {"created_by": str(uuid.uuid4())},
        {"sent_at": at()},
        {"finished_at": at()},
    ],
)
def test_a_user_sets_only_what_a_new_command_has(backend: Backend, column: Row) -> None:
    _, user, device = backend.company()
    row = {"device_id": device, "type": "capture_image", **column}
    assert backend.refuses(partial(user.session.insert, "device_commands", row))


def test_a_user_changes_no_command(backend: Backend) -> None:
    _, user, device = backend.company()
    user.session.insert("device_commands", {"device_id": device, "type": "capture_image"})
    before = user.session.rows("device_commands")
    change = partial(user.session.update, "device_commands", {"status": "done"}, device_id=device)
    if backend.keeps_grants:
        assert backend.refuses(change)
    else:
        change()  # no policy lets it touch a row
    assert user.session.rows("device_commands") == before


def test_a_command_that_no_device_could_take_is_refused(backend: Backend) -> None:
    _, user, device = backend.company()
    row = {"device_id": device, "type": "custom", "payload": {"blob": "x" * 5000}}
    with pytest.raises(RefusedError, match="violates check constraint"):
        user.session.insert("device_commands", row)
