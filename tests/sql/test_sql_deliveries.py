"""How events come to channels: once each, in order, none behind one that hangs, and within bounds.

On PostgreSQL: the functions take the time, so that hours pass at once.
"""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sql_backends import Native, Row
from sql_postgres import Server, literal
from test_sql_events import channel, taken


@pytest.fixture(scope="module")
def apart(postgres: Server) -> Native:
    """A database of its own, since what is claimed is claimed of all channels."""
    database = postgres.database()
    database.install()
    return Native(database)


@pytest.fixture
def own(apart: Native) -> Iterator[Native]:
    """The same, without the channels of other tests."""
    yield apart
    apart.database.run("delete from public.alert_channels")


def emit(
    native: Native, company: str, *devices: str | None, kind: str = "alert.opened", **alert: Any
) -> None:
    for device in devices:
        body = literal({"alert": {"kind": "offline", **alert}})
        native.database.value(
            f"fleet_private.emit({literal(company)}, {literal(device)}, {literal(kind)}, {body})"
        )


def claim(native: Native, at: str = "now()", limit: int = 100, probes: int = 100) -> list[Row]:
    found: list[Row] = native.database.value(f"public.claim_deliveries({limit}, {probes}, {at})")
    return found


def finish(native: Native, message: Row, at: str = "now()", **result: Any) -> None:
    numbers = [event["number"] for event in message["events"]]
    said = {"channel_id": message["channel_id"], "claim": message["claim"], "numbers": numbers}
    native.database.value(f"public.finish_deliveries({literal([said | {'ok': True} | result])}, {at})")


def lines(messages: list[Row]) -> list[list[str | None]]:
    """Give the devices of the events of each message."""

    return [[json.loads(event["body"])["device_id"] for event in message["events"]] for message in messages]


def works(native: Native, *channels: str) -> None:
    """Say that messages have gone to these channels before."""
    for channel_id in channels:
        native.service.update(
            "alert_channels", {"state": "ok", "last_ok_at": "2026-01-01T00:00:00Z"}, channel_id=channel_id
        )


def state(native: Native, channel_id: str) -> Row:
    return native.service.row("alert_channels", channel_id=channel_id)


def states(native: Native, channel_id: str) -> list[str]:
    rows = native.database.rows(
        f"select state from fleet_private.deliveries where channel_id = '{channel_id}' order by number"
    )
    return [row["state"] for row in rows]


@pytest.fixture
def company(own: Native) -> str:
    return own.company()[0]


@pytest.fixture
def hook(own: Native, company: str) -> str:
    """A webhook that has worked before."""
    made = channel(own, company)
    works(own, made)
    return made


def test_of_each_device_the_oldest_event_goes_and_the_next_when_it_has_gone(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, "A", "A", "B", None, "A", "B")
    first = claim(own)
    assert lines(first) == [["A"], ["B"]], "two at a time"
    assert claim(own) == []
    finish(own, first[0])
    second = claim(own)
    assert lines(second) == [["A"]]
    finish(own, first[1])
    finish(own, second[0])
    third = claim(own)
    assert lines(third) == [[None], ["A"]]
    for message in third:
        finish(own, message)
    (last,) = claim(own)
    finish(own, last)
    assert claim(own) == []
    assert states(own, hook) == ["sent"] * 6


def test_what_was_claimed_by_a_worker_that_died_is_claimed_again_and_the_dead_changes_nothing(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, "A", "A")
    (dead,) = claim(own)
    assert claim(own, "now() + interval '119 seconds'") == []
    (again,) = claim(own, "now() + interval '121 seconds'")
    assert again["events"] == dead["events"], "the same event with the same bytes"
    finish(own, dead)
    assert states(own, hook) == ["waiting", "waiting"]
    finish(own, again)
    assert states(own, hook) == ["sent", "waiting"]
    finish(own, again, ok=False, error="late")
    assert states(own, hook) == ["sent", "waiting"]


def test_a_device_whose_event_fails_does_not_stop_the_others(own: Native, company: str, hook: str) -> None:
    emit(own, company, "A", "A", "B", "B")
    failing, other = claim(own)
    finish(own, failing, ok=False, error="the receiver answered 500")
    finish(own, other)
    assert lines(claim(own)) == [["B"]]
    assert lines(claim(own, "now() + interval '11 seconds'")) == [["A"]]
    assert state(own, hook)["last_error"] == "the receiver answered 500"


def test_tries_become_rare_until_they_are_two_hours_apart(own: Native, company: str, hook: str) -> None:
    emit(own, company, "A")
    waits = []
    for tries in range(14):
        at = f"now() + interval '{tries * 3} hours'"
        own.service.update("alert_channels", {"failures": 0, "next_try_at": "-infinity"}, channel_id=hook)
        (message,) = claim(own, at)
        finish(own, message, at, ok=False)
        (row,) = own.database.rows(
            f"select extract(epoch from next_at - ({at})) as wait, attempts from fleet_private.deliveries"
            f" where channel_id = '{hook}'"
        )
        assert row["attempts"] == tries + 1
        waits.append(row["wait"])
    # psql's now() is a little later at each call.
    for tries, wait in enumerate(waits):
        most = min(10 * 2**tries, 7200)
        assert most / 2 - 2 <= wait <= most
    assert waits[-1] > 3500


def test_a_receiver_that_says_when_is_asked_then(own: Native, company: str, hook: str) -> None:
    emit(own, company, "A")
    (message,) = claim(own)
    finish(own, message, ok=False, retry_after_s=600)
    assert claim(own, "now() + interval '590 seconds'") == []
    assert lines(claim(own, "now() + interval '601 seconds'")) == [["A"]]


def test_a_channel_that_fails_is_tried_with_one_message_at_a_time_and_catches_up_when_it_is_back(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, *"ABCDEF")
    for message in claim(own):
        finish(own, message, ok=False)
    (message,) = claim(own)
    finish(own, message, ok=False)
    assert (state(own, hook)["state"], state(own, hook)["failures"]) == ("failing", 3)
    assert claim(own) == [], "it rests"
    (probe,) = claim(own, "now() + interval '11 seconds'")
    assert claim(own, "now() + interval '11 seconds'") == [], "one at a time"
    finish(own, probe)
    assert (state(own, hook)["state"], state(own, hook)["failures"]) == ("ok", 0)
    assert len(claim(own)) == 2, "and what has failed before is due at once"


def test_channels_take_turns_and_one_that_works_goes_before_one_that_may_not(
    own: Native, company: str, hook: str
) -> None:
    doubtful = [channel(own, company) for _ in range(3)]
    second = channel(own, company)
    works(own, second)
    emit(own, company, *"ABC")
    claimed = claim(own, limit=4, probes=1)
    assert [message["channel_id"] in (hook, second) for message in claimed[:4]].count(True) == 4
    assert {message["channel_id"] for message in claimed} == {hook, second}
    rest = claim(own, limit=4, probes=1)
    assert len(rest) == 1
    assert rest[0]["is_probe"]
    assert rest[0]["channel_id"] in doubtful
    assert len(claim(own, limit=4, probes=1)) == 1


def test_the_companies_take_turns_however_many_channels_and_events_one_of_them_has(
    own: Native, company: str, hook: str
) -> None:
    works(own, *(channel(own, company) for _ in range(5)))
    emit(own, company, *"ABCDEFGH")
    under_way = claim(own, limit=8)
    other, _, device = own.company()
    works(own, channel(own, other))
    emit(own, other, device)
    finish(own, under_way[0])
    assert lines(claim(own, limit=1)) == [[device]], "it has nothing under way, the other has seven"


def test_of_a_company_with_channels_that_fail_not_all_probes_are(own: Native, company: str) -> None:
    for _ in range(4):
        channel(own, company)
    emit(own, company, "A")
    assert len(claim(own, probes=3)) == 3
    other, _, device = own.company()
    channel(own, other)
    emit(own, other, device)
    assert lines(claim(own, probes=1)) == [[device]]


def test_people_get_what_waits_in_one_message(own: Native, company: str) -> None:
    mail = channel(own, company, kind="email")
    emit(own, company, *["A", "B", "A"] * 10)
    (message,) = claim(own)
    assert len(message["events"]) == 20
    assert claim(own) == [], "one message at a time"
    finish(own, message, ok=False)
    own.service.update("alert_channels", {"next_try_at": "-infinity"}, channel_id=mail)
    (again,) = claim(own, "now() + interval '11 seconds'")
    assert again["events"] == message["events"]
    finish(own, again)
    (rest,) = claim(own)
    assert len(rest["events"]) == 10


def test_what_is_urgent_waits_for_no_flood(own: Native, company: str) -> None:
    channel(own, company, kind="email")
    emit(own, company, *["A"] * 30, severity="warning")
    emit(own, company, "B", severity="critical")
    (message,) = claim(own)
    assert lines([message]) == [["A"] * 19 + ["B"]]


def test_in_quiet_hours_only_what_is_urgent_goes(own: Native, company: str) -> None:
    noon = "timestamptz '2026-01-05 12:00 Europe/Berlin'"
    mail = channel(
        own, company, kind="email", quiet_from="11:00", quiet_until="13:00", quiet_timezone="Europe/Berlin"
    )
    emit(own, company, "A", severity="warning")
    emit(own, company, "B", severity="critical")
    own.database.run(f"update fleet_private.deliveries set next_at = {noon} where channel_id = '{mail}'")
    (message,) = claim(own, noon)
    assert lines([message]) == [["B"]]
    finish(own, message, noon)
    assert claim(own, f"{noon} + interval '59 minutes'") == []
    assert lines(claim(own, f"{noon} + interval '60 minutes'")) == [["A"]]


@pytest.mark.parametrize(
    ("since", "until", "at", "quiet"),
    [
        ("22:00", "06:00", "23:59", True),
        ("22:00", "06:00", "05:59", True),
        ("22:00", "06:00", "06:00", False),
        ("22:00", "06:00", "21:59", False),
        ("08:00", "09:00", "08:00", True),
        ("08:00", "09:00", "09:00", False),
    ],
)
def test_quiet_hours_are_of_their_time_zone(
    own: Native, company: str, since: str, until: str, at: str, quiet: bool
) -> None:
    made = channel(
        own, company, kind="email", quiet_from=since, quiet_until=until, quiet_timezone="Asia/Tokyo"
    )
    asked = (
        f"(select fleet_private.is_quiet(c, timestamptz '2026-07-05 {at} Asia/Tokyo')"
        f" from public.alert_channels c where channel_id = '{made}')"
    )
    assert own.database.value(asked) is quiet


def test_who_is_no_member_any_more_is_told(own: Native) -> None:
    company, admin, _ = own.company()
    made = admin.session.rpc("create_channel", p_name="x", p_kind="email", p_target=admin.email)
    emit(own, company, None)
    (message,) = claim(own)
    assert (message["target"], message["is_member"]) == (admin.email, True)
    finish(own, message, ok=False)
    own.service.delete("users", user_id=admin.user_id)
    (message,) = claim(own, "now() + interval '11 seconds'")
    assert message["is_member"] is False
    finish(own, message, ok=False, gone=True, error="nobody is there")
    ended = state(own, made["channel_id"])
    assert (ended["state"], ended["enabled"], ended["last_error"]) == ("dead", False, "nobody is there")
    assert states(own, made["channel_id"]) == ["dead"]
    assert claim(own, "now() + interval '3 hours'") == []


def keep(native: Native, at: str = "now()", *operator: str, everybody: bool = True, most: int = 5000) -> Row:
    found: Row = native.database.value(
        f"public.keep_channels({literal(tuple(operator))}, {str(everybody).lower()}, {most}, p_at => {at})"
    )
    return found


def test_after_a_day_it_is_dead_and_seen_and_after_a_success_the_channel_lives(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, "A")
    (message,) = claim(own)
    finish(own, message, ok=False, error="no answer")
    assert keep(own, "now() + interval '23 hours'")["dead"] == 0
    kept = keep(own, "now() + interval '24 hours 1 minute'")
    assert (kept["dead"], kept["channels"]) == (1, {"dead": 1})
    assert state(own, hook)["state"] == "dead"
    (row,) = own.database.rows(
        f"select state, last_error, finished_at > now() as ended from fleet_private.deliveries where channel_id = '{hook}'"
    )
    assert row == {"state": "dead", "last_error": "no answer", "ended": True}
    emit(own, company, "A")
    (message,) = claim(own)
    finish(own, message, ok=False)
    assert state(own, hook)["state"] == "dead"
    (message,) = claim(own, "now() + interval '11 seconds'")
    finish(own, message)
    assert state(own, hook)["state"] == "ok"


def alerts(native: Native, company: str | None) -> list[Row]:
    """Give the alerts about channels, the oldest first."""
    return native.database.rows(
        "select kind, subject, message, resolved_at is null as open from public.alerts"
        f" where kind = 'channel' and company_id is not distinct from {literal(company)} order by opened_at, alert_id"
    )


def give_up(native: Native, company: str) -> None:
    """Let a day pass in which nothing goes."""
    emit(native, company, "A")
    for message in claim(native):
        finish(native, message, ok=False, error="no answer")
    keep(native, "now() + interval '25 hours'")


def test_a_channel_that_has_been_given_up_is_an_alert_that_others_tell_until_it_works(
    own: Native, company: str, hook: str
) -> None:
    other = channel(own, company, kind="email")
    works(own, other)
    own.service.update("alert_channels", {"last_ok_at": "2100-01-01T00:00:00Z"}, channel_id=other)
    give_up(own, company)
    (alert,) = alerts(own, company)
    assert alert == {
        "kind": "channel", "subject": hook, "message": "The channel x has been given up: no answer.", "open": True,
    }  # fmt: skip
    assert state(own, other)["state"] != "dead", "it has worked within the day"
    assert taken(own, other)[-1]["alert"]["message"] == alert["message"]
    own.service.update("alert_channels", {"state": "ok"}, channel_id=hook)
    assert [alert["open"] for alert in alerts(own, company)] == [False]
    assert taken(own, other)[-1]["type"] == "alert.resolved"


@pytest.mark.parametrize("ending", ["off", "deleted", "changed", "company"])
def test_the_alert_about_a_channel_ends_with_what_somebody_does(own: Native, ending: str) -> None:
    company, admin, _ = own.company()
    made = admin.session.rpc("create_channel", p_name="x", p_kind="webhook", p_target="https://a.test/x")
    give_up(own, company)
    assert [alert["open"] for alert in alerts(own, company)] == [True]
    match ending:
        case "deleted":
            admin.session.rpc("delete_channel", p_channel=made["channel_id"])
        case "company":
            own.database.run(f"delete from public.companies where company_id = '{company}'")
        case _:
            changes = {"enabled": False} if ending == "off" else {"target": "https://b.test/x"}
            admin.session.rpc("update_channel", p_channel=made["channel_id"], p_changes=changes)
    assert [alert["open"] for alert in alerts(own, company)] == ([] if ending == "company" else [False])


def test_a_receiver_that_is_gone_is_an_alert(own: Native, company: str, hook: str) -> None:
    emit(own, company, "A")
    (message,) = claim(own)
    finish(own, message, ok=False, gone=True, error="the receiver answered 410")
    (alert,) = alerts(own, company)
    assert (alert["message"], alert["open"]) == (
        "The channel x has been given up: the receiver answered 410.", True,
    )  # fmt: skip


def test_what_was_sent_goes_after_a_day_and_what_is_dead_after_a_week(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, "A", "B")
    sent, failed = claim(own)
    finish(own, sent)
    finish(own, failed, ok=False)
    keep(own, "now() + interval '24 hours 1 minute'")
    assert states(own, hook) == ["dead"]
    keep(own, "now() + interval '26 hours'")
    events = f"select count(*) as n from fleet_private.events where company_id = '{company}'"
    assert own.database.rows(events) == [{"n": 0}]
    keep(own, "now() + interval '6 days'")
    assert states(own, hook) == ["dead"]
    keep(own, "now() + interval '8 days'")
    assert states(own, hook) == []


def test_beyond_its_bound_a_channel_loses_the_oldest_pictures_and_says_so(
    own: Native, company: str, hook: str
) -> None:
    emit(own, company, "A", "A", kind="alert.opened")
    emit(own, company, "A", "A", "A", "A", kind="capture.stored")
    assert keep(own, most=4)["dropped"] == 2
    kinds = [event["type"] for event in taken(own, hook)]
    assert kinds == ["alert.opened"] * 2 + ["capture.stored"] * 2
    assert state(own, hook)["dropped"] == 2
    assert keep(own, most=4)["dropped"] == 0
    # Where there are no pictures, the bound is twice as high.
    emit(own, company, *["A"] * 5)
    assert keep(own, most=4)["dropped"] == 3
    assert [event["type"] for event in taken(own, hook)] == ["alert.opened"] * 6


def test_the_operators_channels_are_those_of_the_settings(own: Native, company: str) -> None:
    keep(own, "now()", "mailtos", "tgram")
    rows = own.database.rows(
        "select name, target, event_types, all_companies from public.alert_channels order by name"
    )
    assert [(row["name"], row["target"], row["all_companies"]) for row in rows] == [
        ("operator 1", "mailtos", True), ("operator 2", "tgram", True),
    ]  # fmt: skip
    emit(own, company, "A")
    messages = claim(own)
    assert sorted(message["name"] for message in messages) == ["operator 1", "operator 2"]
    assert [(message["kind"], message["target"], message["secrets"]) for message in messages] == [
        ("operator", None, [])
    ] * 2
    keep(own, "now()", "ntfy", everybody=False)
    rows = own.database.rows("select name, target, event_types, all_companies from public.alert_channels")
    assert [(row["name"], row["target"], row["all_companies"]) for row in rows] == [
        ("operator 1", "ntfy", False)
    ]
    assert {"alert.opened", "device.first_seen"} <= set(rows[0]["event_types"])
    assert "capture.stored" not in rows[0]["event_types"]
    keep(own)
    assert own.database.rows("select 1 as n from public.alert_channels") == []


def test_two_workers_never_claim_the_same(own: Native, company: str, hook: str) -> None:
    emit(own, company, *"ABCD")
    with psycopg.connect(own.database.url) as one, psycopg.connect(own.database.url) as two:
        ask = "select public.claim_deliveries(1, 1)"
        found = [connection.execute(ask).fetchone() for connection in (one, two)]
        assert len(found[0][0]) == 1  # type: ignore[index]
        assert found[1][0] == [], "while the other is at it"  # type: ignore[index]
        one.commit()
        two.rollback()
        again = two.execute(ask).fetchone()
        assert again is not None
        assert again[0][0]["events"] != found[0][0][0]["events"]  # type: ignore[index]


def test_a_claim_among_thousands_that_wait_reads_few_of_them(own: Native, company: str, hook: str) -> None:
    """A plan that grew with what waits for other channels would show in the rows that are read."""
    own.database.run(
        "insert into fleet_private.events (event_id, company_id, type, payload)"
        f" select gen_random_uuid(), '{company}', 'capture.stored', '{{}}' from generate_series(1, 20000);"
        f" insert into fleet_private.deliveries (channel_id, number, event_id, line, type)"
        f" select '{hook}', number, event_id, 'D' || number % 50, type from fleet_private.events"
        f"  where company_id = '{company}';"
        " analyze fleet_private.deliveries;"
    )
    resting = "2100-01-01T00:00:00Z"
    own.service.update("alert_channels", {"next_try_at": resting, "failures": 9}, channel_id=hook)
    other, _, device = own.company()
    works(own, channel(own, other))
    emit(own, other, device)
    with psycopg.connect(own.database.url, autocommit=True) as connection:
        read = "select sum(idx_tup_fetch + seq_tup_read) from pg_stat_xact_user_tables where relname = 'deliveries'"
        with connection.transaction():
            (claimed,) = connection.execute("select public.claim_deliveries(8, 4)").fetchone()  # type: ignore[misc]
            (rows,) = connection.execute(read.encode()).fetchone()  # type: ignore[misc]
    assert len(claimed) == 1
    assert rows < 100
