"""The gateway to the owner's Supabase project: few calls, and every error turned into one of `core.errors`.

Transient: the error may pass (network, HTTP 408, 423, 425, 429, 5xx, SQLSTATE classes 08, 40, 53, 57).
AccessDenied: the project refuses the key or lacks a part of sql/. Any other error is final and becomes a
CaptureRejected: 2204 for Storage, 2205 for the database.
"""

import logging
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import httpx
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from core.alarm import Alarm
from core.errors import AccessDenied, CaptureRejected, ErrorCode, PathTaken, Transient
from core.settings import SupabaseSettings
from core.store.breakers import Breaker, Breakers, Service

log = logging.getLogger("supabase")
_alarm: Final = Alarm(log)

# The edge in front of hosted projects answers 520 to 544 when it cannot reach them.
_TRANSIENT_STATUS: Final = frozenset({408, 423, 425, 429, *range(500, 600)})
_TRANSIENT_SQLSTATE: Final = ("08", "40", "53", "57")
_TRANSIENT_POSTGREST: Final = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003"})
_DUPLICATE: Final = frozenset({"409", "Duplicate", "KeyAlreadyExists", "ResourceAlreadyExists"})
# PostgREST or Postgres lacks the function or table: sql/ is not applied, or the schema cache is old.
_NOT_INSTALLED: Final = ("PGRST2", "42883", "42P01")
_UNIQUE_VIOLATION: Final = "23505"
_UNIQUE_PATHS: Final = ("captures_storage_path_key", "captures_thumbnail_path_key")
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
        self._http = httpx.Client(
            transport=_PoolPerThread(),
            timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
            event_hooks={"response": [_judge_status]},
        )
        self._client: Client = create_client(
            settings.supabase_url,
            settings.supabase_service_role.get_secret_value(),
            ClientOptions(
                httpx_client=self._http,
                auto_refresh_token=False,
                persist_session=False,
                postgrest_client_retry=False,
            ),
        )
        self._bucket = self._client.storage.from_(settings.supabase_storage_bucket)

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

    def upload(self, path: str, image: bytes) -> None:
        """Upload a JPEG without overwriting anything.

        Raises AlreadyThere, Transient or CaptureRejected (2204).
        """
        with self._guard("storage"):
            try:
                self._bucket.upload(path, image, {"content-type": "image/jpeg"})
            except httpx.TransportError as error:
                raise Transient(f"Supabase: {type(error).__name__}") from error
            except StorageApiError as error:
                codes = {str(error.status), str(error.code)}
                if codes & _DUPLICATE:
                    raise AlreadyThere(path) from error
                raise _storage_error(error, codes, path) from error

    def download(self, path: str) -> bytes:
        """Download an object; raise Transient or CaptureRejected (2204)."""
        with self._guard("storage"):
            try:
                return self._bucket.download(path)
            except httpx.TransportError as error:
                raise Transient(f"Supabase: {type(error).__name__}") from error
            except StorageApiError as error:
                raise _storage_error(error, {str(error.status), str(error.code)}, path) from error

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
        if code.startswith(_TRANSIENT_SQLSTATE) or code in _TRANSIENT_POSTGREST:
            raise Transient(f"Supabase database: {code} {error.message}") from error
        if code in _REFUSED or code.startswith(_NOT_INSTALLED):
            raise _denied(f"Supabase database: {code} {error.message}") from error
        if code == _UNIQUE_VIOLATION and any(name in (error.message or "") for name in _UNIQUE_PATHS):
            raise PathTaken(ErrorCode.DATABASE_FAILED, f"database: {error.message}") from error
        raise CaptureRejected(
            ErrorCode.DATABASE_FAILED, f"database: {error.message}", function=what, sqlstate=code
        ) from error


def _denied(message: str) -> AccessDenied:
    """Make an AccessDenied, and raise the alarm."""
    _alarm.sound(f"{message}; all data is kept and tried again slowly, but an operator must act")
    return AccessDenied(message)


def _judge_status(response: httpx.Response) -> None:
    if response.status_code in _TRANSIENT_STATUS:
        raise Transient(f"Supabase answered {response.status_code}")
    if response.status_code in (401, 403):
        raise _denied(f"Supabase answered {response.status_code}")


def _storage_error(error: StorageApiError, codes: set[str], path: str) -> Exception:
    if codes & _REFUSED:
        return _denied(f"Supabase Storage: {error.message}")
    if any(code.isdigit() and int(code) in _TRANSIENT_STATUS for code in codes):
        return Transient(f"Supabase Storage: {error.message}")
    if codes & {"404", "NoSuchBucket", "Bucket not found"}:
        # The bucket is missing, so no capture is at fault: an operator must apply sql/. Nothing is dropped.
        return _denied(f"Supabase Storage: {error.message}")
    return CaptureRejected(ErrorCode.UPLOAD_FAILED, f"storage: {error.message}", path=path)
