"""The gateway to the owner's Supabase project: few calls, and every error turned into one of `core.errors`.

Transient: the error may pass (network, HTTP 408, 423, 425, 429, 5xx, SQLSTATE classes 08, 40, 53, 57).
So is a good status with an answer that is not Supabase's, as of a proxy. AccessDenied, with an alarm: the
project refuses the key, lacks a part of sql/, is over its quota or unpaid (HTTP 402), its database is full or
read-only (SQLSTATE 53100, 25006), or its address leads elsewhere (HTTP 3xx). Any other error is final and
becomes a CaptureRejected: 2204 for Storage, 2205 for the database.
"""

import json
import logging
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import orjson

from core.alarm import Alarm
from core.errors import AccessDenied, CaptureRejected, ErrorCode, FleetError, PathTaken, Transient
from core.settings import SupabaseSettings
from core.store.breakers import Breaker, Breakers, Service
from core.together import Row, Together

log = logging.getLogger("supabase")
_refused: Final = Alarm(log, "supabase_access")
_restricted: Final = Alarm(log, "supabase_quota")
_lost: Final = Alarm(log, "object_lost")

# The edge in front of hosted projects answers 520 to 544 when it cannot reach them.
PASSING_STATUS: Final = frozenset({408, 423, 425, 429, *range(500, 600)})
# What hosted projects answer while their organisation is over its quota or has not paid.
RESTRICTED_STATUS: Final = 402
# Hosted projects make a database read-only when its disk is nearly full. Storage, which also writes there,
# then answers 500 with one of these texts; of a full disk PostgREST says so with its code in a 503.
READ_ONLY: Final = frozenset({"25006", "53100"})
_FULL_TEXTS: Final = ("read-only transaction", "No space left on device", '"53100"')
_PASSING_SQLSTATE: Final = ("08", "40", "53", "57")
_PASSING_POSTGREST: Final = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003"})
_DUPLICATE: Final = frozenset({"409", "Duplicate", "KeyAlreadyExists", "ResourceAlreadyExists"})
_NO_OBJECT: Final = frozenset({"404", "NoSuchKey", "not_found"})
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "Bucket not found"})
# PostgREST or Postgres lacks the function or table: sql/ is not applied, or the schema cache is old. Or there
# is no PostgREST at all: where an answer is not PostgREST's, its HTTP status stands for the code.
_NOT_INSTALLED: Final = ("PGRST2", "42883", "42P01", "404")
_UNIQUE_VIOLATION: Final = "23505"
_UNIQUE_PATHS: Final = ("captures_storage_path_key", "captures_thumbnail_path_key")
# An object never changes: nothing overwrites it, and other bytes get a path of their own. So browsers and
# CDNs may keep it for a year.
_UPLOAD: Final = {
    "cache-control": "max-age=31536000, immutable",
    "x-upsert": "false",
}
_NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})
_REFUSED: Final = frozenset({"401", "403", "Unauthorized", "AccessDenied", "InvalidJWT", "42501"})


class AlreadyThere(Exception):
    """The bucket already has an object at this path; nothing was overwritten."""


class _Refusal(NamedTuple):
    """What Storage says of a request that it has not carried out."""

    message: str
    code: str
    status: str


@cache
def _tls() -> ssl.SSLContext:
    """One for all connections of the process: each takes a megabyte, and milliseconds to make."""
    return httpx.create_ssl_context()


class _PoolPerThread(httpx.BaseTransport):
    """A connection pool for each thread.

    A pool shared by threads checks all its connections under one lock for every request; with 16 threads this
    took an eighth of a worker's CPU time.
    """

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[httpx.HTTPTransport] = []
        self._tls = _tls()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the connections of this thread."""
        transport: httpx.HTTPTransport | None = getattr(self._own, "transport", None)
        if transport is None:
            transport = self._own.transport = httpx.HTTPTransport(verify=self._tls, http2=False)
            self._all.append(transport)
        return transport.handle_request(request)

    def close(self) -> None:
        """Close the connections of all threads."""
        for transport in self._all:
            transport.close()


class SupabaseGateway:
    """One keep-alive client for all threads of a process; make it after a fork.

    `timeout_s` (s) bounds each wait. With `breakers` a service that is away is asked by few of the callers;
    the others get NotAsked at once. A gateway without `probes` is never among those few.
    """

    def __init__(
        self,
        settings: SupabaseSettings,
        timeout_s: float,
        breakers: Breakers | None = None,
        *,
        probes: bool = True,
    ) -> None:
        self._breakers = breakers
        self._probes = probes
        # HTTP/1.1, because httpcore's synchronous HTTP/2 is not thread-safe. No client is around the
        # connections, and no library for Supabase around that: here they would take three times the CPU.
        self._connections = _PoolPerThread()
        self._waits = {"timeout": httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)).as_dict()}
        key = settings.supabase_service_role.get_secret_value()
        self._headers = {"apikey": key, "authorization": f"Bearer {key}", "user-agent": "fleet"}
        bucket = settings.supabase_storage_bucket
        self._rest = f"{settings.supabase_url}/rest/v1"
        self._objects = f"{settings.supabase_url}/storage/v1/object/{bucket}"
        self._accounts = f"{settings.supabase_url}/auth/v1/admin/users"
        self._rows_together = Together(self._record_one, self._record_many)

    def call(self, function: str, **arguments: Any) -> Any:
        """Call an SQL function and return its result; raise Transient or CaptureRejected (2205)."""
        return self._ask("POST", f"rpc/{function}", function, arguments)

    def record_capture(self, row: Row) -> Row:
        """Record a capture by `record_captures`, with those of other threads, or else by `record_capture`.

        Raises Transient or CaptureRejected (2205).
        """
        return self._rows_together.call(row)

    def capture_to_come(self) -> AbstractContextManager[None]:
        """Within this a thread will call `record_capture`, so calls of others may wait for it a moment."""
        return self._rows_together.to_come()

    def _record_one(self, row: Row) -> Row:
        answer: Row = self.call("record_capture", p_capture=row)
        return answer

    def _record_many(self, rows: list[Row]) -> list[Row | None]:
        # What is said of a row that failed has no status, by which an error is judged: alone it has.
        return [each.get("answer") for each in self.call("record_captures", p_captures=rows)]

    def latest_errors(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest rows of `device_errors`, for people.

        Raises Transient or CaptureRejected (2205).
        """
        return self._rows(
            "device_errors", "device_id,error_code,message,occurred_at", "occurred_at.desc", limit
        )

    def latest_messages(self, device_id: str, limit: int) -> list[dict[str, Any]]:
        """Return the newest messages of a device in `device_publish_log`, for people; at most 1,000.

        Raises Transient or CaptureRejected (2205).
        """
        columns = "topic,payload,received_at"
        mine = {"device_id": f"eq.{device_id}", "direction": "eq.in"}
        return self._rows("device_publish_log", columns, "received_at.desc", limit, **mine)

    def capture_named(self, device_id: str, image_name: str) -> str | None:
        """Return the id of the newest capture of that name, for people; None if there is none.

        Raises Transient or CaptureRejected (2205).
        """
        named = {"device_id": f"eq.{device_id}", "device_capture_id": f"eq.{image_name}"}
        rows = self._rows("captures", "capture_id", "captured_at.desc", 1, **named)
        return rows[0]["capture_id"] if rows else None

    def has_device(self, device_id: str) -> bool:
        """Say whether there is such a device, for people; raises Transient or CaptureRejected (2205)."""
        return bool(self._rows("devices", "device_id", "device_id", 1, device_id=f"eq.{device_id}"))

    def admits(self, *, storage: bool) -> bool:
        """Say whether a capture may be tried now; `storage` means that it needs more than the database."""
        if self._breakers is None:
            return True
        return self._breakers.database.admits() and (not storage or self._breakers.storage.admits())

    def _guard(self, service: Service) -> AbstractContextManager[None]:
        if self._breakers is None:
            return nullcontext()
        breaker: Breaker = getattr(self._breakers, service)
        return breaker.guard(probes=self._probes)

    def _rows(self, table: str, columns: str, order: str, limit: int, **filters: str) -> list[dict[str, Any]]:
        query = urlencode({"select": columns, **filters, "order": order, "limit": limit})
        rows: list[dict[str, Any]] = self._ask("GET", f"{table}?{query}", table)
        return rows

    def _ask(self, method: str, path: str, what: str, arguments: dict[str, Any] | None = None) -> Any:
        content = None if arguments is None else _encoded(arguments)
        with self._guard("database"):
            response = self._send(method, f"{self._rest}/{path}", content)
            if response.is_success:
                return _said(response)
            raise _database_error(*_code_and_message(response), what)

    def _send(
        self,
        method: str,
        address: str,
        content: bytes | None = None,
        content_type: str = "application/json",
        more: Mapping[str, str] = _NO_MORE,
    ) -> httpx.Response:
        """Send a request and return the answer, all of which is read; raise Transient or AccessDenied."""
        with self._answer(method, address, content, content_type, more) as response:
            response.read()
            return response

    @contextmanager
    def _answer(
        self,
        method: str,
        address: str,
        content: bytes | None = None,
        content_type: str = "application/json",
        more: Mapping[str, str] = _NO_MORE,
    ) -> Iterator[httpx.Response]:
        headers = {**self._headers, "content-type": content_type, **more}
        request = httpx.Request(method, address, headers=headers, content=content, extensions=self._waits)
        try:
            with closing(self._connections.handle_request(request)) as response:
                _judge_status(response)
                yield response
        except httpx.RequestError as error:
            raise Transient(f"Supabase: {type(error).__name__}") from error

    def _object(self, path: str) -> str:
        return f"{self._objects}/{quote(path)}"

    def upload(self, path: str, data: bytes, content_type: str = "image/jpeg") -> None:
        """Upload an object without overwriting anything.

        Raises AlreadyThere, Transient or CaptureRejected (2204).
        """
        with self._guard("storage"):
            response = self._send("POST", self._object(path), data, content_type, _UPLOAD)
            if response.is_success:
                said = _said(response)
                if not isinstance(said, dict) or "Key" not in said:
                    raise Transient(f"Supabase Storage does not say that it has {path}")
                return
            refusal = _refusal(response)
            raise AlreadyThere(path) if set(refusal) & _DUPLICATE else _storage_error(refusal, path)

    def download(self, path: str) -> bytes | None:
        """Download an object; None if there is none. Raises Transient or CaptureRejected (2204)."""
        with self.stream(path) as parts:
            return None if parts is None else b"".join(parts)

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes] | None]:
        """Give the bytes of an object as they come; None if there is none.

        Raises Transient or CaptureRejected (2204).
        """
        with self._guard("storage"), self._answer("GET", self._object(path)) as response:
            if response.is_success:
                yield response.iter_bytes()
                return
            response.read()
            refusal = _refusal(response)
            if not set(refusal) & _NO_OBJECT or set(refusal) & _NO_BUCKET:
                raise _storage_error(refusal, path)
        yield None

    def remove(self, paths: list[str]) -> None:
        """Remove objects, at most 1,000; one that is not there is no error.

        Raises Transient or CaptureRejected (2204).
        """
        with self._guard("storage"):
            response = self._send("DELETE", self._objects, orjson.dumps({"prefixes": paths}))
            if not response.is_success:
                raise _storage_error(_refusal(response), f"{len(paths)} objects")
            _said(response)

    def delete_account(self, user_id: str) -> None:
        """Delete an account by Supabase's admin API; one that is not there is no error.

        Raises Transient or CaptureRejected (2205).
        """
        response = self._send("DELETE", f"{self._accounts}/{user_id}")
        if not response.is_success and response.status_code != 404:
            raise CaptureRejected(ErrorCode.DATABASE_FAILED, f"accounts: {_text(response)}")

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()


def _said(response: httpx.Response) -> Any:
    """Read a good answer, which is JSON or nothing; raise Transient for one of something in between."""
    try:
        return orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError:
        raise Transient(f"no answer of Supabase: {_text(response)}") from None


def _code_and_message(response: httpx.Response) -> tuple[str, str]:
    try:
        said = orjson.loads(response.content)
        return str(said["code"]), str(said["message"])
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return str(response.status_code), _text(response)


def _encoded(arguments: dict[str, Any]) -> bytes:
    """Write arguments as JSON; raise UnicodeEncodeError for a text that is none."""
    try:
        return orjson.dumps(arguments)
    except TypeError:
        # It knows no number beyond 64 bits, which a device may have said, and has one error for everything.
        return json.dumps(arguments, ensure_ascii=False).encode()


def _database_error(code: str, message: str, what: str) -> FleetError:
    said = f"Supabase database: {code} {message}"
    if code in READ_ONLY:
        return _denied(said, _restricted)
    # A SQLSTATE has five characters; a shorter code is the HTTP status.
    if (len(code) == 5 and code.startswith(_PASSING_SQLSTATE)) or code in _PASSING_POSTGREST:
        return Transient(said)
    if code in _REFUSED or code.startswith(_NOT_INSTALLED):
        return _denied(said, _refused)
    if code == _UNIQUE_VIOLATION and any(name in message for name in _UNIQUE_PATHS):
        return PathTaken(ErrorCode.DATABASE_FAILED, f"database: {message}")
    return CaptureRejected(ErrorCode.DATABASE_FAILED, f"database: {message}", function=what, sqlstate=code)


def lost(path: str) -> AccessDenied:
    """Raise the alarm of an object that Storage says is there, and whose bytes it does not have."""
    return _denied(f"Supabase Storage has lost the bytes of {path}: delete this object", _lost)


def _denied(message: str, alarm: Alarm) -> AccessDenied:
    """Make an AccessDenied, and raise the alarm."""
    alarm.sound(f"{message}; all data is kept and tried again slowly, but an operator must act")
    return AccessDenied(message)


def _judge_status(response: httpx.Response) -> None:
    status, said = response.status_code, f"Supabase answered {response.status_code}"
    if status in (401, 403):
        raise _denied(said, _refused)
    if status == RESTRICTED_STATUS or (
        status >= 500 and any(text in _text(response) for text in _FULL_TEXTS)
    ):
        raise _denied(f"{said}: {_text(response)}", _restricted)
    if response.is_redirect:
        # None is followed: the key would go there too.
        raise _denied(f"{said}, which leads elsewhere: SUPABASE_URL is not the project's", _refused)
    if status in PASSING_STATUS:
        raise Transient(said)


def _text(response: httpx.Response) -> str:
    return " ".join(response.read().decode(errors="replace").split())[:300]


def _refusal(response: httpx.Response) -> _Refusal:
    """Read an answer of Storage: which of its parts tells the kind of an error depends on its version."""
    try:
        said = orjson.loads(response.content)
        return _Refusal(str(said["message"]), str(said["error"]), str(said["statusCode"]))
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return _Refusal(f"no answer of Storage: {_text(response)}", "", str(response.status_code))


def _storage_error(error: _Refusal, path: str) -> Exception:
    codes, said = set(error), f"Supabase Storage: {error.message}"
    if codes & _REFUSED:
        return _denied(said, _refused)
    if str(RESTRICTED_STATUS) in codes:
        return _denied(said, _restricted)
    if any(code.isdecimal() and int(code) in PASSING_STATUS for code in codes):
        return Transient(said)
    if codes & (_NO_OBJECT | _NO_BUCKET):
        # The bucket is missing, so no capture is at fault: an operator must apply sql/. Nothing is dropped.
        return _denied(said, _refused)
    return CaptureRejected(ErrorCode.UPLOAD_FAILED, f"storage: {error.message}", path=path)
