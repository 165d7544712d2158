"""Supabase for a rig whose database is real: functions run in PostgreSQL, and Storage answers like the stub.

Storage's answers have the stub's delay; those of functions take what the database takes.

    python -m benchmarks.supabase_on_postgres PORT DATABASE_URL
"""

import asyncio
import json
import sys
from typing import Any, Final

import psycopg
from psycopg import sql

from benchmarks.supabase_stub import Stub, answer

RPC: Final = b"/rest/v1/rpc/"
# As many as a hosted project's PostgREST has.
CONNECTIONS: Final = 10


class Server:
    """Answers the requests of the service."""

    def __init__(self, connections: asyncio.Queue[psycopg.AsyncConnection[Any]]) -> None:
        self._stub = Stub()
        self._connections = connections

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over one connection, until it is closed."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b" ", 2)
                start = head.lower().find(b"content-length:")
                length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
                writer.write(await self._respond(method, path, await reader.readexactly(length)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _respond(self, method: bytes, path: bytes, body: bytes) -> bytes:
        said, delay = self._stub.respond(method, path, body)
        if path.startswith(RPC) and path != RPC + b"inspect_schema":
            return await self._call(path.removeprefix(RPC).decode(), json.loads(body))
        await asyncio.sleep(delay)
        return said

    async def _call(self, function: str, arguments: dict[str, Any]) -> bytes:
        given = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()
        }
        named = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in given
        )
        call = sql.SQL("select to_json(public.{}({}))::text").format(sql.Identifier(function), named)
        connection = await self._connections.get()
        try:
            row = await (await connection.execute(call, given)).fetchone()
            return answer(row[0].encode() if row and row[0] else b"null")
        except psycopg.Error as error:
            said = {"code": error.sqlstate, "message": str(error)}
            return answer(json.dumps(said).encode(), b"400 Bad Request")
        finally:
            self._connections.put_nowait(connection)


async def serve(port: int, url: str) -> None:
    """Serve until the process is ended."""
    connections: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        connections.put_nowait(await psycopg.AsyncConnection.connect(url, autocommit=True))
    running = await asyncio.start_server(Server(connections).serve, "127.0.0.1", port)
    await running.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
