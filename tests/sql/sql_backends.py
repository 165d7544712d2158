"""The same schema in two places, spoken to in one way: the embedded stack over HTTP, PostgreSQL through psql.

A `Backend` gives sessions: of the service, of anonymous callers and of users. A session reads, writes and
calls functions, and raises `RefusedError` with the SQLSTATE where the database does not let it.
"""

import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sql_postgres import Database, SqlError, literal

from local.snapshot import query
from local.stack import Stack

Row = dict[str, Any]
INSUFFICIENT_PRIVILEGE = "42501"
BUCKET = "gxp-captures"


class RefusedError(Exception):
    """The database did not let the session do that."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate} {message}")
        self.sqlstate = sqlstate


def refused(sqlstate: str, message: str) -> "pytest.RaisesExc[RefusedError]":
    """Expect a refusal with this SQLSTATE and text."""
    return pytest.raises(
        RefusedError, match=re.escape(message), check=lambda error: error.sqlstate == sqlstate
    )


class Session(ABC):
    """One caller of the database."""

    @abstractmethod
    def rpc(self, function: str, **arguments: object) -> Any:
        """Call a function of the schema public."""

    @abstractmethod
    def rpc_rows(self, function: str, **arguments: object) -> list[Row]:
        """Call a function of the schema public that returns rows."""

    @abstractmethod
    def rows(self, table: str, **equal: str) -> list[Row]:
        """Read the rows of a table that the session may see."""

    @abstractmethod
    def insert(self, table: str, *rows: Row) -> None:
        """Insert rows with the same columns each."""

    @abstractmethod
    def update(self, table: str, values: Row, **equal: str) -> None:
        """Change the rows whose columns equal what is given."""

    @abstractmethod
    def delete(self, table: str, **equal: str) -> None:
        """Delete the rows whose columns equal what is given."""

    def row(self, table: str, **equal: str) -> Row:
        """Read the one row that is there."""
        (row,) = self.rows(table, **equal)
        return row


@dataclass(frozen=True)
class User:
    """Somebody with an account, and the session of it."""

    user_id: str
    session: Session
    email: str


class Backend(ABC):
    """A place where the schema is installed."""

    service: Session
    anonymous: Session
    # The embedded server grants everything on every table to all three roles when it starts, whatever the
    # files say: there only the policies stand between a caller and the rows.
    keeps_grants: bool

    @abstractmethod
    def sign_up(self) -> User:
        """Make an account, with an e-mail address of its own."""

    @abstractmethod
    def catalog(self, sql: str) -> list[list[Any]]:
        """Run one query, its columns named differently, as the owner; the rows are lists of JSON values."""

    @abstractmethod
    def trial(self, setup: str, sql: str) -> list[list[Any]]:
        """Run one query after some statements, as the owner; what the statements write is gone afterwards."""

    @abstractmethod
    def put_object(self, name: str) -> None:
        """Store an object in the bucket, as the service."""

    @abstractmethod
    def can_read_object(self, session: Session, name: str) -> bool:
        """Say whether the session gets the object."""

    @abstractmethod
    def can_write_object(self, session: Session, name: str) -> bool:
        """Say whether the session can store an object under a new name."""

    @abstractmethod
    def can_sign_object(self, session: Session, name: str) -> bool:
        """Say whether the session gets a signed link to the object."""

    @abstractmethod
    def lists_object(self, session: Session, name: str) -> bool:
        """Say whether the session sees the object in its folder."""

    @abstractmethod
    def try_to_remove_object(self, session: Session, name: str) -> None:
        """Remove the object if the session may."""

    def sees_nothing(self, session: Session, table: str) -> bool:
        """Say whether a read is refused, or gives no row where grants are not kept."""
        try:
            rows = session.rows(table)
        except RefusedError as refused:
            return refused.sqlstate == INSUFFICIENT_PRIVILEGE
        return not self.keeps_grants and rows == []

    def refuses(self, write: Callable[[], object]) -> bool:
        """Say whether a write is refused for want of a privilege."""
        try:
            write()
        except RefusedError as refused:
            return refused.sqlstate == INSUFFICIENT_PRIVILEGE
        return False

    def member(self, company_id: str, role: str) -> User:
        """Make a user of a company."""
        user = self.sign_up()
        self.service.insert("users", {"user_id": user.user_id, "company_id": company_id, "role": role})
        return user

    def company(self) -> tuple[str, User, str]:
        """Make a company with a user, who is its admin, and a device: its id, the user, the device's id."""
        company_id, device = str(uuid.uuid4()), new_device()
        user = self.sign_up()
        self.service.insert("companies", {"company_id": company_id, "name": "a company"})
        self.service.insert("users", {"user_id": user.user_id, "company_id": company_id})
        self.service.insert("devices", {"device_id": device, "company_id": company_id})
        return company_id, user, device


def new_device() -> str:
    """Give the name of a device that nobody has used."""
    return uuid.uuid4().hex[:12].upper()


class HttpSession(Session):
    """A session over the data API."""

    def __init__(self, stack: Stack, client: httpx.Client, key: str, token: str | None = None) -> None:
        self.headers = {"apikey": key} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._url = f"{stack.supabase_url}/rest/v1"
        self._client = client

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self._client.request(method, f"{self._url}/{path}", headers=self.headers, **options)
        if answer.is_error:
            said = answer.json()
            raise RefusedError(said.get("code") or "", said.get("message") or answer.text)
        return answer.json() if answer.content else None

    def rpc(self, function: str, **arguments: object) -> Any:
        return self._ask("POST", f"rpc/{function}", json=arguments)

    def rpc_rows(self, function: str, **arguments: object) -> list[Row]:
        found: list[Row] = self.rpc(function, **arguments)
        return found

    def rows(self, table: str, **equal: str) -> list[Row]:
        found: list[Row] = self._ask(
            "GET", table, params={name: f"eq.{value}" for name, value in equal.items()}
        )
        return found

    def insert(self, table: str, *rows: Row) -> None:
        self._ask("POST", table, json=list(rows))

    def update(self, table: str, values: Row, **equal: str) -> None:
        self._ask("PATCH", table, json=values, params={name: f"eq.{value}" for name, value in equal.items()})

    def delete(self, table: str, **equal: str) -> None:
        self._ask("DELETE", table, params={name: f"eq.{value}" for name, value in equal.items()})


class Embedded(Backend):
    """Supabase Lite on PGlite."""

    keeps_grants = False

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client = httpx.Client(timeout=30)
        self.service = HttpSession(stack, self._client, stack.supabase_secret_key)
        self.anonymous = HttpSession(stack, self._client, stack.supabase_publishable_key)

    def sign_up(self) -> User:
        email = f"{uuid.uuid4().hex}@fleet.test"
        answer = self._client.post(
            f"{self._stack.supabase_url}/auth/v1/signup",
            headers={"apikey": self._stack.supabase_publishable_key},
            json={"email": email, "password": uuid.uuid4().hex},
        ).raise_for_status()
        said = answer.json()
        token = said["access_token"]
        return User(
            said["user"]["id"],
            HttpSession(self._stack, self._client, self._stack.supabase_publishable_key, token),
            email,
        )

    def catalog(self, sql: str) -> list[list[Any]]:
        (answer,) = query(self._stack.supabase, sql)
        return answer.rows

    def trial(self, setup: str, sql: str) -> list[list[Any]]:
        # The queries run on a copy of the database.
        return query(self._stack.supabase, f"{setup}\n{sql}")[-1].rows

    def _object(
        self, session: Session, method: str, name: str, kind: str = "image/jpeg", **options: Any
    ) -> httpx.Response:
        assert isinstance(session, HttpSession)
        return self._client.request(
            method,
            f"{self._stack.supabase_url}/storage/v1/object/{name}",
            headers={**session.headers, "content-type": kind},
            **options,
        )

    def put_object(self, name: str) -> None:
        assert self.can_write_object(self.service, name)

    def can_write_object(self, session: Session, name: str) -> bool:
        return self._object(session, "POST", f"{BUCKET}/{name}", content=b"\xff\xd8\xff\xd9").is_success

    def can_read_object(self, session: Session, name: str) -> bool:
        return self._object(session, "GET", f"{BUCKET}/{name}").is_success

    def can_sign_object(self, session: Session, name: str) -> bool:
        body = {"expiresIn": 60}
        return self._object(
            session, "POST", f"sign/{BUCKET}/{name}", "application/json", json=body
        ).is_success

    def lists_object(self, session: Session, name: str) -> bool:
        body = {"prefix": name.rpartition("/")[0], "limit": 100, "offset": 0}
        answer = self._object(session, "POST", f"list/{BUCKET}", "application/json", json=body)
        # Supabase Lite gives the whole path, a hosted project what follows the folder.
        return answer.is_success and any(name.endswith(found["name"]) for found in answer.json())

    def try_to_remove_object(self, session: Session, name: str) -> None:
        self._object(session, "DELETE", f"{BUCKET}/{name}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class PsqlSession(Session):
    """A session that takes a role, and the claim of a user, for each transaction, as the data API does."""

    def __init__(self, database: Database, role: str, user_id: str = "") -> None:
        self._database = database
        self.begin = f"set local role {role}; set local request.jwt.claim.sub = {literal(user_id)};"

    def _value(self, expression: str) -> Any:
        try:
            return self._database.value(expression, before=self.begin)
        except SqlError as error:
            raise RefusedError(error.sqlstate, str(error)) from error

    @staticmethod
    def _called(function: str, arguments: dict[str, object]) -> str:
        given = ", ".join(f"{name} => {literal(value)}" for name, value in arguments.items())
        return f"public.{function}({given})"

    def rpc(self, function: str, **arguments: object) -> Any:
        return self._value(f"select r from {self._called(function, arguments)} as r")

    def rpc_rows(self, function: str, **arguments: object) -> list[Row]:
        found: list[Row] = self._value(
            f"select coalesce(json_agg(r), '[]') from {self._called(function, arguments)} as r"
        )
        return found

    @staticmethod
    def _where(equal: dict[str, str]) -> str:
        return "".join(f" and {name} = {literal(value)}" for name, value in equal.items())

    def rows(self, table: str, **equal: str) -> list[Row]:
        found: list[Row] = self._value(
            f"select coalesce(json_agg(q), '[]')"
            f" from (select * from public.{table} where true {self._where(equal)}) as q"
        )
        return found

    def _run(self, sql: str) -> None:
        try:
            self._database.run(f"begin; {self.begin} {sql}; commit;")
        except SqlError as error:
            raise RefusedError(error.sqlstate, str(error)) from error

    def insert(self, table: str, *rows: Row) -> None:
        columns = ", ".join(rows[0])
        values = ", ".join("(" + ", ".join(literal(row[name]) for name in rows[0]) + ")" for row in rows)
        self._run(f"insert into public.{table} ({columns}) values {values}")

    def update(self, table: str, values: Row, **equal: str) -> None:
        changes = ", ".join(f"{name} = {literal(value)}" for name, value in values.items())
        self._run(f"update public.{table} set {changes} where true {self._where(equal)}")

    def delete(self, table: str, **equal: str) -> None:
        self._run(f"delete from public.{table} where true {self._where(equal)}")


class Native(Backend):
    """PostgreSQL with the files applied by a user who is no superuser."""

    keeps_grants = True

    def __init__(self, database: Database) -> None:
        self.database = database
        self.service = PsqlSession(database, "service_role")
        self.anonymous = PsqlSession(database, "anon")

    def sign_up(self) -> User:
        user_id, email = str(uuid.uuid4()), f"{uuid.uuid4().hex}@fleet.test"
        self.database.run(f"insert into auth.users (id, email) values ('{user_id}', '{email}')")
        return User(user_id, PsqlSession(self.database, "authenticated", user_id), email)

    def catalog(self, sql: str) -> list[list[Any]]:
        return [list(row.values()) for row in self.database.rows(sql)]

    def trial(self, setup: str, sql: str) -> list[list[Any]]:
        return [list(row.values()) for row in self.database.rows(sql, before=setup, end="rollback")]

    def waits_for_a_lock(self) -> None:
        """Return when somebody waits for a lock of somebody else."""
        waiting = "select exists (select from pg_locks where not granted)"
        assert any(self.database.value(waiting) for _ in range(1000))

    def put_object(self, name: str) -> None:
        assert self.can_write_object(self.service, name)

    def can_write_object(self, session: Session, name: str) -> bool:
        assert isinstance(session, PsqlSession)
        try:
            self.database.run(
                f"begin; {session.begin} insert into storage.objects (bucket_id, name)"
                f" values ('gxp-captures', {literal(name)}); commit;"
            )
        except SqlError as error:
            assert error.sqlstate == INSUFFICIENT_PRIVILEGE
            return False
        return True

    def can_read_object(self, session: Session, name: str) -> bool:
        assert isinstance(session, PsqlSession)
        found = self.database.rows(
            f"select name from storage.objects where bucket_id = 'gxp-captures' and name = {literal(name)}",
            before=session.begin,
        )
        return bool(found)

    def can_sign_object(self, session: Session, name: str) -> bool:
        # Storage signs what the caller may select.
        return self.can_read_object(session, name)

    def lists_object(self, session: Session, name: str) -> bool:
        return self.can_read_object(session, name)

    def try_to_remove_object(self, session: Session, name: str) -> None:
        assert isinstance(session, PsqlSession)
        self.database.run(
            f"begin; {session.begin} delete from storage.objects where name = {literal(name)}; commit;"
        )
