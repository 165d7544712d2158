"""What answers of a Supabase project become, and what the client needs of the service: nothing."""

import subprocess
import sys

import pytest
from supabase_server import SupabaseServer

from fleet.client import (
    Client,
    ClientError,
    Invalid,
    NotAllowed,
    NotFound,
    SignInFailed,
    Unavailable,
)
from fleet.client.rows import Capture, row_of
from local.part import REPOSITORY

DEVICE = {
    "device_id": "A", "name": None, "location": None, "site_id": None, "timezone": None, "tags": [],
    "firmware_version": None, "battery_percent": None, "wifi_rssi_dbm": None,
    "last_seen_at": "2026-01-01 12:00:00.5+00", "last_capture_at": None, "next_wake_at": None,
}  # fmt: skip
PICTURE = dict.fromkeys(Capture.__slots__) | {
    "captured_at": "2026-01-01T12:00:00Z", "ingest_status": "stored", "storage_path": "captures/a b.jpg",
}  # fmt: skip


@pytest.fixture
def server():
    server = SupabaseServer()
    yield server
    server.close()


def client_of(server, **options):
    return Client.with_token(server.settings.supabase_url, "sb_publishable_x", "a.b.c", **options)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "PGRST301", "message": "JWT expired"}, SignInFailed),
        (403, {"code": "42501", "message": "permission denied"}, NotAllowed),
        (404, {"code": "PT404", "message": "there is no such picture"}, NotFound),
        (400, {"statusCode": "404", "error": "not_found", "message": "Object not found"}, NotFound),
        (400, {"code": "22023", "message": "ask for 1,100 days at most"}, Invalid),
        (429, {"message": "slow down"}, Unavailable),
        (302, b"", Unavailable),
        (503, b"<html>busy</html>", Unavailable),
        (544, b"", Unavailable),
        (200, b"<html>a captive portal</html>", Unavailable),
    ],
)
def test_an_answer_is_an_error_of_one_kind_and_line(server, status, body, error, tmp_path):
    server.answer = lambda _asked: (status, body)
    with client_of(server, tries=1) as client:
        with pytest.raises(ClientError) as raised:
            next(client.devices())
        assert type(raised.value) is error
        assert "\n" not in str(raised.value)
        if isinstance(body, dict):
            assert body["message"] in str(raised.value)


def test_what_only_reads_is_tried_again_and_what_acts_is_not(server):
    answers = [(503, b""), (200, [DEVICE]), (200, [])]
    server.answer = lambda _asked: answers.pop(0)
    with client_of(server) as client:
        (device,) = client.devices()
        assert device.last_seen_at.isoformat() == "2026-01-01T12:00:00.500000+00:00"
        server.answer = lambda _asked: (503, b"")
        asked = len(server.asked)
        with pytest.raises(Unavailable):
            client.queue("A", "capture_image")
        assert len(server.asked) == asked + 1


def test_an_answer_that_cannot_be_unpacked_is_none(server):
    server.head = {"content-encoding": "gzip"}
    server.answer = lambda _asked: (200, b"no gzip")
    with client_of(server, tries=1) as client, pytest.raises(Unavailable):
        next(client.devices())


def test_a_page_is_no_picture(server, tmp_path):
    """Of a partial picture no SHA-256 is known that would tell."""
    server.head = {"content-type": "text/html; charset=utf-8"}
    server.answer = lambda _asked: (200, b"<html>a captive portal</html>")
    told = PICTURE | {"ingest_status": "partial", "partial_rows": 8}
    with client_of(server, tries=1) as client, pytest.raises(Unavailable):
        client.download(row_of(Capture, told), tmp_path / "picture.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["a b", "a\r\nb", "abc…", "", " \n"])
def test_a_key_or_token_that_is_none_is_told_without_it(server, wrong):
    url = server.settings.supabase_url
    for key, token, name in (
        (wrong, "a.b.c", "publishable key"),
        ("sb_publishable_x", wrong, "access token"),
    ):
        with pytest.raises(Invalid, match=f"the {name} is empty, or has spaces or other signs"):
            Client.with_token(url, key, token)


def test_a_token_from_a_file_ends_where_its_line_does(server):
    server.answer = lambda _asked: (200, [DEVICE] if len(server.asked) == 1 else [])
    with Client.with_token(server.settings.supabase_url, " sb_publishable_x\n", "a.b.c\r\n") as client:
        assert len(list(client.devices())) == 1
    asked = server.asked[0].headers
    assert (asked["apikey"], asked["authorization"]) == ("sb_publishable_x", "Bearer a.b.c")


class Accounts:
    """Signs in, and takes the newest access token alone, though the one before was to hold for an hour."""

    def __init__(self, rows):
        self.rows, self.signed_in = rows, 0

    def __call__(self, asked):
        if "/auth/v1/token" in asked.path:
            self.signed_in += 1
            return 200, session(f"token{self.signed_in}")
        if asked.headers["authorization"] != f"Bearer token{self.signed_in}":
            return 401, {"code": "PGRST303", "message": "JWT expired"}
        return 200, self.rows


def session(token):
    at = "2026-01-01T00:00:00Z"
    user = {"id": "7", "aud": "authenticated", "app_metadata": {}, "user_metadata": {}, "created_at": at}
    return {
        "access_token": token,
        "refresh_token": "r",
        "token_type": "bearer",
        "expires_in": 3600,
        "user": user,
    }


def test_a_session_that_is_over_sooner_than_the_clock_here_says_is_renewed(server, tmp_path):
    accounts = server.answer = Accounts([{"company_id": "c", "name": "Farm"}])
    with Client.sign_in(server.settings.supabase_url, "sb_publishable_x", "a@farm.test", "p") as client:
        assert client.company().name == "Farm"
        accounts.signed_in += 1
        assert client.company().name == "Farm"
        accounts.signed_in += 1
        accounts.rows = b"\xff\xd8"
        client.download(row_of(Capture, PICTURE), tmp_path / "picture.jpg")
        accounts.signed_in += 1
        accounts.rows = None
        client.cancel("7")
        assert accounts.signed_in == 7
        server.answer = lambda _asked: (401, {"code": "PGRST303", "message": "JWT expired"})
        with pytest.raises(SignInFailed):
            client.company()


def test_a_picture_that_comes_in_part_is_no_file(server, tmp_path):
    """The server says how long it is, and closes the connection before."""

    class Cut(bytes):
        def __len__(self):
            return super().__len__() + 10

    answers = [(200, Cut(b"half"))]

    def answer(asked):
        if not answers:
            raise ConnectionError
        return answers.pop()

    server.answer = answer
    with client_of(server, tries=1, timeout_s=1.0) as client, pytest.raises(Unavailable):
        client.download(row_of(Capture, PICTURE), tmp_path / "picture.jpg")
    assert server.asked[0].path == "/storage/v1/object/gxp-captures/captures/a%20b.jpg"
    assert list(tmp_path.iterdir()) == []


def test_it_is_imported_without_the_service_and_its_settings():
    script = "import sys, fleet.client; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY, env={"PATH": "/usr/bin"}, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.split()  # fmt: skip
    assert not {"core", "core.settings", "celery", "redis", "paho", "typer", "pandas"} & set(loaded)
