"""A fleet of one's own for a test of the alerts, in simulated time: what happens is written down as SQL, then run at once.

The evaluation is of all devices there are, so a story begins by emptying the tables, and what it has done is undone.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sql_backends import Backend, Row
from sql_postgres import literal

COMPANY, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
SITE = "33333333-3333-4333-8333-333333333333"
CHANNEL = "44444444-4444-4444-8444-444444444444"
USER = "55555555-5555-4555-8555-555555555555"
# An ordinary Tuesday; simulated time is before the present, since hellos and pictures are written in the present.
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BEGIN = f"""
set client_min_messages = warning;
truncate public.devices, public.companies, public.captures, public.sensor_readings, public.device_status,
  public.device_configs, public.alerts, fleet_private.stored_bytes, fleet_private.events, fleet_private.touched_hours cascade;
update fleet_private.alert_clock
   set evaluated_at = null, silent_since = null, heard_again_at = null, ill_since = null, well_since = null;
insert into auth.users (id, email) values ('{USER}', 'operator@fleet.test');
insert into public.companies (company_id, name) values ('{COMPANY}', 'Greenhouse Ltd'), ('{OTHER}', 'Orchard Ltd');
insert into public.users (user_id, company_id, role) values ('{USER}', '{COMPANY}', 'operator');
insert into public.sites (site_id, company_id, name) values ('{SITE}', '{COMPANY}', 'north');
insert into public.alert_channels (channel_id, company_id, name, kind, target, event_types)
values ('{CHANNEL}', '{COMPANY}', 'x', 'webhook', 'x',
        '{{alert.opened,alert.repeated,alert.acknowledged,alert.resolved}}');
create temp table seen (number serial, name text, what jsonb);
grant insert on seen to service_role, authenticated;
grant usage on sequence seen_number_seq to service_role, authenticated;
"""


def at(hours: float = 0, **more: float) -> datetime:
    """Give the moment so many hours after noon."""
    return NOON + timedelta(hours=hours, **more)


class Story:
    """What happens, in order. `run` gives what each evaluation and each question has answered."""

    def __init__(self) -> None:
        self._lines = [BEGIN]

    def sql(self, text: str) -> None:
        """Run a statement as the owner."""
        self._lines.append(f"{text};")

    def device(self, device_id: str, /, *, company: str | None = COMPANY, **values: object) -> None:
        """Make a device."""
        self._insert("devices", {"device_id": device_id, "company_id": company} | values)

    def heard(self, when: datetime, *names: str, wake: datetime | None = None, **values: object) -> None:
        """Let devices be heard, and be told when to wake."""
        changes = {"last_seen_at": when.isoformat(), "next_wake_at": wake and wake.isoformat()} | values
        said = ", ".join(f"{name} = {literal(value)}" for name, value in changes.items())
        listed = ", ".join(map(literal, names))
        self.sql(f"update public.devices set {said} where device_id in ({listed})")

    def hello(self, when: datetime, name: str, **values: object) -> None:
        """Record a hello."""
        said = {"device_id": name, "received_at": when.isoformat(), "at": when.isoformat()} | values
        self._as("service_role", f"public.record_hello({literal(said)})")
        self.sql("update public.device_status set created_at = received_at where created_at > received_at")

    def picture(self, when: datetime, name: str, **values: object) -> None:
        """Record a picture."""
        key = f"{name}-{when.isoformat()}"
        said = {
            "device_id": name, "image_name": f"{key}.jpg", "captured_at": when.isoformat(), "arrived_at": when.isoformat(),
            "at": when.isoformat(), "ingest_status": "stored", "storage_path": f"captures/{key}", "image_bytes": 1000,
        }  # fmt: skip
        self._as("service_role", f"public.record_capture({literal(said | values)})")

    def failed(self, when: datetime, name: str) -> None:
        """Record a picture that failed."""
        error = {"code": 2201, "message": "assembly timeout"}
        self.picture(when, name, ingest_status="failed", storage_path=None, error=error)

    def days(self, when: datetime) -> None:
        """Count the days."""
        counted = f"public.refresh_capture_days(1000, {literal(when.isoformat())})"
        self._as("service_role", f"{counted} from generate_series(1, 20)")

    def rule(self, kind: str, **values: object) -> None:
        """Set a rule, as an operator does."""
        self.call("set_alert_rule", p_kind=kind, **{f"p_{name}": value for name, value in values.items()})

    def call(self, function: str, **arguments: object) -> None:
        """Call a function as an operator; what begins with `(` is SQL."""
        given = ", ".join(
            f"{name} => {value if isinstance(value, str) and value.startswith('(') else literal(value)}"
            for name, value in arguments.items()
        )
        self.as_operator(f"public.{function}({given})")

    def as_operator(self, call: str) -> None:
        """Call a function as an operator."""
        self.sql(f"set request.jwt.claim.sub = '{USER}'")
        self._as("authenticated", call)

    def evaluate(self, when: datetime, name: str = "", **service: object) -> None:
        """Evaluate; the answer has the counts. Unless silence_minutes is given, silence is not looked for."""
        said = {"silence_minutes": 100_000} | service
        self._lines += [
            "set role service_role;",
            f"insert into seen (name, what) select {literal(name)},"
            f" public.evaluate_alerts({literal(said)}, {literal(when.isoformat())});",
            "reset role;",
        ]

    def ask(self, name: str, query: str) -> None:
        """Ask a question; the answer is a list of rows."""
        self.sql(
            f"insert into seen (name, what)"
            f" select {literal(name)}, coalesce((select jsonb_agg(to_jsonb(q)) from ({query}) as q), '[]')"
        )

    def ask_as(self, user: str, name: str, query: str) -> None:
        """Ask a question as a user."""
        self.sql(f"set request.jwt.claim.sub = '{user}'")
        self.sql("set role authenticated")
        self.ask(name, query)
        self.sql("reset role")

    def run(self, backend: Backend) -> dict[str, Any]:
        """Run everything and give the answers by name, the last of a name counts."""
        rows = backend.trial("\n".join(self._lines), "select name, what from seen order by number")
        return {name: json.loads(what) if isinstance(what, str) else what for name, what in rows}

    def _insert(self, table: str, row: Row) -> None:
        values = ", ".join(map(literal, row.values()))
        self.sql(f"insert into public.{table} ({', '.join(row)}) values ({values})")

    def _as(self, role: str, call: str) -> None:
        self._lines += [f"set role {role};", f"do $do$ begin perform {call}; end $do$;", "reset role;"]


ALERTS = (
    "select device_id, kind, subject, severity, message, details, resolved_at is null as open,"
    " last_event_at is not null as told from public.alerts order by opened_at, device_id, kind, subject desc"
)
EVENTS = "select payload from fleet_private.events where type like 'alert.%' order by number"


def opened(rows: Sequence[Row], kind: str | None = None) -> list[str]:
    """Give the devices with an open alert, of one kind if that is given."""
    return [row["device_id"] for row in rows if row["open"] and kind in (None, row["kind"])]


def told(rows: Sequence[Row]) -> list[tuple[str, str | None]]:
    """Give type and device of the events."""
    return [(row["payload"]["type"], row["payload"]["device_id"]) for row in rows]
