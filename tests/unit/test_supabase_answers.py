"""What the gateway makes of each answer, against a small HTTP server."""

import pytest
from prometheus_client import REGISTRY
from supabase_server import SupabaseServer

from core import supabase
from core.alarm import EVERY_S, Alarm
from core.errors import AccessDenied, CaptureRejected, ErrorCode, Transient
from core.supabase import AlreadyThere

PASSING = (408, 423, 425, 429, 500, 502, 503, 504, 520, 544, 599)


@pytest.fixture(scope="module")
def server():
    server = SupabaseServer()
    yield server
    server.close()


@pytest.fixture
def gateway(server):
    server.asked.clear()
    server.head = {}
    with server.gateway() as gateway:
        yield gateway


def row(gateway):
    return gateway.call("record_log", p_messages=[])


def upload(gateway):
    return gateway.upload("captures/a.jpg", b"jpeg")


def download(gateway):
    return gateway.download("captures/a.jpg")


def account(gateway):
    return gateway.delete_account("0a8f")


def error_of(gateway, call, server, status, body):
    """The error of a call that is answered so; its class exactly, since one tells more than its parent."""
    server.answer = lambda _asked: (status, body)
    with pytest.raises(Exception) as caught:
        call(gateway)
    return caught.value


@pytest.mark.parametrize("call", [row, upload, download, account])
@pytest.mark.parametrize("status", PASSING)
def test_a_status_that_passes_is_transient(gateway, server, call, status):
    error = error_of(gateway, call, server, status, {"message": "busy"})
    assert type(error) is Transient
    assert len(server.asked) == 1  # the sweep tries again, not the library


@pytest.mark.parametrize("call", [row, upload, download, account])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_access_denied(gateway, server, call, status):
    assert type(error_of(gateway, call, server, status, {"message": "no"})) is AccessDenied


RESTRICTED = "Service for this project is restricted: exceed_storage_size_quota"


@pytest.mark.parametrize("call", [row, upload, download])
@pytest.mark.parametrize("body", [{"message": RESTRICTED}, RESTRICTED.encode()], ids=["json", "text"])
def test_a_project_over_its_quota_or_unpaid_is_access_denied(gateway, server, call, body):
    error = error_of(gateway, call, server, 402, body)
    assert type(error) is AccessDenied
    assert RESTRICTED in str(error)


@pytest.mark.parametrize(("status", "code"), [(405, "25006"), (503, "53100")])
def test_a_database_that_is_full_or_read_only_is_access_denied(gateway, server, status, code):
    """The statuses are those that PostgREST gives these codes."""
    assert type(error_of(gateway, row, server, status, sql_error(code))) is AccessDenied


@pytest.mark.parametrize(
    "message",
    [
        "cannot execute INSERT in a read-only transaction",
        'could not extend file "base/5/16403": No space left on device',
    ],
)
def test_a_database_that_is_full_or_read_only_refuses_uploads_too(gateway, server, message):
    body = {"statusCode": "500", "error": "DatabaseError", "message": message}
    assert type(error_of(gateway, upload, server, 500, body)) is AccessDenied


def test_a_database_that_lacks_connections_is_transient(gateway, server):
    assert type(error_of(gateway, row, server, 503, sql_error("53300"))) is Transient


@pytest.mark.parametrize("call", [row, upload, download])
def test_a_connection_that_breaks_is_transient(gateway, server, call):
    def end(_asked):
        raise ConnectionResetError

    server.answer = end
    with pytest.raises(Transient):
        call(gateway)


def removal(gateway):
    return gateway.remove(["captures/a.jpg"])


@pytest.mark.parametrize("call", [row, upload, removal])
@pytest.mark.parametrize("body", [b"<html>", b'{"Key":'])
def test_a_good_status_with_what_the_project_does_not_say_is_no_answer(gateway, server, call, body):
    """A page of something in between: what was sent may not be there, and nobody may think it is."""
    assert type(error_of(gateway, call, server, 200, body)) is Transient


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"status": "ok"}'])
def test_an_upload_is_done_when_storage_says_where_the_object_is(gateway, server, body):
    assert type(error_of(gateway, upload, server, 200, body)) is Transient


@pytest.mark.parametrize("call", [row, upload, download, removal, account])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_address_that_leads_elsewhere_is_access_denied(gateway, server, call, status):
    """As a project by http://: it is not followed, for the key would go there too, and no capture is at fault."""
    error = error_of(gateway, call, server, status, b"<html>")
    assert type(error) is AccessDenied
    assert "SUPABASE_URL" in str(error)


@pytest.mark.parametrize("call", [row, upload, download, removal, account])
@pytest.mark.parametrize("status", [200, 400, 503])
def test_an_answer_that_cannot_be_unpacked_is_transient(gateway, server, call, status):
    server.head = {"content-encoding": "gzip"}
    assert type(error_of(gateway, call, server, status, b"no gzip")) is Transient


def test_a_page_may_claim_any_charset(gateway, server):
    server.head = {"content-type": "text/html; charset=hex"}
    error = error_of(gateway, row, server, 400, b"<html> \xff")
    assert str(error) == "database: <html> \ufffd"


def sql_error(code):
    return {"code": code, "message": "m", "details": None, "hint": None}


@pytest.mark.parametrize(
    "code",
    ["08006", "40001", "40P01", "53300", "57014", "57P01", "PGRST000", "PGRST001", "PGRST002", "PGRST003"],
)  # fmt: skip
def test_a_sqlstate_that_passes_is_transient(gateway, server, code):
    assert type(error_of(gateway, row, server, 400, sql_error(code))) is Transient


@pytest.mark.parametrize("code", ["42501", "42883", "42P01", "PGRST202", "PGRST205"])
def test_a_project_without_the_schema_or_the_rights_is_access_denied(gateway, server, code):
    assert type(error_of(gateway, row, server, 404, sql_error(code))) is AccessDenied


@pytest.mark.parametrize("code", ["22P02", "23514", "P0001"])
def test_a_sqlstate_of_the_row_itself_is_final(gateway, server, code):
    error = error_of(gateway, row, server, 400, sql_error(code))
    assert type(error) is CaptureRejected
    assert error.code == ErrorCode.DATABASE_FAILED
    assert error.details == {"function": "record_log", "sqlstate": code}


@pytest.mark.parametrize("status", [400, 406, 409, 413])
def test_the_status_of_an_answer_is_no_sqlstate(gateway, server, status):
    """Without a body that PostgREST has made, the status stands for the code."""
    assert type(error_of(gateway, row, server, status, b"<html>")) is CaptureRejected


def test_an_address_without_postgrest_is_access_denied(gateway, server):
    assert type(error_of(gateway, row, server, 404, b"<html>")) is AccessDenied


def storage_error(code, name, message="m"):
    """As Storage tells it: in the body of a 400. Versions differ in which of code and name says it."""
    return {"statusCode": code, "error": name, "message": message}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (storage_error("409", "Duplicate", "The resource already exists"), AlreadyThere),
        (storage_error("400", "Duplicate"), AlreadyThere),
        (storage_error("409", "Other"), AlreadyThere),
        (storage_error("400", "KeyAlreadyExists"), AlreadyThere),
        (storage_error("400", "ResourceAlreadyExists"), AlreadyThere),
        (storage_error("404", "Bucket not found", "Bucket not found"), AccessDenied),
        (storage_error("404", "Other"), AccessDenied),
        (storage_error("400", "Bucket not found"), AccessDenied),
        (storage_error("400", "NoSuchBucket"), AccessDenied),
        (storage_error("403", "Unauthorized", "new row violates row-level security policy"), AccessDenied),
        (storage_error("403", "Other"), AccessDenied),
        (storage_error("401", "Other"), AccessDenied),
        (storage_error("400", "Unauthorized"), AccessDenied),
        (storage_error("400", "AccessDenied"), AccessDenied),
        (storage_error("400", "InvalidJWT"), AccessDenied),
        (storage_error("402", "Payment Required"), AccessDenied),
        (storage_error("429", "SlowDown"), Transient),
        (storage_error("500", "Internal"), Transient),
        (storage_error("503", "SlowDown"), Transient),
        (storage_error("400", "InvalidKey", "Invalid key"), CaptureRejected),
        (storage_error("413", "Payload too large"), CaptureRejected),
    ],
    ids=lambda value: value.get("error") if isinstance(value, dict) else None,
)
def test_an_answer_of_storage(gateway, server, body, kind):
    error = error_of(gateway, upload, server, 400, body)
    assert type(error) is kind
    if kind is CaptureRejected:
        assert error.code == ErrorCode.UPLOAD_FAILED
        assert error.details == {"path": "captures/a.jpg"}


def test_what_is_asked_and_answered(gateway, server):
    server.answer = lambda _asked: (200, {"next_wake_at": None})
    assert row(gateway) == {"next_wake_at": None}
    server.answer = lambda _asked: (200, {"Key": "k", "Id": "i"})
    assert upload(gateway) is None
    server.answer = lambda _asked: (200, b"jpeg")
    assert download(gateway) == b"jpeg"
    rpc, put, get = server.asked
    assert (rpc.method, rpc.path, rpc.json) == ("POST", "/rest/v1/rpc/record_log", {"p_messages": []})
    assert (put.method, put.path) == ("POST", "/storage/v1/object/gxp-captures/captures/a.jpg")
    assert put.body == b"jpeg", "no form around it"
    assert put.headers["content-type"] == "image/jpeg"
    assert put.headers["cache-control"] == "max-age=31536000, immutable"
    assert put.headers["x-upsert"] == "false"
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer sb_secret_x"}
    assert {asked.headers["user-agent"] for asked in server.asked} == {put.headers["user-agent"]}
    assert (get.method, get.path.rstrip("?")) == ("GET", "/storage/v1/object/gxp-captures/captures/a.jpg")
    assert {asked.headers["apikey"] for asked in server.asked} == {"sb_secret_x"}


def test_a_number_beyond_64_bits_is_sent_and_a_text_that_is_none_is_told(gateway, server):
    server.answer = lambda _asked: (200, None)
    gateway.call("record_log", p_messages=[{"uptime": 2**64}])
    assert server.asked[-1].json == {"p_messages": [{"uptime": 2**64}]}
    with pytest.raises(UnicodeEncodeError):
        gateway.call("record_log", p_messages=["\udcff"])


def test_the_newest_errors_are_asked_for(gateway, server):
    server.answer = lambda _asked: (200, [{"error_code": 2101}])
    assert gateway.latest_errors(5) == [{"error_code": 2101}]
    [asked] = server.asked
    assert "order=occurred_at.desc" in asked.path
    assert "limit=5" in asked.path


@pytest.mark.parametrize(
    "body",
    [
        storage_error("404", "not_found", "Object not found"),
        storage_error("404", "NoSuchKey", "Object not found"),
        storage_error("400", "NoSuchKey"),
    ],
)
def test_an_object_that_is_missing_is_no_missing_bucket(gateway, server, caplog, body):
    server.answer = lambda _asked: (400, body)
    assert gateway.download("captures/a.jpg") is None
    assert "ALARM" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        storage_error("404", "Bucket not found", "Bucket not found"),
        storage_error("404", "not_found", "Bucket not found"),
        storage_error("404", "NoSuchBucket"),
    ],
)
def test_a_bucket_that_is_missing_is_seen_by_a_download_too(gateway, server, body):
    assert type(error_of(gateway, download, server, 400, body)) is AccessDenied


def test_a_download_that_is_refused_for_another_reason_is_final(gateway, server):
    error = error_of(gateway, download, server, 400, storage_error("400", "InvalidKey", "Invalid key"))
    assert type(error) is CaptureRejected


def raised(kind):
    return REGISTRY.get_sample_value("fleet_alarms_total", {"alarm": kind})


@pytest.mark.parametrize(
    ("alarm", "kind", "status", "said"),
    [
        ("_refused", "supabase_access", 401, "Supabase answered 401"),
        ("_restricted", "supabase_quota", 402, f'Supabase answered 402: {{"message": "{RESTRICTED}"}}'),
    ],
)
def test_a_refusal_raises_the_alarm(gateway, server, caplog, monkeypatch, alarm, kind, status, said):
    monkeypatch.setattr(supabase, alarm, Alarm(supabase.log, kind))
    before = raised(kind)
    for call in (row, upload, download):
        error_of(gateway, call, server, status, {"message": RESTRICTED})
    [line] = [record.message for record in caplog.records if record.levelname == "CRITICAL"]
    assert line == f"ALARM: {said}; all data is kept and tried again slowly, but an operator must act"
    assert raised(kind) == before + 3


def test_an_alarm_is_raised_once_a_minute(caplog, monkeypatch):
    now = 1_000.0
    monkeypatch.setattr("core.alarm.time.monotonic", lambda: now)
    alarm = Alarm(supabase.log, "test")
    for now in (1_000.0, 1_000.0 + EVERY_S - 0.1, 1_000.0 + EVERY_S, 1_001.0 + EVERY_S):
        alarm.sound(f"at {now}")
    assert [record.message for record in caplog.records] == [
        "ALARM: at 1000.0",
        f"ALARM: at {1_000.0 + EVERY_S}",
    ]


def test_threads_do_not_share_connections_and_a_thread_keeps_its_own(server):
    from concurrent.futures import ThreadPoolExecutor

    server.asked.clear()
    server.answer = lambda _asked: (200, None)
    with server.gateway() as gateway, ThreadPoolExecutor(1) as other:
        for _ in range(3):
            row(gateway)
            other.submit(row, gateway).result()
    here, there = server.asked[::2], server.asked[1::2]
    assert len({asked.client for asked in here}) == len({asked.client for asked in there}) == 1
    assert here[0].client != there[0].client


@pytest.mark.parametrize("status", [200, 404])
def test_an_account_is_deleted_by_the_admin_api_and_one_that_is_gone_is_no_error(gateway, server, status):
    server.answer = lambda _asked: (status, {})
    account(gateway)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("DELETE", "/auth/v1/admin/users/0a8f")
    assert asked.headers["authorization"] == "Bearer sb_secret_x"


def test_an_account_that_supabase_does_not_delete_is_told(gateway, server):
    error = error_of(gateway, account, server, 422, {"msg": "it owns something"})
    assert type(error) is CaptureRejected
    assert "it owns something" in error.message
