"""What is held of a device, a user or a company: told as a whole, erased as a whole, and nothing of others."""

import uuid
from functools import cache

import pytest
from sql_backends import BUCKET, Backend, Row, new_device, refused
from test_sql_isolation import fill
from test_sql_walk import RELATIONS, Company

# What tells of a subject after its erasure: the entry that says so, and the paths that no upload may bring back.
KEPT = {"public.audit_log", "fleet_private.object_removals"}
FILLED = (
    "alert_channels", "alert_rules", "alerts", "capture_days", "company_days", "device_conformance", "invitations",
    "keep_policies", "maintenance_windows", "timelapses",
)  # fmt: skip


def make(backend: Backend) -> Company:
    """A company with rows in every table."""
    company_id, admin, device = backend.company()
    backend.service.rpc(
        "set_device_codes", p_codes=[{"device_id": device, "code_sha256": uuid.uuid4().hex * 2}]
    )
    fill(backend, device)
    backend.service.insert("sites", {"company_id": company_id, "name": "north"})
    site = backend.service.row("sites", company_id=company_id)["site_id"]
    backend.service.update("devices", {"site_id": site, "timezone": "Asia/Tokyo"}, device_id=device)
    backend.service.insert(
        "sensor_readings", {"device_id": device, "temperature_c": 20, "measured_at": "2026-01-01T12:00:00Z"}
    )
    company = Company(company_id, {"admin": admin}, device, site)
    for name in FILLED:
        again = {"token_sha256": uuid.uuid4().hex * 2} if name == "invitations" else {}
        backend.service.insert(name, RELATIONS[name].row(company) | again)
    backend.service.insert(
        "keep_policies", {"company_id": company_id, "device_id": device, "max_age_days": 9}
    )
    while backend.service.rpc("refresh_picture_quarters")["more"]:
        pass
    return company


@cache
def tables(backend: Backend) -> list[str]:
    found = backend.catalog(
        "select oid::regclass::text as name from pg_class where relkind in ('r', 'p') and not relispartition"
        " and relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)"
    )
    return [name if "." in name else f"public.{name}" for (name,) in found]


def holds(backend: Backend, *texts: str) -> list[dict[str, int]]:
    """For each of these texts, how many rows of each table have it anywhere."""
    counted = " union all ".join(
        f"select '{name}' as name, '{text}' as text, count(*)::integer as rows from {name} t where strpos(t::text, '{text}') > 0"
        for name in tables(backend)
        for text in texts
    )
    found = backend.catalog(counted)
    return [{name: number for name, of, number in found if of == text and number} for text in texts]


def erase(backend: Backend, kind: str, of: str, limit: int = 15) -> dict[str, int]:
    """Erase in small portions; return the rows that have gone."""
    gone: dict[str, int] = {}
    while True:
        done = backend.service.rpc("erase_rows", p_kind=kind, p_of=of, p_bucket=BUCKET, p_limit=limit)
        for table, number in done["gone"].items():
            gone[table] = gone.get(table, 0) + number
        if not done["more"]:
            return gone


def exported(backend: Backend, kind: str, of: str, table: str, limit: int = 1) -> list[Row]:
    """All rows that an export tells of a table, a page after the other."""
    found: list[Row] = []
    after = None
    while True:
        page = backend.service.rpc(
            "export_rows", p_kind=kind, p_of=of, p_table=table, p_after=after, p_limit=limit
        )
        assert len(page["rows"]) <= limit
        found += page["rows"]
        after = page["after"]
        if after is None:
            return found


def held(backend: Backend, kind: str, of: str) -> dict[str, int]:
    names = [row["table"] for row in backend.service.rpc("held_tables", p_kind=kind, p_of=of)]
    counts = {
        name: backend.service.rpc("count_held", p_kind=kind, p_of=of, p_table=name)["rows"] for name in names
    }
    return {name: rows for name, rows in counts.items() if rows}


def test_nothing_tells_of_a_device_once_it_is_erased_and_nothing_of_another_has_gone(
    backend: Backend,
) -> None:
    company, other = make(backend), make(backend)
    mine, before = holds(backend, company.device, other.device)
    assert len(mine) > 15
    gone = erase(backend, "device", company.device)
    assert gone["public.devices"] == 1
    mine, after = holds(backend, company.device, other.device)
    assert mine.keys() <= KEPT
    assert after == before
    (entry,) = [row for row in backend.service.rows("audit_log", company_id=company.company_id)
                if row["subject"] == company.device]  # fmt: skip
    assert (entry["action"], entry["table_name"], entry["actor"], entry["changes"]) == (
        "delete",
        "devices",
        None,
        {},
    )
    assert backend.service.rows("users", company_id=company.company_id), "the company stays"
    assert erase(backend, "device", company.device) == {}


def test_the_objects_of_a_device_are_queued_those_that_no_row_names_too(backend: Backend) -> None:
    company = make(backend)
    path = f"captures/{company.device}/2026/01/01/picture.jpg"
    orphans = [
        f"{folder}/{company.device}/2026/01/02/lost.jpg"
        for folder in ("captures", "thumbnails", "quarantine")
    ]
    others = f"captures/{company.device}0/2026/01/02/lost.jpg"
    row = backend.service.rows("captures", device_id=company.device)[0]
    backend.service.update("captures", {"storage_path": path}, capture_id=row["capture_id"])
    for name in (*orphans, others):
        backend.put_object(name)
    erase(backend, "device", company.device)
    queued = {name for (name,) in backend.catalog("select path from fleet_private.object_removals")}
    assert {path, *orphans} <= queued
    assert others not in queued


def test_nothing_tells_of_a_company_once_it_is_erased_and_nothing_of_another_has_gone(
    backend: Backend,
) -> None:
    company, other = make(backend), make(backend)
    before = holds(backend, other.company_id, other.device)
    erase(backend, "company", company.company_id)
    assert backend.service.rows("devices", device_id=company.device) == []
    mine, devices, *after = holds(backend, company.company_id, company.device, other.company_id, other.device)
    assert mine == {}
    assert devices.keys() <= {"fleet_private.device_codes", "fleet_private.object_removals"}
    assert after == before
    assert erase(backend, "company", company.company_id) == {}
    # What the triggers have touched is counted without an error, and brings nothing back.
    while backend.service.rpc("refresh_capture_days")["more"]:
        pass
    assert holds(backend, company.company_id) == [{}]


def test_a_device_of_which_others_have_pictures_stays_without_what_the_company_has_said(
    backend: Backend,
) -> None:
    seller, buyer = make(backend), make(backend)
    sold = seller.device
    backend.service.update("devices", {"company_id": None}, device_id=sold)
    backend.service.update("devices", {"company_id": buyer.company_id, "name": "mine"}, device_id=sold)
    backend.service.insert(
        "captures", {"device_id": sold, "device_capture_id": "b", "captured_at": "2026-01-05T00:00:00Z"}
    )
    theirs = backend.service.rows("captures", company_id=seller.company_id)
    erase(backend, "company", buyer.company_id)
    (row,) = backend.service.rows("devices", device_id=sold)
    assert (row["company_id"], row["name"]) == (None, None)
    assert backend.service.rows("captures", device_id=sold) == theirs
    assert holds(backend, buyer.company_id) == [{}]


def test_no_row_tells_the_address_of_a_user_once_erased_and_what_the_user_has_done_stays(
    backend: Backend,
) -> None:
    company = make(backend)
    admin = company.members["admin"]
    admin.session.rpc("update_device", p_device=company.device, p_changes={"name": "Hall"})
    admin.session.rpc("invite_member", p_email=f"new-{admin.email}", p_role="viewer")
    backend.service.insert("invitations", {**RELATIONS["invitations"].row(company), "email": admin.email,
                                           "token_sha256": uuid.uuid4().hex * 2})  # fmt: skip
    told = len(backend.service.rows("audit_log", company_id=company.company_id))
    erase(backend, "user", admin.email.upper())
    assert backend.service.rows("users", user_id=admin.user_id) == []
    entries = backend.service.rows("audit_log", company_id=company.company_id)
    assert len(entries) > told
    assert [row for row in entries if f'"{admin.email}"' in str(row).replace("'", '"')] == []
    (named,) = [
        row for row in entries if row["table_name"] == "devices" and "name" in row["changes"] and row["actor"]
    ]
    assert (named["actor"], named["actor_email"], named["changes"]["name"]) == (
        admin.user_id,
        None,
        [None, "Hall"],
    )
    # Another's address, which ends as the user's does, is none of the user's.
    assert any(f"new-{admin.email}" in str(row["changes"]) for row in entries)
    # Only what does not go: the entries by the account's id, and the account, which Supabase's admin API deletes.
    assert held(backend, "user", admin.email).keys() == {"public.audit_log", "auth.users"}


@pytest.mark.parametrize("kind", ["device", "company", "user"])
def test_an_export_tells_every_row_once_and_no_secret(backend: Backend, kind: str) -> None:
    company = make(backend)
    of = {"device": company.device, "company": company.company_id, "user": company.members["admin"].email}[
        kind
    ]
    counts = held(backend, kind, of)
    assert len(counts) > {"device": 14, "company": 19, "user": 1}[kind]
    for table, number in counts.items():
        found = exported(backend, kind, of, table)
        assert len(found) == len({str(row) for row in found}) == number, table
        for row in found:
            assert not {name for name in row if "sha256" in name and "token" in name}, table
            assert not {"encrypted_password", "confirmation_token", "secret", "target_secret"} & row.keys(), (
                table
            )
    if kind != "user":
        captures = backend.service.rows("captures", **{f"{kind}_id": of})
        assert {row["capture_id"] for row in exported(backend, kind, of, "public.captures")} == {
            row["capture_id"] for row in captures
        }


def test_every_table_that_names_devices_or_companies_is_one_of_those_that_are_erased(
    backend: Backend,
) -> None:
    named = backend.catalog(
        "select c.oid::regclass::text as name, attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where attname in ('device_id', 'company_id') and relkind in ('r', 'p') and not relispartition"
        " and relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)"
    )
    for kind, beside in (
        (
            "device",
            {"fleet_private.keep_rounds", "fleet_private.smaller_rounds"},
        ),  # of a company: how far it is
        ("company", set()),
    ):
        those = backend.catalog(f"select of_table from fleet_private.held_of('{kind}', '{uuid.uuid4()}')")
        names = {
            name if "." in name else f"public.{name}" for name, column in named if column == f"{kind}_id"
        }
        assert names - beside <= {name for (name,) in those}


def test_what_is_no_kind_and_no_table_of_it_is_refused(backend: Backend) -> None:
    with refused("22023", "nothing is held of a site"):
        backend.service.rpc("held_tables", p_kind="site", p_of="x")
    with refused("22023", "fleet_private.device_codes is none of the tables that are told"):
        backend.service.rpc(
            "export_rows", p_kind="device", p_of=new_device(), p_table="fleet_private.device_codes"
        )
