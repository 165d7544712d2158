"""What the members of a company do with its devices, and what the audit log tells of it."""

import hashlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sql_backends import Backend, Native, RefusedError, Row, User, new_device, refused

NO_DEVICE = "the company has no such device"
NO_RIGHT = "this needs the role operator in a company"


def label(backend: Backend, device: str, code: str | None = None) -> str:
    """Give a device a code on its label, and return the code."""
    code = code or uuid.uuid4().hex[:16].upper().translate(str.maketrans("OIL", "011"))
    codes = [{"device_id": device, "code_sha256": hashlib.sha256(code.encode()).hexdigest()}]
    backend.service.rpc("set_device_codes", p_codes=codes)
    return code


def team(backend: Backend) -> tuple[User, User, User, str]:
    """A company's viewer, operator and admin, and its device."""
    company_id, admin, device = backend.company()
    return backend.member(company_id, "viewer"), backend.member(company_id, "operator"), admin, device


def log(admin: User) -> list[tuple[str, str, str | None]]:
    """What the audit log says, in its order: table, action, and the address of who did it."""
    rows = sorted(admin.session.rows("audit_log"), key=lambda row: int(row["audit_id"]))
    return [(row["table_name"], row["action"], row["actor_email"]) for row in rows]


def test_a_device_is_claimed_by_the_code_on_its_label(backend: Backend, device: str) -> None:
    company_id, user, _ = backend.company()
    label(backend, device, "0123456789ABCDEF")
    backend.service.rpc("record_hello", p_hello={"device_id": device, "status": "alive"})
    for _ in range(2):
        assert user.session.rpc("claim_device", p_code="ol23-4567 89ab-cdef") == device
    assert backend.service.row("devices", device_id=device)["company_id"] == company_id
    # What it said before is the company's.
    assert len(user.session.rows("device_status", device_id=device)) == 1


def test_a_device_may_be_claimed_before_it_was_ever_heard(backend: Backend, device: str) -> None:
    _, user, _ = backend.company()
    code = label(backend, device)
    assert user.session.rpc("claim_device", p_code=code) == device
    assert len(user.session.rows("devices", device_id=device)) == 1


def test_a_wrong_code_and_a_device_of_others_look_the_same(backend: Backend, device: str) -> None:
    (_, owner, _), (_, user, _) = backend.company(), backend.company()
    code = label(backend, device)
    owner.session.rpc("claim_device", p_code=code)
    for given in (code, "WRONG", "", None, "x" * 100_000):
        assert user.session.rpc("claim_device", p_code=given) is None
    assert user.session.rows("devices", device_id=device) == []


def test_ten_wrong_codes_in_an_hour_are_enough(backend: Backend, device: str) -> None:
    company_id, user, _ = backend.company()
    colleague, code = backend.member(company_id, "operator"), label(backend, device)
    for number in range(10):
        assert user.session.rpc("claim_device", p_code=f"WRONG{number}") is None
    with refused("PT429", "too many wrong codes: try again in an hour"):
        user.session.rpc("claim_device", p_code=code)
    assert colleague.session.rpc("claim_device", p_code=code) == device


def test_who_leaves_and_comes_back_has_tried_as_many_codes(backend: Backend, device: str) -> None:
    company_id, _, _ = backend.company()
    user, code = backend.member(company_id, "operator"), label(backend, device)
    for number in range(10):
        assert user.session.rpc("claim_device", p_code=f"WRONG{number}") is None
    user.session.rpc("remove_member", p_user=user.user_id)
    other_id, _, _ = backend.company()
    backend.service.insert("users", {"user_id": user.user_id, "company_id": other_id, "role": "operator"})
    with refused("PT429", "too many wrong codes: try again in an hour"):
        user.session.rpc("claim_device", p_code=code)


def test_codes_tried_at_once_are_counted(native: Native) -> None:
    _, user, _ = native.company()

    def attempt(number: int) -> Any:
        try:
            return user.session.rpc("claim_device", p_code=f"WRONG{number}")
        except RefusedError as error:
            return error.sqlstate

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(attempt, range(16)))
    assert sorted(answers, key=str) == [None] * 10 + ["PT429"] * 6


def test_a_code_is_made_anew_only_if_that_is_meant(backend: Backend, device: str) -> None:
    _, user, _ = backend.company()
    older, other = label(backend, device), new_device()
    codes = [
        {"device_id": name, "code_sha256": hashlib.sha256(f"NEW{name}".encode()).hexdigest()}
        for name in (device, other)
    ]
    assert backend.service.rpc("set_device_codes", p_codes=codes) == [device]
    assert user.session.rpc("claim_device", p_code=f"NEW{other}") is None
    assert backend.service.rpc("set_device_codes", p_codes=codes, p_replace=True) == [device]
    assert user.session.rpc("claim_device", p_code=older) is None
    assert user.session.rpc("claim_device", p_code=f"NEW{other}") == other


def test_a_released_device_is_free_for_who_has_its_label(backend: Backend, device: str) -> None:
    (_, seller, _), (_, buyer, _) = backend.company(), backend.company()
    code = label(backend, device)
    seller.session.rpc("claim_device", p_code=code)
    site = add_site(backend, seller, "north")
    seller.session.rpc(
        "update_device",
        p_device=device,
        p_changes={"name": "door", "location": "here", "notes": "key is below the pot", "tags": ["a"],
                   "timezone": "Europe/Berlin", "site_id": site},
    )  # fmt: skip
    seller.session.rpc("set_schedule", p_device=device, p_captures_per_day=4)
    seller.session.rpc("release_device", p_device=device)
    assert seller.session.rows("devices", device_id=device) == []
    assert buyer.session.rpc("claim_device", p_code=code) == device
    row = buyer.session.row("devices", device_id=device)
    said = [row[name] for name in ("name", "location", "notes", "timezone", "site_id", "tags")]
    assert said == [None, None, None, None, None, []]
    assert buyer.session.rows("device_configs") == []
    # Neither learns from the log what the other has written.
    assert [entry for entry in log(buyer) if entry[0] == "devices"] == [("devices", "claim", buyer.email)]
    assert "pot" not in str(buyer.session.rows("audit_log"))
    assert log(seller)[-1] == ("devices", "release", seller.email)


def test_only_admins_release_and_only_their_own(backend: Backend) -> None:
    viewer, operator, admin, device = team(backend)
    for user in (viewer, operator):
        with refused("42501", "this needs the role admin in a company"):
            user.session.rpc("release_device", p_device=device)
    _, _, other = backend.company()
    for target in (other, "NOBODY", None):
        with refused("PT404", NO_DEVICE):
            admin.session.rpc("release_device", p_device=target)
    assert backend.service.row("devices", device_id=other)["company_id"] is not None


def add_site(backend: Backend, user: User, name: str) -> str:
    """Make a site of the user's company, as the user, and return its id."""
    user.session.insert("sites", {"name": name, "timezone": "Europe/Berlin"})
    return str(user.session.row("sites", name=name)["site_id"])


def test_operators_say_what_and_where_a_device_is(backend: Backend) -> None:
    viewer, operator, _, device = team(backend)
    site = add_site(backend, operator, "north")
    changes: Row = {
        "name": " door ", "location": "greenhouse 3", "timezone": "Europe/Berlin", "notes": "reset\nweekly",
        "tags": ["b", "a", "b"], "site_id": site,
    }  # fmt: skip
    operator.session.rpc("update_device", p_device=device, p_changes=changes)
    row = viewer.session.row("devices")
    assert {name: row[name] for name in changes} == changes | {"name": "door", "tags": ["a", "b"]}

    operator.session.rpc("update_device", p_device=device, p_changes={"notes": None, "tags": [], "name": ""})
    row = viewer.session.row("devices")
    assert (row["notes"], row["tags"], row["name"], row["location"]) == (None, [], None, "greenhouse 3")
    with refused("42501", NO_RIGHT):
        viewer.session.rpc("update_device", p_device=device, p_changes={"name": "x"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"company_id": str(uuid.uuid4())}, "this cannot be changed: company_id"),
        ({"name": "a", "next_wake_at": None, "battery_mv": 1}, "this cannot be changed: battery_mv, next_wake_at"),
        ([], "the changes are no object"),
        (None, "the changes are no object"),
        ({"name": "x" * 121}, "name is no text of at most 120 characters"),
        ({"name": 5}, "name is no text"),
        ({"location": "x" * 256}, "location is no text of at most 255 characters"),
        ({"notes": "x" * 4001}, "notes is no text of at most 4000 characters"),
        ({"timezone": "FOO5"}, "timezone is no name like Europe/Berlin"),
        ({"tags": "a"}, "tags are an array of at most 20 texts of 1 to 40 characters"),
        ({"tags": [5]}, "tags are an array"),
        ({"tags": ["a", " "]}, "tags are an array"),
        ({"tags": [str(n) for n in range(21)]}, "tags are an array"),
        ({"site_id": str(uuid.uuid4())}, "the company has no such site"),
        ({"site_id": "north"}, "the company has no such site"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_a_device_is_refused(backend: Backend, changes: object, reason: str) -> None:
    _, user, device = backend.company()
    before = backend.service.row("devices", device_id=device)
    with refused("22023", reason):
        user.session.rpc("update_device", p_device=device, p_changes=changes)
    assert backend.service.row("devices", device_id=device) == before


def test_a_device_and_a_site_of_others_are_out_of_reach(backend: Backend) -> None:
    (_, user, mine), (_, other, theirs) = backend.company(), backend.company()
    site = add_site(backend, other, "south")
    with refused("PT404", NO_DEVICE):
        user.session.rpc("update_device", p_device=theirs, p_changes={"name": "x"})
    with refused("22023", "the company has no such site"):
        user.session.rpc("update_device", p_device=mine, p_changes={"site_id": site})
    # Not even the service can give a device a site of another company.
    with pytest.raises(RefusedError, match="devices_site_fkey"):
        backend.service.update("devices", {"site_id": site}, device_id=mine)


def test_operators_make_sites_and_a_site_that_goes_leaves_its_devices(backend: Backend) -> None:
    viewer, operator, admin, device = team(backend)
    site = add_site(backend, operator, "north")
    operator.session.update("sites", {"name": "far north"}, site_id=site)
    assert [row["name"] for row in viewer.session.rows("sites")] == ["far north"]
    assert backend.refuses(partial(viewer.session.insert, "sites", {"name": "mine", "timezone": None}))
    viewer.session.update("sites", {"name": "gone"}, site_id=site)  # no policy lets it touch a row
    viewer.session.delete("sites", site_id=site)
    admin.session.rpc("update_device", p_device=device, p_changes={"site_id": site})
    assert viewer.session.row("sites")["name"] == "far north"
    operator.session.delete("sites", site_id=site)
    row = viewer.session.row("devices")
    assert (row["device_id"], row["site_id"]) == (device, None)


def test_a_company_has_a_thousand_sites_at_most(backend: Backend) -> None:
    company_id, user, _ = backend.company()
    backend.service.insert("sites", *[{"company_id": company_id, "name": f"site {n}"} for n in range(999)])
    add_site(backend, user, "the last one")
    with refused("22023", "the company has 1000 sites"):
        add_site(backend, user, "one more")


def test_operators_set_schedules_of_their_devices_and_company(backend: Backend) -> None:
    viewer, operator, _, device = team(backend)
    set_schedule = partial(operator.session.rpc, "set_schedule")
    set_schedule(p_device=device, p_times_of_day=("08:00", "13:30"), p_timezone="America/New_York")
    set_schedule(p_device=device, p_captures_per_day=4, p_wake_spread_s=0)
    set_schedule(p_device=None, p_captures_per_day=2)
    by_scope = {row["device_id"]: row for row in viewer.session.rows("device_configs")}
    assert set(by_scope) == {device, None}
    row = by_scope[device]
    assert (row["captures_per_day"], row["times_of_day"], row["timezone"], row["wake_spread_s"]) == (
        4, None, None, 0,
    )  # fmt: skip
    with refused("42501", NO_RIGHT):
        viewer.session.rpc("set_schedule", p_device=device, p_captures_per_day=1)
    set_schedule(p_device=device)
    set_schedule(p_device=None)
    assert viewer.session.rows("device_configs") == []


@pytest.mark.parametrize(
    "values",
    [
        {"p_captures_per_day": 0},
        {"p_captures_per_day": 2, "p_interval_minutes": 5},
        {"p_times_of_day": ("08:00",), "p_interval_minutes": 5},
        {"p_times_of_day": "{}"},
        {"p_times_of_day": "{NULL}"},
        {"p_times_of_day": "{{08:00,09:00},{10:00,11:00}}"},
        {"p_times_of_day": "{" + ",".join(["08:00"] * 289) + "}"},
        {"p_times_of_day": "{" + ",".join(["08:00"] * 100_000) + "}"},
        {"p_interval_minutes": -2_147_483_648},
        {"p_timezone": "+99999:00"},
        {"p_timezone": "x" * 10_000},
        {"p_wake_spread_s": 100_000},
        {"p_timezone": "Nowhere/Else"},
    ],
)
def test_what_is_no_schedule_is_refused(backend: Backend, values: Row) -> None:
    _, user, device = backend.company()
    for target in (device, None):
        with refused("22023", "a schedule has one of captures_per_day (1 to 288)"):
            user.session.rpc("set_schedule", p_device=target, **values)
    assert user.session.rows("device_configs") == []


def test_nobody_sets_the_schedule_of_others(backend: Backend) -> None:
    (_, user, _), (_, _, theirs) = backend.company(), backend.company()
    for target in (theirs, "NOBODY"):
        for values in ({"p_captures_per_day": 1}, {}):
            with refused("PT404", NO_DEVICE):
                user.session.rpc("set_schedule", p_device=target, **values)


def order(user: User, device: str, kind: str, payload: object = None) -> None:
    user.session.insert("device_commands", {"device_id": device, "type": kind, "payload": payload or {}})


def test_viewers_queue_no_command_and_operators_no_custom_one(backend: Backend) -> None:
    viewer, operator, admin, device = team(backend)
    assert backend.refuses(partial(order, viewer, device, "capture_image"))
    with refused("42501", "command: custom needs the role admin"):
        order(operator, device, "custom", {"led": "on"})
    assert viewer.session.rows("device_commands") == []
    order(operator, device, "capture_image")
    order(admin, device, "custom", {"led": "on"})
    assert len(viewer.session.rows("device_commands")) == 2


def test_a_user_lets_no_device_sleep_for_more_than_a_month(backend: Backend) -> None:
    _, user, device = backend.company()

    def wake(days: float) -> Row:
        return {"next_wake": (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")}

    with refused("22023", "command: payload.next_wake is more than 31 days ahead"):
        order(user, device, "next_wake", wake(31.1))
    order(user, device, "next_wake", wake(30.9))


def test_a_device_has_twenty_open_commands_at_most(backend: Backend) -> None:
    _, user, device = backend.company()
    row = {"device_id": device, "type": "capture_image"}
    with refused("22023", "command: the device has 20 open commands"):
        user.session.insert("device_commands", *[row] * 21)
    user.session.insert("device_commands", *[row] * 20)
    with refused("22023", "command: the device has 20 open commands"):
        user.session.insert("device_commands", row)
    user.session.rpc("cancel_command", p_command=user.session.rows("device_commands")[0]["command_id"])
    user.session.insert("device_commands", row)


def test_commands_queued_at_once_are_counted(native: Native) -> None:
    _, user, device = native.company()
    user.session.insert("device_commands", *[{"device_id": device, "type": "capture_image"}] * 15)

    def attempt(_: int) -> bool:
        try:
            order(user, device, "capture_image")
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(attempt, range(12))) == 5


def test_operators_cancel_what_is_open(backend: Backend) -> None:
    viewer, operator, _, device = team(backend)
    order(operator, device, "capture_image")
    command = operator.session.row("device_commands")["command_id"]
    with refused("42501", NO_RIGHT):
        viewer.session.rpc("cancel_command", p_command=command)
    operator.session.rpc("cancel_command", p_command=command)
    row = viewer.session.row("device_commands")
    assert (row["status"], row["reason"]) == ("cancelled", "cancelled before it was sent")
    assert row["finished_at"] is not None
    states = [entry["status"] for entry in viewer.session.rows("device_command_logs")]
    assert sorted(states) == ["cancelled", "queued"]
    hello = {"device_id": device, "status": "alive"}
    assert backend.service.rpc("record_hello", p_hello=hello)["commands"] == []
    with refused("PT404", "the company has no such open command"):
        operator.session.rpc("cancel_command", p_command=command)


def test_what_was_sent_is_cancelled_and_not_sent_again(backend: Backend) -> None:
    _, user, device = backend.company()
    order(user, device, "capture_image")
    hello = {"device_id": device, "status": "alive"}
    backend.service.rpc("record_hello", p_hello=hello)
    command = user.session.row("device_commands")["command_id"]
    user.session.rpc("cancel_command", p_command=command)
    assert user.session.row("device_commands")["reason"] == "cancelled after it was sent"
    # Nothing brings it back.
    for status in ("done", "queued"):
        finished = backend.service.rpc("finish_command", p={"command_id": command, "status": status})
        assert finished["status"] == "cancelled"


def test_nobody_cancels_a_command_of_others(backend: Backend) -> None:
    (_, user, _), (_, other, theirs) = backend.company(), backend.company()
    order(other, theirs, "capture_image")
    command = other.session.row("device_commands")["command_id"]
    for target in (command, str(uuid.uuid4()), None):
        with refused("PT404", "the company has no such open command"):
            user.session.rpc("cancel_command", p_command=target)
    assert other.session.row("device_commands")["status"] == "queued"


def test_the_audit_log_tells_admins_who_changed_what(backend: Backend) -> None:
    viewer, operator, admin, device = team(backend)
    site = add_site(backend, operator, "north")
    operator.session.rpc("update_device", p_device=device, p_changes={"name": "door", "site_id": site})
    operator.session.rpc("update_device", p_device=device, p_changes={"name": "door"})
    operator.session.rpc("set_schedule", p_device=device, p_captures_per_day=2)
    order(operator, device, "capture_image")
    operator.session.rpc("cancel_command", p_command=admin.session.row("device_commands")["command_id"])
    admin.session.rpc("set_member_role", p_user=viewer.user_id, p_role="operator")
    admin.session.rpc("invite_member", p_email="new@fleet.test", p_role="viewer")
    admin.session.rpc("remove_member", p_user=viewer.user_id)
    backend.service.rpc("record_hello", p_hello={"device_id": device, "battery_mv": 3700})

    assert log(admin)[-8:] == [
        ("sites", "insert", operator.email),
        ("devices", "update", operator.email),
        ("device_configs", "insert", operator.email),
        ("device_commands", "insert", operator.email),
        ("device_commands", "update", operator.email),
        ("users", "update", admin.email),
        ("invitations", "insert", admin.email),
        ("users", "delete", admin.email),
    ]
    # The first three are the members, whom the service has made.
    assert log(admin)[:-8] == [("users", "insert", None)] * 3
    entries = {(row["table_name"], row["action"]): row for row in admin.session.rows("audit_log")}
    assert entries["devices", "update"]["changes"] == {"name": [None, "door"], "site_id": [None, site]}
    assert entries["devices", "update"]["subject"] == device
    # Whatever it changes of a device names it, so that its history is found.
    of_device = [key for key, row in entries.items() if row["device_id"] == device]
    assert sorted(of_device) == [
        ("device_commands", "insert"),
        ("device_commands", "update"),
        ("device_configs", "insert"),
        ("devices", "update"),
    ]
    assert entries["users", "update"]["changes"] == {"role": ["viewer", "operator"]}
    assert entries["users", "delete"]["changes"] == {
        "role": ["operator", None],
        "email": [viewer.email, None],
    }
    assert "token" not in str(entries["invitations", "insert"])
    assert operator.session.rows("audit_log") == []


def test_an_entry_of_the_audit_log_is_small_whatever_is_written(backend: Backend) -> None:
    _, admin, device = backend.company()
    notes = "\U0001f33b" * 4000
    for text in (notes, notes[::-1] + "x", None):
        with suppress(RefusedError):
            admin.session.rpc("update_device", p_device=device, p_changes={"notes": text})
    order(admin, device, "custom", {"text": "x" * 4000})
    rows = admin.session.rows("audit_log", actor=admin.user_id)
    entries = [row["changes"] for row in sorted(rows, key=lambda row: row["audit_id"])]
    assert len(entries) == 3
    assert entries[0]["notes"] == [
        None,
        {"begins": notes[:100], "bytes": len(json.dumps(notes, ensure_ascii=False).encode())},
    ]
    assert all(len(json.dumps(changes, ensure_ascii=False).encode()) < 2000 for changes in entries)


def test_nobody_fills_the_audit_log(backend: Backend) -> None:
    """A day's changes of one account are bounded, also those of one statement; a colleague goes on."""
    company_id, admin, device = backend.company()
    colleague = backend.member(company_id, "operator")

    def made(user: User, entries: int, days: int, then: str) -> list[list[Any]]:
        return backend.trial(
            "insert into public.audit_log (company_id, actor, action, table_name, subject, at)"
            f" select '{company_id}', '{admin.user_id}', 'x', 'x', 'x', now() - interval '{days} days 1 minute'"
            f" from generate_series(1, {entries});"
            f" set local role authenticated; set local request.jwt.claim.sub = '{user.user_id}';"
            f" do $$ begin {then} exception when sqlstate 'PT429' then"
            " perform set_config('a.refused', sqlerrm, true); end $$;",
            "select coalesce(current_setting('a.refused', true), '') as refused, (select count(*) from public.sites) as sites",
        )

    rename = f"perform public.update_device('{device}', '{{\"name\": \"x\"}}');"
    sites = "insert into public.sites (name) select n from generate_series(1, 3) as n;"
    full = "too many changes in a day: try again tomorrow"
    assert made(admin, 20_000, 0, rename) == [[full, 0]]
    assert made(admin, 19_999, 0, rename) == [["", 0]]
    assert made(admin, 20_000, 1, rename) == [["", 0]]
    assert made(colleague, 20_000, 0, rename) == [["", 0]]
    assert made(admin, 19_998, 0, sites) == [[full, 0]]
    assert made(admin, 19_997, 0, sites) == [["", 3]]


def test_the_audit_log_cannot_be_changed(backend: Backend) -> None:
    company_id, admin, _ = backend.company()
    before = admin.session.rows("audit_log")
    entry = {"company_id": company_id, "action": "x", "table_name": "x", "subject": "x"}
    assert before
    assert backend.refuses(partial(admin.session.insert, "audit_log", entry))
    for change in (
        partial(admin.session.update, "audit_log", {"action": "x"}, company_id=company_id),
        partial(admin.session.delete, "audit_log", company_id=company_id),
    ):
        if backend.keeps_grants:
            assert backend.refuses(change)
        else:
            change()  # no policy lets it touch a row
    assert admin.session.rows("audit_log") == before


def test_the_schedule_of_all_is_shown_to_members_alone(backend: Backend) -> None:
    _, member, _ = backend.company()
    stranger, unassigned = backend.sign_up(), backend.sign_up()
    backend.service.insert("users", {"user_id": unassigned.user_id, "company_id": None})
    seen = {}
    for user in (member, stranger, unassigned):
        [[seen[user.user_id]]] = backend.trial(
            "delete from public.device_configs where device_id is null and company_id is null;"
            " insert into public.device_configs (captures_per_day) values (7);"
            f" set local role authenticated; set local request.jwt.claim.sub = '{user.user_id}';",
            "select count(*) as seen from public.device_configs where captures_per_day = 7",
        )
    assert seen == {member.user_id: 1, stranger.user_id: 0, unassigned.user_id: 0}
