"""Webhooks: one event as JSON to a URL of a company, signed as the specification "Standard Webhooks" has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The URL comes from a tenant. So: https, unless a setting says otherwise; no address that is not public; no
redirects, no proxy, no cookies; the whole exchange has one deadline; of the answer only the status is read.
"""

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpcore
import httpx

from core.errors import NotDelivered
from core.settings import DeliverySettings
from tasks.channels.addresses import Forbidden, GuardedNetwork, Resolve, resolve
from tasks.channels.message import Message

# Seconds that the whole of it may take.
TOTAL_S: Final = 10.0
CONNECT_S: Final = 4.0
_GONE: Final = 410
_LATER: Final = frozenset({429, 503})
_PORTS: Final = {"https": 443, "http": 80}
_Headers = list[tuple[bytes | str, bytes | str]]
_TIMEOUTS: Final = {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S, "pool": CONNECT_S}


def sign(secret: str, event_id: str, timestamp: int, body: str) -> str:
    """Return the signature of a body: its version, and HMAC-SHA256 over `id.timestamp.body` in base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Webhooks:
    """Sends events to URLs; safe to share between threads."""

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
        resolve: Resolve = resolve,
        total_s: float = TOTAL_S,
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._total_s = total_s
        # Made once it is needed: it takes a megabyte.
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None

    def send(self, message: Message) -> None:
        """Send the event of a message; raise NotDelivered unless the receiver answers 2xx."""
        (event,) = message.events
        event_id, timestamp = str(event.content["id"]), int(time.time())
        signatures = [sign(secret, event_id, timestamp, event.body) for secret in message.secrets]
        headers: _Headers = [
            ("content-type", "application/json"),
            ("user-agent", "fleet-webhooks/1"),
            ("webhook-id", event_id),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", " ".join(signatures)),
        ]
        status, retry_after = self._post(message.target or "", headers, event.body.encode())
        if not 200 <= status < 300:
            raise NotDelivered(
                f"the receiver answered {status}",
                retry_after_s=_seconds(retry_after) if status in _LATER else None,
                gone=status == _GONE,
            )

    def _post(self, url: str, headers: _Headers, body: bytes) -> tuple[int, str | None]:
        """Post, and return the status and the header Retry-After; raise NotDelivered, without the URL."""
        self._check(url)
        if self._tls is None:
            self._tls = self._make_tls()
        network = GuardedNetwork(
            time.monotonic() + self._total_s, self._settings.webhook_private_networks, self._resolve
        )
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=network) as pool,
                pool.stream(
                    "POST", url, headers=headers, content=body, extensions={"timeout": dict(_TIMEOUTS)}
                ) as answer,
            ):
                retry_after = dict(answer.headers).get(b"retry-after")
                return answer.status, retry_after.decode("ascii", "replace") if retry_after else None
        except httpcore.TimeoutException:
            raise NotDelivered(f"no answer within {self._total_s:g} s") from None
        except Forbidden as error:
            raise NotDelivered(str(error)) from None
        except httpcore.ProtocolError:
            # Its text has what the other side said.
            raise NotDelivered("the answer is no HTTP") from None
        except (httpcore.NetworkError, ssl.SSLError, ValueError, OSError) as error:
            raise NotDelivered(_said(error)) from None

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise NotDelivered("the URL is unusable") from None
        if parts.scheme != "https" and not (parts.scheme == "http" and self._settings.webhook_allow_http):
            raise NotDelivered("the URL is not https")
        # Below 1024 other protocols answer, whose servers might read a command in what we send.
        if port < 1024 and port != _PORTS[parts.scheme]:
            raise NotDelivered(f"port {port} is not one for webhooks")


def _seconds(retry_after: str | None) -> int | None:
    return int(retry_after) if retry_after and retry_after.isdecimal() and len(retry_after) < 9 else None


def _said(error: Exception) -> str:
    """Say what failed, in words of OpenSSL or the system, neither of which knows URL or answer."""
    return f"no connection: {str(error)[:200] or type(error).__name__}"
