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
            "thumbnail_path": f"thumbnails/{path}",
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


def paths_of(device: str, number: int) -> list[str]:
    """The paths of a device's picture with this number, as `take` stores them."""
    return [f"{folder}/{device}/2025/10/0{number}/image.jpg" for folder in ("captures", "thumbnails")]


def take(backend: Backend, device: str, number: int) -> None:
    """Let a device say hello, take a picture, be told what to do, and write to the log."""
    image, thumbnail = paths_of(device, number)
    backend.service.rpc("record_hello", p_hello={"device_id": device, "status": "Alive"})
    backend.service.rpc(
        "record_capture",
        p_capture={
            "device_id": device,
            "image_name": "image.jpg",
            "captured_at": f"2025-10-0{number}T12:34:56Z",
            "ingest_status": "stored",
            "storage_path": image,
            "thumbnail_path": thumbnail,
            "sensors": {"temperature_c": 23.5},
            "error": {"code": 2206, "message": "thumbnail failed"},
        },
    )
    message = {"key": uuid.uuid4().hex, "device_id": device, "topic": "t", "direction": "in", "payload": {}}
    backend.service.rpc("record_log", p_messages=[message], p_errors=[])
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    for path in (image, thumbnail):
        backend.put_object(path)


# The tables whose rows stay with the company that had the device when they were written.
STAMPED = tuple(table for table in DEVICE_TABLES if table != "device_configs")


def sees(backend: Backend, user: User, device: str, number: int) -> bool:
    """Whether a user sees both objects of a picture; fail if it is one of them."""
    seen = {backend.can_read_object(user.session, path) for path in paths_of(device, number)}
    assert len(seen) == 1
    return seen.pop()


def test_what_a_device_has_sent_stays_with_who_had_it_then(backend: Backend) -> None:
    (seller_id, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    take(backend, device, 1)
    sold = {table: seller.session.rows(table) for table in STAMPED}
    assert all(len(rows) >= 1 for rows in sold.values())

    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    [command] = seller.session.rows("device_commands")
    assert (command["status"], command["company_id"]) == ("expired", seller_id)
    sold.update({table: seller.session.rows(table) for table in ("device_commands", "device_command_logs")})
    take(backend, device, 2)
    for table in STAMPED:
        assert seller.session.rows(table) == sold[table], table
        bought = buyer.session.rows(table)
        assert {(row["device_id"], row["company_id"]) for row in bought} == {(device, buyer_id)}, table
    assert seller.session.rows("devices", device_id=device) == []
    for user, own, other in ((seller, 1, 2), (buyer, 2, 1)):
        assert sees(backend, user, device, own)
        assert not sees(backend, user, device, other)


def test_a_picture_that_was_arriving_when_its_device_changed_hands_stays_whole(backend: Backend) -> None:
    (_, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    arriving = {"device_id": device, "image_name": "image.jpg", "captured_at": "2025-10-01T12:34:56Z"}
    backend.service.rpc("record_assembling", p_captures=[arriving])
    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    take(backend, device, 1)
    assert len(seller.session.rows("captures")) == len(seller.session.rows("sensor_readings")) == 1
    assert sees(backend, seller, device, 1)
    assert buyer.session.rows("captures") == buyer.session.rows("sensor_readings") == []
    assert not sees(backend, buyer, device, 1)


def test_what_a_new_device_sends_goes_to_its_first_company(backend: Backend, device: str) -> None:
    owner_id, owner, _ = backend.company()
    take(backend, device, 1)
    backend.service.update("devices", {"company_id": owner_id}, device_id=device)
    for table in STAMPED:
        rows = owner.session.rows(table)
        assert rows, table
        assert rows == backend.service.rows(table, device_id=device), table
    assert sees(backend, owner, device, 1)


def test_what_a_released_device_sends_is_nobodys(backend: Backend) -> None:
    (_, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    backend.service.update("devices", {"company_id": None}, device_id=device)
    take(backend, device, 1)
    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    for user in (seller, buyer):
        for table in STAMPED:
            assert user.session.rows(table) == []
        assert not sees(backend, user, device, 1)
    take(backend, device, 2)
    assert sees(backend, buyer, device, 2)


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
        "maintain_tables": dict.fromkeys(
            ("p_log_days", "p_status_days", "p_errors_days", "p_commands_days"), 1
        ),
    }
    for session in (companies[0].user.session, backend.anonymous):
        for function, arguments in calls.items():
            assert backend.refuses(partial(session.rpc, function, **arguments)), function
