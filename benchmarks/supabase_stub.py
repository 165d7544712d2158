"""A stub of Supabase: it answers the service's requests, at once or after a set delay, and counts them.

It is a minimal HTTP/1.1 server on asyncio. It reads only the method, the path and the length of the body, and
counts the rows of captures in it, so that it uses little CPU time next to the processes that are measured.

    python -m benchmarks.supabase_stub PORT
"""

import asyncio
import json
import sys
from base64 import urlsafe_b64decode
from collections import Counter
from typing import Final

from operate.checks.supabase import FUNCTIONS, SCHEMA_VERSION

_ROW: Final = json.dumps(
    {
        "capture_id": "00000000-0000-0000-0000-000000000000",
        "ingest_status": "stored",
        "captured_at": "2025-10-04T12:34:56+00:00",
        "storage_path": "captures/x",
        "next_wake_at": "2025-10-05T17:30:00+00:00",
        "timezone": "UTC",
    }
).encode()
_OBJECT: Final = b'{"Id":"0","Key":"gxp-captures/x"}'
_BUCKET: Final = b'{"name":"gxp-captures","public":false}'
_SCHEMA: Final = json.dumps(
    {"version": SCHEMA_VERSION, "functions": sorted(FUNCTIONS), "open_tables": [], "open_functions": []}
).encode()
# The answers of the database functions; every other function answers null.
_ANSWERS: Final = {
    "record_capture": _ROW,
    "inspect_schema": _SCHEMA,
    "claim_deliveries": b"[]",
    "keep_channels": b'{"dead":0,"dropped":0,"deleted":0}',
}


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an HTTP response."""
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Stub:
    """The state that all connections share: the delay, and the number of requests of each kind.

    `rows` are the captures that the requests have recorded.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.counts: Counter[str] = Counter()
        self._answers = dict(_ANSWERS)

    def respond(self, method: bytes, path: bytes, body: bytes) -> tuple[bytes, float]:
        """Return the answer to a request, and the seconds to wait before sending it."""
        if path.startswith(b"/stub/answer/"):
            function, _, result = path.removeprefix(b"/stub/answer/").partition(b"/")
            self._answers[function.decode()] = urlsafe_b64decode(result)
            return answer(b"{}"), 0.0
        if path.startswith(b"/stub/"):
            if method == b"PUT":
                self.delay_s = float(path.rpartition(b"/")[2]) / 1000
            return answer(json.dumps(self.counts).encode()), 0.0
        if path.startswith(b"/storage/v1/object/"):
            self.counts["uploads"] += 1
            return answer(_OBJECT), self.delay_s
        if path.startswith(b"/storage/v1/bucket/"):
            return answer(_BUCKET), self.delay_s
        kind = path.rpartition(b"/")[2].decode()
        self.counts[kind] += 1
        said = self._answers.get(kind, b"null")
        if kind in ("record_capture", "record_captures"):
            rows = body.count(b'"ingest_status":')
            self.counts["rows"] += rows
            if kind == "record_captures":
                said = b"[%b]" % b",".join([b'{"answer":%b}' % _ROW] * rows)
        return answer(said), self.delay_s


class _Connection(asyncio.Protocol):
    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        # The pieces are joined only when a whole request may be there, because a body comes in many pieces.
        while self._held >= self._needed and self._held:
            whole = b"".join(self._parts)
            end = whole.find(b"\r\n\r\n")
            if end < 0:
                self._needed = self._held + 1
                break
            start = whole[:end].lower().find(b"content-length:")
            length = int(whole[start + 15 : end].split(b"\r\n", 1)[0]) if start >= 0 else 0
            self._needed = end + 4 + length
            if self._held < self._needed:
                self._parts = [whole]
                break
            method, path, _ = whole.split(b" ", 2)
            body, rest = whole[end + 4 : self._needed], whole[self._needed :]
            self._parts, self._held, self._needed = [rest] if rest else [], len(rest), 0
            response, delay = self._stub.respond(method, path, body)
            if delay:
                asyncio.get_running_loop().call_later(delay, self._transport.write, response)
            else:
                self._transport.write(response)


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    stub = Stub()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(stub), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
