"""Everybody tries everything: two companies with three roles each, a stranger, and nobody, on all that the catalog has.

Whoever adds a table, a view, or a function that users may call, says in RELATIONS or CALLS who may do what with it. What
stands in the catalog and not there fails the first test.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sql_backends import INSUFFICIENT_PRIVILEGE, Backend, Native, RefusedError, Row, Session, User, new_device
from sql_postgres import SqlError
from test_sql_isolation import fill

ROLES = ("viewer", "operator", "admin")


@dataclass(frozen=True)
class Company:
    """A company with a member of each role, a device with rows in every table, and a site."""

    company_id: str
    members: dict[str, User]
    device: str
    site: str


@dataclass(frozen=True)
class Actor:
    """Somebody who tries: a member of `company` with a role, or, without one, a stranger or nobody."""

    name: str
    session: Session
    company: Company | None = None
    role: str | None = None

    def may(self, least: str | None, company: Company) -> bool:
        """Whether a right that begins with the role `least`, None if nobody has it, is the actor's there."""
        if least is None or self.role is None or self.company is not company:
            return False
        return ROLES.index(self.role) >= ROLES.index(least)


@dataclass(frozen=True)
class Relation:
    """A table or view: whose a row is, which roles may read and write it, and a row and a change to try."""

    row: Callable[[Company], Row]
    change: Row
    read: str | None = "viewer"
    write: dict[str, str] = field(default_factory=dict)
    mine: Callable[[Company], dict[str, str]] = lambda company: {"company_id": company.company_id}


def of_device(**values: object) -> Callable[[Company], Row]:
    """Make rows of a company's device."""
    return lambda company: {"device_id": company.device, **values}


# What a row of company_days cannot be without.
COUNTED = (
    "devices", "silent", "stored", "partial", "failed_device", "failed_transfer", "failed_service", "bytes", "nacks", "hellos",
    "temperature_readings", "humidity_readings", "pressure_readings", "gas_readings",
)  # fmt: skip
TAKEN = {"company_id": "99999999-9999-4999-8999-999999999999"}
RELATIONS = {
    "alert_channels": Relation(
        lambda c: {"company_id": c.company_id, "name": "x", "kind": "webhook", "target": "x", "event_types": ()},
        {"enabled": False},
    ),
    "alert_rules": Relation(
        lambda c: {"company_id": c.company_id, "kind": "battery_low", "lower": 30}, {"enabled": False}
    ),
    "alerts": Relation(
        lambda c: {"company_id": c.company_id, "device_id": c.device, "kind": "channel", "subject": "x",
                   "severity": "warning", "message": "x"},
        {"message": "mine"},
    ),
    "audit_log": Relation(
        lambda c: {"company_id": c.company_id, "action": "x", "table_name": "x", "subject": "x"},
        {"action": "nothing"}, read="admin",
    ),
    "capture_days": Relation(
        lambda c: {"device_id": c.device, "day": "2026-01-01", "company_id": c.company_id, "timezone": "UTC",
                   "refreshed_at": "2026-01-02T00:00:00Z"},
        TAKEN,
    ),
    "capture_months": Relation(of_device(month="2026-01-01"), TAKEN),
    "capture_weeks": Relation(of_device(week="2026-01-01"), TAKEN),
    "captures": Relation(of_device(device_capture_id="a", captured_at="2025-10-04T12:34:56Z"), TAKEN),
    "company_days": Relation(
        lambda c: {"company_id": c.company_id, "day": "2026-02-02", "refreshed_at": "2026-02-03T00:00:00Z",
                   **dict.fromkeys(COUNTED, 1)},
        TAKEN,
    ),
    "companies": Relation(lambda _: {"name": "mine"}, {"name": "mine"}),
    "device_command_logs": Relation(of_device(command_id=str(uuid.uuid4()), status="done"), TAKEN),
    "device_commands": Relation(
        of_device(type="capture_image"), {"status": "done"}, write={"insert": "operator"}
    ),
    "device_conformance": Relation(
        lambda c: {"device_id": c.device, "company_id": c.company_id, "hellos": 1, "pictures": 0, "deviations": []},
        TAKEN,
    ),
    "device_configs": Relation(
        of_device(captures_per_day=24), {"captures_per_day": 24}, mine=lambda c: {"device_id": c.device}
    ),
    "device_errors": Relation(of_device(error_code=1), TAKEN),
    "device_health": Relation(of_device(), TAKEN),
    "device_publish_log": Relation(of_device(direction="in"), TAKEN),
    "device_states": Relation(of_device(), TAKEN),
    "device_status": Relation(of_device(), TAKEN),
    "devices": Relation(lambda c: {"device_id": new_device(), "company_id": c.company_id}, {"name": "mine"}),
    "invitations": Relation(
        lambda c: {"company_id": c.company_id, "email": "x@fleet.test", "role": "admin",
                   "token_sha256": hashlib.sha256(b"x").hexdigest()},
        {"role": "admin"}, read="admin", write={"delete": "admin"},
    ),
    "keep_policies": Relation(lambda c: {"company_id": c.company_id, "max_age_days": 9}, {"max_age_days": 5}),
    "maintenance_windows": Relation(
        lambda c: {"company_id": c.company_id, "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z",
                   "reason": "x"},
        {"reason": "mine"},
    ),
    "schema_version": Relation(lambda _: {"version": 1}, {"version": 1}, read=None, mine=lambda _: {}),
    "sensor_readings": Relation(of_device(temperature_c=1), TAKEN),
    "site_days": Relation(lambda c: {"company_id": c.company_id, "day": "2026-01-01"}, TAKEN),
    # The company is not said: it is the caller's.
    "sites": Relation(
        lambda _: {"name": uuid.uuid4().hex}, {"timezone": "Asia/Tokyo"},
        write=dict.fromkeys(("insert", "update", "delete"), "operator"),
    ),
    "timelapses": Relation(
        lambda c: {"company_id": c.company_id, "device_id": c.device, "since": "2026-01-01T00:00:00Z",
                   "until": "2026-01-02T00:00:00Z", "format": "mp4", "fps": 24, "width": 640, "deflicker": True,
                   "burn_date": False, "burn_readings": False, "timezone": "UTC", "state": "failed"},
        {"state": "queued"},
    ),
    "users": Relation(
        lambda c: {"user_id": str(uuid.uuid4()), "company_id": c.company_id, "role": "admin"}, {"role": "admin"}
    ),
}  # fmt: skip
PRIVATE = {
    "alert_clock", "channel_targets", "claim_attempts", "day_clocks", "deliveries", "device_codes", "events",
    "counted_since", "device_bytes", "former_configs", "former_devices", "keep_rounds", "object_removals",
    "picture_quarters", "picture_streaks", "reconciliations", "schema_migrations", "smaller_rounds", "storage_bucket",
    "stored_bytes", "touched_company_days", "touched_hours", "touched_quarters",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A function that users may call: from which role on, and the arguments for something new of a company."""

    least: str | None
    arguments: Callable[[Backend, Company], Row]


def a_device(backend: Backend, company: Company) -> Row:
    device = new_device()
    backend.service.insert("devices", {"device_id": device, "company_id": company.company_id})
    return {"p_device": device}


def a_member(backend: Backend, company: Company) -> Row:
    return {"p_user": backend.member(company.company_id, "viewer").user_id}


def a_command(backend: Backend, company: Company) -> Row:
    device = a_device(backend, company)["p_device"]
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    return {"p_command": backend.service.row("device_commands", device_id=device)["command_id"]}


def an_alert(backend: Backend, company: Company) -> Row:
    device = a_device(backend, company)["p_device"]
    alert = RELATIONS["alerts"].row(company) | {"device_id": device}
    backend.service.insert("alerts", alert)
    return {"p_alert": backend.service.row("alerts", device_id=device)["alert_id"]}


def soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def a_window(backend: Backend, company: Company) -> Row:
    window = str(uuid.uuid4())
    values = RELATIONS["maintenance_windows"].row(company)
    backend.service.insert(
        "maintenance_windows",
        values
        | {"window_id": window, "starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-02T00:00:00Z"},
    )
    return {"p_window": window}


def a_picture(backend: Backend, company: Company) -> Row:
    capture, device = str(uuid.uuid4()), a_device(backend, company)["p_device"]
    row = {"capture_id": capture, "device_id": device, "device_capture_id": "x.jpg", "captured_at": soon()}
    backend.service.insert("captures", row)
    return {"p_captures": (capture,)}


def a_film(backend: Backend, company: Company) -> Row:
    film = str(uuid.uuid4())
    backend.service.insert("timelapses", RELATIONS["timelapses"].row(company) | {"timelapse_id": film})
    return {"p_timelapse": film}


def what_makes_a_film(backend: Backend, company: Company) -> Row:
    # A company has five under way at most.
    backend.service.delete("timelapses", company_id=company.company_id, state="queued")
    return {"p_device": company.device, "p_from": "2025-10-01T00:00:00Z", "p_to": "2025-11-01T00:00:00Z"}


def a_policy(backend: Backend, company: Company) -> Row:
    return {"p_policy": {"device_id": a_device(backend, company)["p_device"], "max_age_days": 9}}


def a_code(backend: Backend, company: Company) -> Row:
    device, code = a_device(backend, company)["p_device"], uuid.uuid4().hex.upper()
    backend.service.rpc("set_device_codes", p_codes=[
        {"device_id": device, "code_sha256": hashlib.sha256(code.encode()).hexdigest()}])  # fmt: skip
    return {"p_code": code}


def a_token(backend: Backend, company: Company) -> Row:
    someone = {"p_email": f"{uuid.uuid4().hex}@fleet.test", "p_role": "viewer"}
    return {"p_token": backend.service.rpc("invite_to_company", p_company=company.company_id, **someone)}


def a_channel(backend: Backend, company: Company) -> Row:
    # A company has 20 at most.
    backend.service.delete("alert_channels", company_id=company.company_id, name="try")
    made = company.members["admin"].session.rpc(
        "create_channel", p_name="try", p_kind="webhook", p_target="https://example.com/hook"
    )
    return {"p_channel": made["channel_id"]}


CALLS = {
    # The token is for another e-mail address.
    "public.accept_invitation": Call(None, a_token),
    "public.cancel_command": Call("operator", a_command),
    "public.cancel_timelapse": Call("operator", a_film),
    "public.delete_timelapse": Call("operator", a_film),
    "public.request_timelapse": Call("operator", what_makes_a_film),
    "public.acknowledge_alert": Call("operator", an_alert),
    # Of the own company, it is claimed already, which changes nothing.
    "public.channel_deliveries": Call("viewer", a_channel),
    "public.claim_device": Call("operator", a_code),
    "public.delete_captures": Call("admin", a_picture),
    "public.end_maintenance": Call("operator", a_window),
    "public.delete_channel": Call("admin", a_channel),
    "public.pin_captures": Call("operator", a_picture),
    "public.preview_keep_policy": Call("viewer", a_policy),
    "public.release_device": Call("admin", a_device),
    "public.remove_member": Call("admin", a_member),
    "public.set_alert_rule": Call(
        "operator", lambda b, c: a_device(b, c) | {"p_kind": "offline", "p_upper": 12}
    ),
    "public.replay_events": Call("admin", lambda b, c: a_channel(b, c) | {"p_since": "2026-01-01T00:00:00Z"}),
    "public.rotate_channel_secret": Call("admin", a_channel),
    "public.set_keep_policy": Call("admin", a_policy),
    "public.set_member_role": Call("admin", lambda b, c: a_member(b, c) | {"p_role": "admin"}),
    "public.set_schedule": Call("operator", lambda b, c: a_device(b, c) | {"p_captures_per_day": 24}),
    "public.snooze_alert": Call(
        "operator", lambda b, c: an_alert(b, c) | {"p_until": soon(), "p_reason": "x"}
    ),
    "public.start_maintenance": Call(
        "operator", lambda b, c: a_device(b, c) | {"p_until": soon(), "p_reason": "x"}
    ),
    "public.test_channel": Call("admin", a_channel),
    "public.update_channel": Call("admin", lambda b, c: a_channel(b, c) | {"p_changes": {"enabled": False}}),
    "public.update_device": Call("operator", lambda b, c: a_device(b, c) | {"p_changes": {"name": "x"}}),
    "public.update_devices": Call(
        "operator", lambda _, c: {"p_devices": (c.device,), "p_changes": {"name": "x"}}
    ),
}
# They have the rights of who calls them.
READERS = {
    "public.capture_story",
    "public.console_alert_settings",
    "public.console_alerts",
    "public.console_pins",
    "public.console_timelapses",
    "public.console_device",
    "public.console_device_checks",
    "public.console_device_history",
    "public.console_wakes",
    "public.link_advice",
    # test_sql_gallery.py has these four.
    "public.console_arrivals",
    "public.console_gallery",
    "public.console_picture",
    "public.console_pictures",
    "public.sensor_trend",
    # test_sql_trends.py and test_sql_report.py have these.
    "public.console_report",
    "public.console_trend_sensor",
    "public.console_trends",
}
# They act in the caller's company, whatever they are told.
OF_THE_CALLER = {
    "public.console_devices", "public.console_keeping", "public.console_overview",
    "public.console_report_gaps", "public.create_channel", "public.device_gaps", "public.invite_member", "public.storage_usage",
}  # fmt: skip
# They change nothing, and the schema is not served; `test_what_policies_ask` has them.
HELPERS = {"fleet_private.bucket", "fleet_private.company_of_user", "fleet_private.is_timezone", "fleet_private.user_may"} | {
    f"fleet_private.{name}"
    for name in ("alert_defaults", "as_integer", "event_types", "as_time", "seconds_text", "sentence", "story_events", "story_gaps", "story_loss",
                 "story_sentences", "story_time", "story_timeline", "times_text", "zone_of", "gallery_condition",
                 "gallery_filter", "gallery_picture", "pictures_by_quarter",
                 "asked_again", "is_asked_again")
}  # fmt: skip
# What the trends and the report are made of.
HELPERS |= {f"fleet_private.{name}" for name in ("check_days", "devices_asked", "errors_by_hour", "most_device_days",
                                                 "report_devices", "storage_by_day")}  # fmt: skip
# What leads a device through its wakes.
HELPERS |= {f"fleet_private.{name}" for name in ("wake_grace", "wake_offset", "wake_times", "wakes_within")}


@pytest.fixture(scope="session")
def companies(backend: Backend) -> tuple[Company, Company]:
    """Both companies, with a row in every table."""

    def make() -> Company:
        company_id, admin, device = backend.company()
        members = {role: backend.member(company_id, role) for role in ("viewer", "operator")}
        fill(backend, device)
        backend.service.insert("sites", {"company_id": company_id, "name": "north"})
        site = backend.service.row("sites", company_id=company_id)["site_id"]
        backend.service.update("devices", {"site_id": site}, device_id=device)
        measured = {"device_id": device, "temperature_c": 20, "measured_at": "2026-01-01T12:00:00Z"}
        backend.service.insert("sensor_readings", measured)
        company = Company(company_id, {**members, "admin": admin}, device, site)
        a_token(backend, company)
        for name in (
            "alert_channels",
            "alert_rules",
            "alerts",
            "capture_days",
            "company_days",
            "device_conformance",
            "keep_policies",
            "maintenance_windows",
            "timelapses",
        ):
            backend.service.insert(name, RELATIONS[name].row(company))
        return company

    return make(), make()


@pytest.fixture(scope="session")
def actors(backend: Backend, companies: tuple[Company, Company]) -> list[Actor]:
    """Everybody who tries."""
    members = [
        Actor(f"{role} {number}", user.session, company, role)
        for number, company in enumerate(companies)
        for role, user in company.members.items()
    ]
    return [*members, Actor("stranger", backend.sign_up().session), Actor("anon", backend.anonymous)]


def test_the_walk_knows_all_there_is(backend: Backend) -> None:
    relations = backend.catalog(
        "select relnamespace::regnamespace::text as of_schema, relname from pg_class"
        " where relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)"
        # Nobody has a right on a partition: test_sql_partitions.py.
        " and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition"
    )
    assert {name for schema, name in relations if schema == "public"} == set(RELATIONS)
    assert {name for schema, name in relations if schema == "fleet_private"} == PRIVATE
    functions = backend.catalog("select unnest(fleet_private.functions_for_users()) as name")
    assert {name for (name,) in functions} == {*CALLS, *READERS, *OF_THE_CALLER, *HELPERS}
    policies = backend.catalog("select policyname from pg_policies where schemaname = 'storage'")
    assert policies == [["gxp_captures_read_company"]]


def test_every_table_has_rows_to_try_on(backend: Backend, companies: tuple[Company, Company]) -> None:
    for name, relation in RELATIONS.items():
        for company in companies:
            assert backend.service.rows(name, **relation.mine(company)), name


def in_order(rows: list[Row]) -> list[str]:
    return sorted(map(str, rows))


@pytest.mark.parametrize("name", RELATIONS)
def test_everybody_reads_what_the_role_may_and_nothing_else(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor], name: str
) -> None:
    relation = RELATIONS[name]
    for actor in actors:
        if actor.company is None or relation.read is None:
            try:
                assert actor.session.rows(name) == [], actor.name
            except RefusedError as refused:
                assert refused.sqlstate == INSUFFICIENT_PRIVILEGE
            continue
        own = backend.service.rows(name, **relation.mine(actor.company))
        expected = own if actor.may(relation.read, actor.company) else []
        assert in_order(actor.session.rows(name)) == in_order(expected), actor.name


def attempts(session: Session, name: str, relation: Relation, company: Company) -> Iterator[tuple[str, Any]]:
    """Yield the writes to try on the rows of a company."""
    mine = relation.mine(company) or {"singleton": "true"}
    yield "insert", lambda: session.insert(name, relation.row(company))
    yield "update", lambda: session.update(name, relation.change, **mine)
    yield "delete", lambda: session.delete(name, **mine)


@pytest.mark.parametrize("name", RELATIONS)
def test_everybody_writes_what_the_role_may_and_nothing_else(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor], name: str
) -> None:
    relation = RELATIONS[name]

    def rows() -> list[list[Row]]:
        return [backend.service.rows(name, **relation.mine(company)) for company in companies]

    for actor in actors:
        for number, company in enumerate(companies):
            for what, attempt in attempts(actor.session, name, relation, company):
                before = rows()
                if actor.may(relation.write.get(what), company):
                    attempt()
                    after = rows()
                    if what == "update":
                        assert all(relation.change.items() <= row.items() for row in after[number])
                    else:
                        assert len(after[number]) != len(before[number]), (actor.name, what)
                    assert after[1 - number] == before[1 - number], (actor.name, what)
                    if what == "delete":
                        assert after[number] == []
                        backend.service.insert(name, *before[number])
                elif name == "sites" and what == "insert" and actor.may("operator", actor.company or company):
                    # It becomes a site of the own company, since nothing says another.
                    theirs = {"company_id": company.company_id, **relation.row(company)}
                    assert backend.refuses(partial(actor.session.insert, name, theirs)), actor.name
                else:
                    with suppress(RefusedError):
                        attempt()
                    assert list(map(in_order, rows())) == list(map(in_order, before)), (actor.name, what)


def test_nobody_calls_what_is_not_of_the_list(native: Native, companies_of_native: Company) -> None:
    """With every argument null: whether a function may be called is asked before its arguments are looked at."""
    functions = native.catalog(
        "select p.oid::regprocedure::text as signature, format('%s.%s(%s)', p.pronamespace::regnamespace, quote_ident(p.proname),"
        " (select coalesce(string_agg(format('%s null::%s', case when p.provariadic <> 0 and n = p.pronargs then 'variadic' end,"
        " format_type(t, null)), ', ' order by n), '')"
        " from unnest(p.proargtypes) with ordinality as a (t, n))) as call,"
        " format('%s.%s', p.pronamespace::regnamespace, p.proname) = any (fleet_private.functions_for_users()) as listed"
        " from pg_proc p where p.pronamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)"
    )
    assert len(functions) > 50
    admin = companies_of_native.members["admin"].session
    for session, open_ones in ((admin, True), (native.anonymous, False)):
        for signature, call, listed in functions:
            if listed and open_ones:
                continue
            with pytest.raises(SqlError) as refused:
                native.database.run(f"begin; {session.begin} select {call}; rollback;")  # type: ignore[attr-defined]
            assert refused.value.sqlstate == INSUFFICIENT_PRIVILEGE, signature


@pytest.fixture
def companies_of_native(native: Native) -> Company:
    company_id, admin, device = native.company()
    return Company(company_id, {"admin": admin}, device, "")


def test_the_data_api_serves_no_function_that_is_not_of_the_list(
    backend: Backend, actors: list[Actor]
) -> None:
    functions = backend.catalog(
        "select p.proname, coalesce(p.proargnames[1:p.pronargs]::text[], '{}')::text as arguments from pg_proc p"
        " where p.pronamespace = 'public'::regnamespace"
        " and format('public.%s', p.proname) <> all (fleet_private.functions_for_users())"
    )
    assert len(functions) > 10
    for actor in (actors[2], actors[-2], actors[-1]):
        for name, arguments in functions:
            given = dict.fromkeys(filter(None, arguments.strip("{}").split(",")))
            with pytest.raises(RefusedError) as refused:
                actor.session.rpc(name, **given)
            assert refused.value.sqlstate == INSUFFICIENT_PRIVILEGE, (actor.name, name)


@pytest.mark.parametrize("name", CALLS)
def test_everybody_calls_what_the_role_may_on_the_own_company_alone(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor], name: str
) -> None:
    call = CALLS[name]
    for actor in actors:
        for company in companies:
            arguments = call.arguments(backend, company)
            try:
                answer = actor.session.rpc(name.removeprefix("public."), **arguments)
            except RefusedError as refused:
                assert not actor.may(call.least, company), (actor.name, str(refused))
                # Whose it is, nobody learns: it is not there for others.
                may_ask = call.least and actor.company and actor.may(call.least, actor.company)
                assert refused.sqlstate == ("PT404" if may_ask else INSUFFICIENT_PRIVILEGE), actor.name
            else:
                # A code that fits nothing is counted, so it is answered.
                assert actor.may(call.least, company) or (name, answer) == ("public.claim_device", None), (
                    actor.name
                )


def test_a_trend_is_of_the_own_readings_alone(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor]
) -> None:
    for actor in actors:
        for company in companies:
            asked = {
                "p_device": company.device,
                "p_sensor": "temperature_c",
                "p_from": "2026-01-01T00:00:00Z",
            }
            try:
                trend = actor.session.rpc("sensor_trend", **asked)
            except RefusedError as refused:
                assert (actor.name, refused.sqlstate) == ("anon", INSUFFICIENT_PRIVILEGE)
            else:
                assert bool(trend) is actor.may("viewer", company), actor.name


def test_a_story_is_of_the_own_captures_alone(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor]
) -> None:
    captures = {c.company_id: backend.service.rows("captures", device_id=c.device)[0] for c in companies}
    for actor in actors:
        for company in companies:
            try:
                told = actor.session.rpc(
                    "capture_story", p_capture=captures[company.company_id]["capture_id"]
                )
            except RefusedError as refused:
                assert (actor.name, refused.sqlstate) == ("anon", INSUFFICIENT_PRIVILEGE)
            else:
                assert bool(told) is actor.may("viewer", company), actor.name


def test_advice_is_on_the_own_devices_alone(companies: tuple[Company, Company], actors: list[Actor]) -> None:
    for actor in actors:
        for company in companies:
            try:
                told = actor.session.rpc("link_advice", p_device=company.device)
            except RefusedError as refused:
                assert (actor.name, refused.sqlstate) == ("anon", INSUFFICIENT_PRIVILEGE)
            else:
                assert bool(told) is actor.may("viewer", company), actor.name


def test_what_acts_in_the_own_company_acts_in_no_other(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor]
) -> None:
    for actor in actors:
        email = f"{uuid.uuid4().hex}@fleet.test"
        with suppress(RefusedError):
            actor.session.rpc("invite_member", p_email=email, p_role="admin")
        made = backend.service.rows("invitations", email=email)
        expected = [actor.company.company_id] if actor.role == "admin" and actor.company else []
        assert [row["company_id"] for row in made] == expected, actor.name


def test_a_channel_is_made_in_the_own_company(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor]
) -> None:
    for actor in actors:
        name = uuid.uuid4().hex
        with suppress(RefusedError):
            actor.session.rpc(
                "create_channel", p_name=name, p_kind="webhook", p_target="https://example.com/x"
            )
        made = backend.service.rows("alert_channels", name=name)
        expected = [actor.company.company_id] if actor.role == "admin" and actor.company else []
        assert [row["company_id"] for row in made] == expected, actor.name


def test_what_policies_ask(native: Native) -> None:
    company_id, _, _ = native.company()
    for user, company, roles in (
        *((native.member(company_id, role), company_id, ROLES[: ROLES.index(role) + 1]) for role in ROLES),
        (native.sign_up(), None, ()),
    ):
        begin = user.session.begin  # type: ignore[attr-defined]
        assert native.database.value("fleet_private.company_of_user()", before=begin) == company
        may = [r for r in ROLES if native.database.value(f"fleet_private.user_may('{r}')", before=begin)]
        assert may == list(roles)
        assert native.database.value("fleet_private.user_may('owner')", before=begin) is False


def test_everybody_gets_the_pictures_of_the_own_company_alone(
    backend: Backend, companies: tuple[Company, Company], actors: list[Actor]
) -> None:
    for company in companies:
        path = f"{company.device}/2025/10/04/image_1.jpg"
        for folder in ("captures", "thumbnails", "quarantine"):
            name = f"{folder}/{path}"
            for actor in actors:
                told = (actor.name, name)
                may = folder != "quarantine" and actor.may("viewer", company)
                assert backend.can_read_object(actor.session, name) is may, told
                assert backend.can_sign_object(actor.session, name) is may, told
                assert backend.lists_object(actor.session, name) is may, told
                assert not backend.can_write_object(actor.session, name.replace("image_1", "new")), told
                backend.try_to_remove_object(actor.session, name)
                assert backend.can_read_object(backend.service, name), told
