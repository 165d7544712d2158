"""The gateway to the owner's Supabase project: few calls, and every error turned into one of `core.errors`.

Transient: the error may pass (network, HTTP 408, 423, 425, 429, 5xx, SQLSTATE classes 08, 40, 53, 57).
AccessDenied, with an alarm: the project refuses the key, lacks a part of sql/, is over its quota or unpaid
(HTTP 402), or its database is full or read-only (SQLSTATE 53100, 25006). Any other error is final and becomes
a CaptureRejected: 2204 for Storage, 2205 for the database.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, Final
from urllib.parse import quote

import httpx
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from core.alarm import Alarm
from core.errors import AccessDenied, CaptureRejected, ErrorCode, PathTaken, Transient
from core.settings import SupabaseSettings
from core.store.breakers import Breaker, Breakers, Service

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
# is no PostgREST at all: supabase-py gives the HTTP status as the code of an answer that is not PostgREST's.
_NOT_INSTALLED: Final = ("PGRST2", "42883", "42P01", "404")
_UNIQUE_VIOLATION: Final = "23505"
_UNIQUE_PATHS: Final = ("captures_storage_path_key", "captures_thumbnail_path_key")
# An object never changes: nothing overwrites it, and other bytes get a path of their own. So browsers and
# CDNs may keep it for a year.
_UPLOAD: Final = {
    "cache-control": "max-age=31536000, immutable",
    "x-upsert": "false",
}
_REFUSED: Final = frozenset({"401", "403", "Unauthorized", "AccessDenied", "InvalidJWT", "42501"})


class AlreadyThere(Exception):
    """The bucket already has an object at this path; nothing was overwritten."""


class _PoolPerThread(httpx.BaseTransport):
    """A connection pool for each thread.

    A pool shared by threads checks all its connections under one lock for every request; with 16 threads this
    took an eighth of a worker's CPU time.
    """

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[httpx.HTTPTransport] = []
        self._tls = httpx.create_ssl_context()  # one for all threads: each takes a megabyte and milliseconds

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
        # HTTP/1.1, because httpcore's synchronous HTTP/2 is not thread-safe. One hook judges every status,
        # because each of supabase-py's clients reports it in a different form.
        self._transport = _PoolPerThread()
        timeout = httpx.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._http = httpx.Client(
            transport=self._transport,
            timeout=timeout,
            event_hooks={"response": [_judge_status]},
        )
        key = settings.supabase_service_role.get_secret_value()
        self._client: Client = create_client(
            settings.supabase_url,
            key,
            ClientOptions(
                httpx_client=self._http,
                auto_refresh_token=False,
                persist_session=False,
                postgrest_client_retry=False,
            ),
        )
        bucket = settings.supabase_storage_bucket
        self._bucket = self._client.storage.from_(bucket)
        self._objects = f"{settings.supabase_url}/storage/v1/object/{bucket}"
        self._accounts = f"{settings.supabase_url}/auth/v1/admin/users"
        self._login = {"apikey": key, "authorization": f"Bearer {key}"}
        self._upload_headers = httpx.Headers({**self._http.headers, **self._login, **_UPLOAD})
        self._waits = {"timeout": timeout.as_dict()}

    def call(self, function: str, **arguments: Any) -> Any:
        """Call an SQL function and return its result; raise Transient or CaptureRejected (2205)."""
        return self._ask(self._client.rpc(function, arguments), function)

    def latest_errors(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest rows of `device_errors`, for people.

        Raises Transient or CaptureRejected (2205).
        """
        table = self._client.table("device_errors").select("device_id,error_code,message,occurred_at")
        rows: list[dict[str, Any]] = self._ask(
            table.order("occurred_at", desc=True).limit(limit), "device_errors"
        )
        return rows

    def latest_messages(self, device_id: str, limit: int) -> list[dict[str, Any]]:
        """Return the newest messages of a device in `device_publish_log`, for people; at most 1,000.

        Raises Transient or CaptureRejected (2205).
        """
        table = self._client.table("device_publish_log").select("topic,payload,received_at")
        mine = table.eq("device_id", device_id).eq("direction", "in")
        rows: list[dict[str, Any]] = self._ask(
            mine.order("received_at", desc=True).limit(limit), "device_publish_log"
        )
        return rows

    def capture_named(self, device_id: str, image_name: str) -> str | None:
        """Return the id of the newest capture of that name, for people; None if there is none.

        Raises Transient or CaptureRejected (2205).
        """
        table = self._client.table("captures").select("capture_id")
        named = table.eq("device_id", device_id).eq("device_capture_id", image_name)
        rows = self._ask(named.order("captured_at", desc=True).limit(1), "captures")
        return rows[0]["capture_id"] if rows else None

    def has_device(self, device_id: str) -> bool:
        """Say whether there is such a device, for people; raises Transient or CaptureRejected (2205)."""
        table = self._client.table("devices").select("device_id")
        return bool(self._ask(table.eq("device_id", device_id), "devices"))

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

    def _ask(self, query: Any, what: str) -> Any:
        with self._guard("database"):
            return _answer(query, what)

    def upload(self, path: str, data: bytes, content_type: str = "image/jpeg") -> None:
        """Upload an object without overwriting anything.

        It goes past supabase-py, which makes a form of it, and past the client around the connections: they
        would take as much CPU again. Storage takes the plain bytes too, as supabase-js sends them. Raises
        AlreadyThere, Transient or CaptureRejected (2204).
        """
        address = f"{self._objects}/{path}"
        headers = self._upload_headers.copy()
        headers["content-type"] = content_type
        request = httpx.Request("POST", address, headers=headers, content=data, extensions=self._waits)
        with self._guard("storage"):
            try:
                response = self._transport.handle_request(request)
                with closing(response):
                    response.read()
            except httpx.TransportError as error:
                raise Transient(f"Supabase: {type(error).__name__}") from error
            _judge_status(response)
            if response.is_success:
                return
            refusal = _refusal(response)
            raise AlreadyThere(path) if _codes(refusal) & _DUPLICATE else _storage_error(refusal, path)

    def download(self, path: str) -> bytes | None:
        """Download an object; None if there is none. Raises Transient or CaptureRejected (2204)."""
        with self.stream(path) as parts:
            return None if parts is None else b"".join(parts)

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes] | None]:
        """Give the bytes of an object as they come; None if there is none.

        supabase-py would hold all of them. Raises Transient or CaptureRejected (2204).
        """
        address = f"{self._objects}/{quote(path)}"
        with self._guard("storage"):
            try:
                with self._http.stream("GET", address, headers=self._login) as response:
                    if response.is_success:
                        yield response.iter_bytes()
                        return
                    response.read()
            except httpx.TransportError as error:
                raise Transient(f"Supabase: {type(error).__name__}") from error
            refusal = _refusal(response)
            codes = _codes(refusal)
            if not codes & _NO_OBJECT or codes & _NO_BUCKET:
                raise _storage_error(refusal, path)
        yield None

    def remove(self, paths: list[str]) -> None:
        """Remove objects, at most 1,000; one that is not there is no error.

        Raises Transient or CaptureRejected (2204).
        """
        with self._guard("storage"):
            try:
                self._bucket.remove(paths)
            except httpx.TransportError as error:
                raise Transient(f"Supabase: {type(error).__name__}") from error
            except StorageApiError as error:
                raise _storage_error(error, f"{len(paths)} objects") from error

    def delete_account(self, user_id: str) -> None:
        """Delete an account by Supabase's admin API; one that is not there is no error.

        Raises Transient or CaptureRejected (2205).
        """
        try:
            response = self._http.delete(f"{self._accounts}/{user_id}", headers=self._login)
        except httpx.TransportError as error:
            raise Transient(f"Supabase: {type(error).__name__}") from error
        if not response.is_success and response.status_code != 404:
            raise CaptureRejected(ErrorCode.DATABASE_FAILED, f"accounts: {_text(response)}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _answer(query: Any, what: str) -> Any:
    try:
        return query.execute().data
    except httpx.TransportError as error:
        raise Transient(f"Supabase: {type(error).__name__}") from error
    except APIError as error:
        code = str(error.code or "")
        said = f"Supabase database: {code} {error.message}"
        if code in READ_ONLY:
            raise _denied(said, _restricted) from error
        # A SQLSTATE has five characters; a shorter code is the HTTP status.
        if (len(code) == 5 and code.startswith(_PASSING_SQLSTATE)) or code in _PASSING_POSTGREST:
            raise Transient(said) from error
        if code in _REFUSED or code.startswith(_NOT_INSTALLED):
            raise _denied(said, _refused) from error
        if code == _UNIQUE_VIOLATION and any(name in (error.message or "") for name in _UNIQUE_PATHS):
            raise PathTaken(ErrorCode.DATABASE_FAILED, f"database: {error.message}") from error
        raise CaptureRejected(
            ErrorCode.DATABASE_FAILED, f"database: {error.message}", function=what, sqlstate=code
        ) from error


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
    if status in PASSING_STATUS:
        raise Transient(said)


def _text(response: httpx.Response) -> str:
    response.read()
    return " ".join(response.text.split())[:300]


def _refusal(response: httpx.Response) -> StorageApiError:
    """Read an answer of Storage as supabase-py does."""
    try:
        said = response.json()
        return StorageApiError(said["message"], said["error"], said["statusCode"])
    except (KeyError, TypeError, ValueError):
        return StorageApiError(f"no answer of Storage: {_text(response)}", "", response.status_code)


def _codes(error: StorageApiError) -> set[str]:
    """What may tell the kind of an error: which of them does, depends on the version of Storage."""
    return {str(error.status), str(error.code), str(error.message)}


def _storage_error(error: StorageApiError, path: str) -> Exception:
    codes, said = _codes(error), f"Supabase Storage: {error.message}"
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
