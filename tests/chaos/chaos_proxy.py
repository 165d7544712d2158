"""Proxies on loopback that do to a connection what networks and overloaded services do, on command."""

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

from local.ports import LOOPBACK, free_port
from local.stack import BUCKET

HANG_AT_MOST_S = 60.0
GATHER_AT_MOST_S = 20.0
OBJECTS = f"/storage/v1/object/{BUCKET}/"


def reset(connection: socket.socket) -> None:
    """Close a connection with RST, as a crashed peer does."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class TcpProxy:
    """Passes bytes to `target`; the line can be cut (refused, reset) and frozen (open, but silent)."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._watches: list[tuple[bytes, Callable[[], None]]] = []

    def heal(self) -> None:
        """Let everything through again."""
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port), reuse_port=False)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            reset(listener)
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            reset(connection)
        self._flowing.set()

    def freeze(self) -> None:
        """Keep all connections open, accept new ones, and pass nothing on."""
        self._flowing.clear()

    def watch(self, pattern: bytes, action: Callable[[], None]) -> None:
        """Call `action` once, before the next bytes from a client that contain `pattern` are passed on."""
        with self._lock:
            self._watches.append((pattern, action))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((LOOPBACK, self._target), timeout=5)
            except OSError:
                reset(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._connections |= {client, server}
            for source, sink, watched in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, watched), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, watched: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if watched and self._watches:
                    self._notice(data)
                sink.sendall(data)
        for connection in (source, sink):
            reset(connection)
            with self._lock:
                self._connections.discard(connection)

    def _notice(self, data: bytes) -> None:
        with self._lock:
            hits = [watch for watch in self._watches if watch[0] in data]
            self._watches = [watch for watch in self._watches if watch not in hits]
        for _, action in hits:
            action()


@dataclass(frozen=True)
class Fault:
    """What happens to a share of the requests: `answer`, `hang`, `reset`, `swallow` or `late`.

    `answer` answers with `status`, `swallow` passes the request on and loses the reply, `late` passes it on after
    `seconds`. `writes` spares reading requests.
    """

    kind: str
    status: int = 0
    seconds: float = 0.0
    share: float = 1.0
    writes: bool = False


@dataclass(frozen=True)
class Watch:
    """Call `action` once, when a request whose method and path contain `part` is about to be passed on, or was."""

    part: str
    after: bool
    action: Callable[[], None]


class HttpProxy:
    """Passes HTTP requests to `target`, but for the fault that is set.

    An upload goes as on a hosted project: its key is looked for when the request arrives, and written when all
    of its bytes are there. So two uploads without upsert at once both succeed, and the later one stands.
    """

    def __init__(self, target: int, rng: Random) -> None:
        self._target = target
        self._rng = rng
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._healed = threading.Event()
        self._watches: list[Watch] = []
        self._gathering: tuple[str, threading.Barrier] | None = None
        self._amended: dict[str, dict[str, object]] = {}
        # The embedded server lets two writes of a new key collide, which the hosted one does not.
        self._writing = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, bytes]] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def set(self, fault: Fault | None) -> None:
        """Put a fault in force, or none; what hangs is let go."""
        self._healed.set()
        self._healed = threading.Event()
        self._fault = fault

    def watch(self, part: str, action: Callable[[], None], *, after: bool) -> None:
        """Call `action` once, before or after the next request with `part` in `POST /path` is passed on.

        Its sender gets no reply.
        """
        with self._lock:
            self._watches.append(Watch(part, after, action))

    def gather(self, part: str, number: int) -> None:
        """Let the next `number` uploads whose path contains `part` all be looked for before one is written."""
        self._gathering = (part, threading.Barrier(number))

    def amend(self, function: str, **arguments: object) -> None:
        """Let every call of a database function have these arguments too, or in place of its own."""
        self._amended[f"/rpc/{function}"] = arguments

    def amend_nothing(self) -> None:
        """Let all calls be as they are again."""
        self._amended = {}

    def close(self) -> None:
        """Stop serving."""
        self.set(None)
        self._server.shutdown()
        self._server.server_close()

    def _pick(self, method: str, path: str) -> tuple[Fault | None, Watch | None]:
        with self._lock:
            watch = next((watch for watch in self._watches if watch.part in f"{method} {path}"), None)
            if watch is not None:
                self._watches.remove(watch)
            fault = self._fault
            if fault and ((fault.writes and method == "GET") or self._rng.random() >= fault.share):
                fault = None
            self.counts[fault.kind if fault else "passed"] += 1
            return fault, watch

    def _wait_for_others(self, path: str) -> None:
        gathering = self._gathering
        if gathering is None or gathering[0] not in path:
            return
        with contextlib.suppress(threading.BrokenBarrierError):
            gathering[1].wait(GATHER_AT_MOST_S)
        self._gathering = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def _serve(self) -> None:
                self._taken = self._looks_for_its_key() and self._is_there()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                for path, arguments in proxy._amended.items():
                    if self.path.endswith(path):
                        body = json.dumps(json.loads(body) | arguments).encode()
                        self.headers.replace_header("Content-Length", str(len(body)))
                if self.command != "GET":
                    proxy.requests.append((self.path, body))
                fault, watch = proxy._pick(self.command, self.path)
                if watch is not None:
                    if watch.after:
                        self._pass_on(body)
                    watch.action()
                    return self._reset()
                if fault is None:
                    return self._reply(*self._pass_on(body))
                if fault.kind == "answer":
                    text = b'{"message": "the proxy says so", "error": "fault", "statusCode": "%d"}'
                    return self._reply(
                        fault.status, [("Content-Type", "application/json")], text % fault.status
                    )
                if fault.kind == "late":
                    proxy._healed.wait(fault.seconds)
                    return self._reply(*self._pass_on(body))
                if fault.kind == "hang":
                    proxy._healed.wait(HANG_AT_MOST_S)
                elif fault.kind == "swallow":
                    self._pass_on(body)
                return self._reset()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

            def _looks_for_its_key(self) -> bool:
                upserts = self.headers.get("x-upsert") == "true"
                return self.command == "POST" and self.path.startswith(OBJECTS) and not upserts

            def _is_there(self) -> bool:
                name = self.path.removeprefix(OBJECTS)
                headers = {
                    key: self.headers[key] for key in ("apikey", "authorization") if key in self.headers
                }
                status, _, _ = self._ask("GET", f"/storage/v1/object/info/{BUCKET}/{name}", None, headers)
                return status == 200

            def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                headers = {name: value for name, value in self.headers.items() if name != "Connection"}
                if not self._looks_for_its_key():
                    return self._ask(self.command, self.path, body, headers)
                if self._taken:
                    text = b'{"statusCode": "409", "error": "Duplicate", "message": "The resource already exists"}'
                    return 400, [("Content-Type", "application/json")], text
                proxy._wait_for_others(self.path)
                with proxy._writing:
                    return self._ask("POST", self.path, body, headers | {"x-upsert": "true"})

            def _ask(
                self, method: str, path: str, body: bytes | None, headers: dict[str, str]
            ) -> tuple[int, list[tuple[str, str]], bytes]:
                target = http.client.HTTPConnection(LOOPBACK, proxy._target, timeout=30)
                try:
                    target.request(method, path, body or None, headers)
                    answer = target.getresponse()
                    return answer.status, answer.getheaders(), answer.read()
                finally:
                    target.close()

            def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in (
                        "connection",
                        "content-length",
                        "transfer-encoding",
                        "keep-alive",
                    ):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _reset(self) -> None:
                self.close_connection = True
                reset(self.connection)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
