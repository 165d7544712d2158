"""Two companies, a user of each: nobody sees the other's rows or pictures or calls the workers' functions."""

import uuid
from dataclasses import dataclass
from functools import partial

import pytest
from sql_backends import Backend, User, new_device

# Every table that holds rows of a device, besides devices.
DEVICE_TABLES = (
    "device_status",
    "captures",
    "sensor_readings",
    "device_errors",
    "device_publish_log",
    "device_configs",
    "device_commands",
    "device_command_logs",
)


@dataclass(frozen=True)
class Company:
    """One company with everything it has."""

    company_id: str
    user: User
    device: str


def fill(backend: Backend, device: str) -> None:
    """Give a device at least one row in every table, and its pictures."""
    path = f"{device}/2025/10/04/image_1.jpg"
    backend.service.rpc("record_hello", p_hello={"device_id": device, "status": "Alive"})
    backend.service.rpc(
        "record_capture",
        p_capture={
            "device_id": device,
            "image_name": "image_1.jpg",
            "captured_at": "2025-10-04T12:34:56Z",
            "ingest_status": "stored",
            "storage_path": f"captures/{path}",
            "sensors": {"temperature_c": 23.5},
            "error": {"code": 2206, "message": "thumbnail failed"},
        },
    )
    backend.service.rpc(
        "record_log",
        p_messages=[
            {"key": uuid.uuid4().hex, "device_id": device, "topic": "t", "direction": "in", "payload": {}}
        ],
        p_errors=[],
    )
    backend.service.insert("device_configs", {"device_id": device, "captures_per_day": 2})
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    for folder in ("captures", "thumbnails", "quarantine"):
        backend.put_object(f"{folder}/{path}")


@pytest.fixture(scope="session")
def companies(backend: Backend) -> tuple[Company, Company]:
    both = Company(*backend.company()), Company(*backend.company())
    for company in both:
        fill(backend, company.device)
    return both


@pytest.mark.parametrize("table", [*DEVICE_TABLES, "devices"])
def test_a_user_sees_the_rows_of_the_own_company(
    backend: Backend, companies: tuple[Company, Company], table: str
) -> None:
    for company in companies:
        rows = company.user.session.rows(table)
        assert {row["device_id"] for row in rows} == {company.device}
        assert rows == backend.service.rows(table, device_id=company.device)


def test_a_user_sees_the_own_company_and_account(companies: tuple[Company, Company]) -> None:
    for company in companies:
        assert company.user.session.row("companies")["company_id"] == company.company_id
        assert company.user.session.row("users")["user_id"] == company.user.user_id


def test_asking_for_the_other_company_gives_nothing(companies: tuple[Company, Company]) -> None:
    mine, other = companies
    for table in (*DEVICE_TABLES, "devices"):
        assert mine.user.session.rows(table, device_id=other.device) == []
    assert mine.user.session.rows("companies", company_id=other.company_id) == []
    assert mine.user.session.rows("users", user_id=other.user.user_id) == []


def test_a_user_reads_the_pictures_of_the_own_company(
    backend: Backend, companies: tuple[Company, Company]
) -> None:
    for company, other in (companies, companies[::-1]):
        path = f"{company.device}/2025/10/04/image_1.jpg"
        for folder, mine in (("captures", True), ("thumbnails", True), ("quarantine", False)):
            assert backend.can_read_object(backend.service, f"{folder}/{path}")
            assert backend.can_read_object(company.user.session, f"{folder}/{path}") is mine
            assert not backend.can_read_object(other.user.session, f"{folder}/{path}")
            assert not backend.can_read_object(backend.anonymous, f"{folder}/{path}")


def test_a_path_that_only_looks_like_the_own_one_is_not(
    backend: Backend, companies: tuple[Company, Company]
) -> None:
    mine, other = companies
    for name in (
        f"captures/{other.device}/{mine.device}/x.jpg",
        f"captures/x/captures/{mine.device}/x.jpg",
        f"{mine.device}/x.jpg",
        f"captures/{mine.device}.jpg",
        f"captures/{mine.device}x/x.jpg",
    ):
        backend.put_object(name)
        assert not backend.can_read_object(mine.user.session, name), name


@pytest.mark.parametrize("table", [*DEVICE_TABLES, "devices", "companies", "users", "schema_version"])
def test_nobody_without_an_account_reads_anything(
    backend: Backend, companies: tuple[Company, Company], table: str
) -> None:
    assert backend.sees_nothing(backend.anonymous, table)


def test_the_version_is_for_the_service(backend: Backend, companies: tuple[Company, Company]) -> None:
    assert backend.sees_nothing(companies[0].user.session, "schema_version")
    assert backend.service.row("schema_version")["version"] >= 1


def test_an_account_without_a_company_sees_nothing(
    backend: Backend, companies: tuple[Company, Company], device: str
) -> None:
    stranger = backend.sign_up()
    fill(backend, device)  # a device that nobody owns yet
    unassigned = backend.sign_up()
    backend.service.insert("users", {"user_id": unassigned.user_id, "company_id": None})
    for user in (stranger, unassigned):
        for table in (*DEVICE_TABLES, "devices", "companies"):
            assert user.session.rows(table) == []
        assert not backend.can_read_object(user.session, f"captures/{device}/2025/10/04/image_1.jpg")


def test_a_device_that_changes_hands_takes_its_rows_along(backend: Backend) -> None:
    (_, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    fill(backend, device)
    assert len(seller.session.rows("captures")) == 1

    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    for table in DEVICE_TABLES:
        assert seller.session.rows(table) == []
        assert len(buyer.session.rows(table)) == 1


def test_nobody_but_the_service_writes(backend: Backend, companies: tuple[Company, Company]) -> None:
    mine, other = companies
    rows = {
        "devices": {"device_id": new_device(), "company_id": mine.company_id},
        "companies": {"name": "mine"},
        "users": {"user_id": mine.user.user_id, "company_id": other.company_id},
        "device_status": {"device_id": mine.device},
        "sensor_readings": {"device_id": mine.device},
        "captures": {
            "device_id": mine.device,
            "device_capture_id": "a",
            "captured_at": "2025-10-04T12:34:56Z",
        },
        "device_errors": {"device_id": mine.device, "error_code": 1},
        "device_publish_log": {"device_id": mine.device, "direction": "in"},
        "device_configs": {"device_id": mine.device, "captures_per_day": 24},
        "device_command_logs": {"device_id": mine.device, "command_id": str(uuid.uuid4()), "status": "done"},
    }
    # Commands are what a user may insert: see test_sql_commands.py.
    assert set(rows) == {*DEVICE_TABLES, "devices", "companies", "users"} - {"device_commands"}
    for session in (mine.user.session, backend.anonymous):
        for table, row in rows.items():
            assert backend.refuses(partial(session.insert, table, row)), table
            key = "company_id" if table == "companies" else "user_id" if table == "users" else "device_id"
            own = {"company_id": mine.company_id, "user_id": mine.user.user_id, "device_id": mine.device}[key]
            before = backend.service.rows(table, **{key: own})
            change = partial(session.update, table, {key: str(uuid.uuid4())}, **{key: own})
            if backend.keeps_grants:
                assert backend.refuses(change), table
            else:
                change()  # no policy lets it touch a row
            assert backend.service.rows(table, **{key: own}) == before
        assert not backend.can_write_object(session, f"captures/{mine.device}/2025/10/04/{uuid.uuid4()}.jpg")


def test_no_user_calls_a_function_of_the_workers(
    backend: Backend, companies: tuple[Company, Company]
) -> None:
    calls = {
        "record_assembling": {"p_captures": []},
        "record_capture": {"p_capture": {}},
        "record_hello": {"p_hello": {}},
        "claim_commands": {},
        "finish_command": {"p": {}},
        "record_log": {"p_messages": [], "p_errors": []},
        "fail_stale_captures": {},
        "prune": {},
    }
    for session in (companies[0].user.session, backend.anonymous):
        for function, arguments in calls.items():
            assert backend.refuses(partial(session.rpc, function, **arguments)), function
