"""The functions of a PostgreSQL database over HTTP, called as PostgREST calls them, for the service's own gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sql_postgres import Database
from supabase_server import Asked, SupabaseServer


class DataApi:
    """Answers a request to `/rest/v1/rpc/…` with what the function returns, or with its SQLSTATE."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = threading.local()
        self.connections: list[psycopg.Connection[Any]] = []

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Call the function with the arguments by their names, as the role of the service's key."""
        function = asked.path.removeprefix("/rest/v1/rpc/")
        arguments = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.json.items()
        }
        given = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in arguments
        )
        call = sql.SQL("select to_json(public.{}({}))").format(sql.Identifier(function), given)
        try:
            with self._connection().transaction():
                self._connection().execute("set local role service_role")
                row = self._connection().execute(call, arguments).fetchone()
            return 200, row and row[0]
        except psycopg.Error as error:
            state = error.sqlstate or "08006"
            return (500 if state.startswith(("08", "40", "53", "57")) else 400), {
                "code": state, "message": str(error),
            }  # fmt: skip

    def _connection(self) -> psycopg.Connection[Any]:
        # The server has a thread for each connection of the client, and each a connection of its own.
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(self._database.url, autocommit=True)
            self.connections.append(self._own.connection)
        return self._own.connection


@contextmanager
def data_api(database: Database) -> Iterator[SupabaseServer]:
    """Serve the functions of a database."""
    api, server = DataApi(database), SupabaseServer()
    server.answer = api.answer
    try:
        yield server
    finally:
        server.close()
        for connection in api.connections:
            connection.close()
