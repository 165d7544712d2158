"""A small HTTP server in the place of a Supabase project, which answers as a test says."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from core.settings import SupabaseSettings
from core.supabase import SupabaseGateway


class Asked(NamedTuple):
    """One request, and the address and port of its client; `json` is its body if that is JSON."""

    method: str
    path: str
    body: bytes
    headers: Any
    client: tuple[str, int]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class SupabaseServer:
    """Answers every request with `answer(asked)`: a status and a body, JSON or bytes; `head` is told with it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.head: dict[str, str] = {}
        self.answer = lambda _asked: (200, None)
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.settings = SupabaseSettings(
            supabase_url=f"http://127.0.0.1:{self._server.server_port}", supabase_service_role="sb_secret_x"
        )

    @contextmanager
    def gateway(self, timeout_s=10.0):
        """The service's own gateway to this server."""
        gateway = SupabaseGateway(self.settings, timeout_s)
        try:
            yield gateway
        finally:
            gateway.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    owner: SupabaseServer

    def _serve(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        asked = Asked(self.command, self.path, body, self.headers, self.client_address)
        self.owner.asked.append(asked)
        try:
            status, body = self.owner.answer(asked)
        except ConnectionError:  # the test wants no answer
            self.close_connection = True
            return
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | self.owner.head).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""
