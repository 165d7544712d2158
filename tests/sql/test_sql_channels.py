"""The channels of a company: what its admins can set up, and what nobody gets to see."""

import uuid
from base64 import b64decode
from typing import Any

import pytest
from sql_backends import Backend, Native, Row, Session, User, refused
from test_sql_events import taken

URL = "https://example.com/hook?key=s3cret-path"
SLACK = "slack://T01234567/B01234567/abcdefghijABCDEFGHIJ1234"


@pytest.fixture
def admin(backend: Backend) -> User:
    """The admin of a company of its own."""
    return backend.company()[1]


def make(session: Session, kind: str = "webhook", target: str = URL, **more: object) -> Row:
    made: Row = session.rpc("create_channel", p_name="hall", p_kind=kind, p_target=target, p_more=more)
    return made


def row(session: Session, channel: str) -> Row:
    return session.row("alert_channels", channel_id=channel)


def change(session: Session, channel: str, **changes: object) -> Row:
    session.rpc("update_channel", p_channel=channel, p_changes=changes)
    return row(session, channel)


def test_a_webhook_shows_its_secret_once_and_its_url_never(backend: Backend, admin: User) -> None:
    made = make(admin.session)
    assert made["secret"].startswith("whsec_")
    assert len(b64decode(made["secret"].removeprefix("whsec_"))) == 32
    assert make(admin.session)["secret"] != made["secret"]
    channel = row(admin.session, made["channel_id"])
    assert channel["target"] == "https://example.com/…"
    assert (channel["state"], channel["enabled"]) == ("untried", True)
    assert channel["event_types"] == [
        "alert.opened",
        "alert.repeated",
        "alert.acknowledged",
        "alert.resolved",
    ]
    for hidden in ("s3cret-path", made["secret"]):
        assert hidden not in str(channel)
        assert hidden not in str(admin.session.rpc("channel_deliveries", p_channel=made["channel_id"]))
        assert hidden not in str(admin.session.rows("audit_log"))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("webhook", "https://example.com"),
        ("webhook", "http://10.0.0.1:8080/x?y=1"),
        ("webhook", "https://[2001:db8::1]/"),
        ("apprise", SLACK),
        ("apprise", "https://hooks.slack.com/services/T01234567/B01234567/abcdefghijABCDEFGHIJ1234"),
        ("apprise", "ntfy://my-topic"),
    ],
)
def test_what_may_be_a_target(admin: User, kind: str, target: str) -> None:
    made = make(admin.session, kind, target)
    assert (made["secret"] is None) is (kind != "webhook")
    assert row(admin.session, made["channel_id"])["target"] != target


@pytest.mark.parametrize(
    ("kind", "target", "why"),
    [
        ("webhook", "ftp://example.com/", "no URL"),
        ("webhook", "https://user:pw@example.com/", "no URL"),
        ("webhook", "https://example.com/#x", "no URL"),
        ("webhook", "https://example.com/a b", "no URL"),
        ("webhook", "https://exämple.com/", "no URL"),
        ("webhook", "https://example.com/\r\nHost: x", "no URL"),
        ("webhook", "https://", "no URL"),
        ("webhook", None, "no URL"),
        ("email", "somebody@else.test", "not the e-mail address of a member"),
        ("email", "", "not the e-mail address of a member"),
        ("apprise", "json://example.com", "not an address of one of these services: discord, gchat"),
        ("apprise", "ntfy://evil.example/topic", "not an address of one"),
        ("apprise", "mailto://user:pw@evil.example", "not an address of one"),
        ("apprise", SLACK + "?verify=no", "not an address of one"),
        ("apprise", "https://hooks.slack.com.evil.example/services/T01234567/B01234567/abcdefghijABCDEFGHIJ1234", "not an"),
        ("apprise", f"{SLACK}\n", "not an"),
        ("operator", URL, "neither email, apprise nor webhook"),
        (None, URL, "neither email, apprise nor webhook"),
    ],
)  # fmt: skip
def test_what_may_be_no_target(admin: User, kind: str, target: str, why: str) -> None:
    with refused("22023", why):
        make(admin.session, kind, target)
    assert admin.session.rows("alert_channels") == []


def test_e_mail_goes_to_members_alone_whatever_the_case(backend: Backend, admin: User) -> None:
    made = make(admin.session, "email", admin.email.upper())
    assert row(admin.session, made["channel_id"])["target"] == admin.email
    _, stranger, _ = backend.company()
    with refused("22023", "not the e-mail address of a member"):
        change(admin.session, made["channel_id"], target=stranger.email)


def test_a_channel_is_changed_in_what_is_named_and_nothing_else(backend: Backend, admin: User) -> None:
    company = admin.session.row("users", user_id=admin.user_id)["company_id"]
    site = str(uuid.uuid4())
    backend.service.insert("sites", {"site_id": site, "company_id": company, "name": "north"})
    channel = make(admin.session, "apprise", SLACK)["channel_id"]
    before = row(admin.session, channel)
    changed = change(
        admin.session, channel, name=" gate ", event_types=["capture.failed", "capture.failed"], site_id=site,
        alert_kinds=["offline"], quiet={"from": "22:00", "until": "06:30", "timezone": "Europe/Berlin"},
    )  # fmt: skip
    assert {name for name in before if before[name] != changed[name]} == {
        "name", "event_types", "site_id", "alert_kinds", "quiet_from", "quiet_until", "quiet_timezone",
    }  # fmt: skip
    assert (changed["name"], changed["event_types"]) == ("gate", ["capture.failed"])
    back = change(
        admin.session, channel, name="hall", event_types=before["event_types"][::-1], site_id=None,
        alert_kinds=None, quiet=None,
    )  # fmt: skip
    assert back | {"event_types": sorted(back["event_types"])} == before | {
        "event_types": sorted(before["event_types"])
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "email"}, "cannot be changed: kind"),
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 121}, "at most 120"),
        ({"event_types": ["capture.expired"]}, "event_types has something else than"),
        ({"event_types": "alert.opened"}, "no array"),
        ({"alert_kinds": ["Bobby; tables"]}, "alert_kinds has something else"),
        ({"site_id": "33333333-3333-4333-8333-333333333333"}, "no such site"),
        ({"quiet": {"from": "22:00"}}, "quiet is no"),
        ({"quiet": {"from": "25:00", "until": "06:00", "timezone": "UTC"}}, "quiet is no"),
        ({"quiet": {"from": "22:00", "until": "06:00", "timezone": "Mars"}}, "quiet is no"),
        ({"quiet": {"from": "06:00", "until": "23:00", "timezone": "UTC"}}, "16 at most"),
        ({"quiet": {"from": "06:00", "until": "06:00", "timezone": "UTC"}}, "16 at most"),
        ({"enabled": "no"}, "neither true nor false"),
    ],
)
def test_what_does_not_fit_changes_nothing(admin: User, changes: dict[str, Any], why: str) -> None:
    channel = make(admin.session, "apprise", SLACK)["channel_id"]
    before = row(admin.session, channel)
    with refused("22023", why):
        change(admin.session, channel, **changes)
    assert row(admin.session, channel) == before


def test_a_webhook_has_no_quiet_hours(admin: User) -> None:
    with refused("22023", "no quiet hours"):
        make(admin.session, quiet={"from": "22:00", "until": "06:30", "timezone": "Europe/Berlin"})


def test_a_company_has_twenty_channels(admin: User) -> None:
    for _ in range(20):
        channel = make(admin.session)["channel_id"]
    with refused("22023", "20 channels"):
        make(admin.session)
    admin.session.rpc("delete_channel", p_channel=channel)
    make(admin.session)


def test_what_admins_do_with_channels_is_in_the_audit_log_also_where_they_look_the_same(admin: User) -> None:
    channel = make(admin.session)["channel_id"]
    change(admin.session, channel, target="https://example.com/elsewhere")
    admin.session.rpc("rotate_channel_secret", p_channel=channel)
    admin.session.rpc("delete_channel", p_channel=channel)
    entries = admin.session.rows("audit_log", subject=channel)
    told = [(e["action"], sorted(e["changes"])) for e in sorted(entries, key=lambda e: e["audit_id"])]
    assert [action for action, _ in told] == ["insert", "update", "update", "rotate", "delete"]
    assert told[2] == ("update", ["target"])


def test_a_test_waits_at_once_and_is_told(backend: Backend, admin: User) -> None:
    channel = make(admin.session)["channel_id"]
    event_id = admin.session.rpc("test_channel", p_channel=channel)
    (event,) = taken(backend, channel)
    assert (event["id"], event["type"], event["device_id"]) == (event_id, "channel.test", None)
    (delivery,) = admin.session.rpc("channel_deliveries", p_channel=channel)
    assert (delivery["event_id"], delivery["state"], delivery["attempts"]) == (event_id, "waiting", 0)
    for _ in range(19):
        admin.session.rpc("test_channel", p_channel=channel)
    with refused("PT429", "20 times within an hour"):
        admin.session.rpc("test_channel", p_channel=channel)
    assert change(admin.session, channel, enabled=False)["enabled"] is False
    assert taken(backend, channel) == []
    with refused("22023", "turned off"):
        admin.session.rpc("test_channel", p_channel=channel)


def test_the_former_secret_signs_for_a_day(native: Native) -> None:
    _, admin, _ = native.company()
    made = make(admin.session)
    channel = made["channel_id"]
    new = admin.session.rpc("rotate_channel_secret", p_channel=channel)
    assert new.startswith("whsec_") and new != made["secret"]
    admin.session.rpc("test_channel", p_channel=channel)
    for hours, expected in ((0, [new, made["secret"]]), (25, [new])):
        claimed = native.database.value(
            f"public.claim_deliveries(1000, 1000, now() + interval '{hours} hours')", end="rollback"
        )
        (message,) = [message for message in claimed if message["channel_id"] == channel]
        assert message["secrets"] == expected
        assert message["target"] == URL


def test_no_user_reads_targets_and_events(native: Native) -> None:
    _, admin, _ = native.company()
    for table in ("channel_targets", "events", "deliveries"):
        for session in (admin.session, native.service):
            begin = session.begin  # type: ignore[attr-defined]
            assert native.refuses(
                lambda b=begin, t=table: session._value(f"(select count(*) from fleet_private.{t})")  # type: ignore[attr-defined,misc]  # noqa: B023
            ), (begin, table)


def test_the_events_of_a_day_are_delivered_again_with_their_ids(native: Native) -> None:
    _, admin, device = native.company()
    channel = make(admin.session, event_types=["capture.stored", "capture.failed"])["channel_id"]
    for name in ("a", "b", "c"):
        capture = {
            "device_id": device,
            "image_name": name,
            "ingest_status": "stored",
            "storage_path": f"{device}/{name}",
        }
        native.service.rpc("record_capture", p_capture=capture)
    before = taken(native, channel)
    native.database.run(
        f"update fleet_private.deliveries set state = 'sent', attempts = 1 where channel_id = '{channel}';"
        f" update fleet_private.events set created_at = now() - interval '2 hours' where event_id = '{before[0]['id']}'"
    )
    admin.session.rpc("update_channel", p_channel=channel, p_changes={"event_types": ["capture.stored"]})
    answer = admin.session.rpc("replay_events", p_channel=channel, p_since="2000-01-01T00:00:00Z")
    assert answer["events"] == 3
    assert taken(native, channel) == before
    with refused("PT429", "try again in a minute"):
        admin.session.rpc("replay_events", p_channel=channel, p_since="2000-01-01T00:00:00Z")
    native.database.run(
        f"update fleet_private.deliveries set state = 'sent' where channel_id = '{channel}';"
        f" update public.alert_channels set replayed_at = null where channel_id = '{channel}'"
    )
    hour_ago = native.database.value("now() - interval '1 hour'")
    assert admin.session.rpc("replay_events", p_channel=channel, p_since=hour_ago)["events"] == 2
    assert taken(native, channel) == before[1:]
    # Another channel of the company gets what it takes, also what was before it.
    other = make(admin.session, event_types=["capture.stored"])["channel_id"]
    admin.session.rpc("replay_events", p_channel=other, p_since=hour_ago)
    assert taken(native, other) == before[1:]


def test_the_services_are_those_that_the_workers_know(native: Native) -> None:
    from tasks.channels.services import ADDRESSES

    assert native.database.value("fleet_private.service_addresses()") == ADDRESSES
