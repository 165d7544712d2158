"""The connection of an upgrade, and how it waits: for the locks of tables, and for another upgrade.

A statement that waits for a lock stops all that come after it. So an upgrade waits for half a second at most,
then gives way and tries again. That is less than PostgreSQL's deadlock_timeout (1 s): where the service and
an upgrade wait for each other, it is the upgrade that gives way.

Two upgrades ask for their turn again and again instead of waiting in the database. An index that is built
concurrently waits for every older transaction, and one that waits for its turn would be one of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
    wait_random_exponential,
)

from operate.schema.files import SchemaError

CONNECT_S: Final = 15
LOCK_TIMEOUT: Final = "500ms"
# How long (s) an upgrade tries to get a lock.
PATIENCE_S: Final = 300.0
# The number of the advisory lock; it may be any number that nothing else in this database uses.
_TURN: Final = 0x666C6565
_HELD: Final = (errors.LockNotAvailable, errors.DeadlockDetected)

Connection = psycopg.Connection[tuple[Any, ...]]
Result = TypeVar("Result")


def connect(database_url: str, tell: Callable[[str], None] = print) -> Connection:
    """Connect to a database; `tell` gets its warnings, and a statement may take as long as it needs."""
    connection = psycopg.connect(
        database_url, connect_timeout=CONNECT_S, autocommit=True, prepare_threshold=None
    )
    connection.execute("set statement_timeout = 0")
    connection.execute("set client_min_messages = warning")
    connection.add_notice_handler(lambda said: tell(f"! {said.message_primary}"))
    return connection


def value(connection: Connection, query: str, *values: object) -> Any:
    """Return the one value of a query."""
    row = connection.execute(query.encode(), values or None).fetchone()
    return row and row[0]


def in_one_line(error: psycopg.Error) -> str:
    """Return what the server says and advises, without the statement and its place."""
    said = [error.diag.message_primary or str(error), error.diag.message_hint or ""]
    return " ".join(" ".join(said).split())


def when_free(act: Callable[[], Result], wait: Callable[[], None], patience_s: float) -> Result:
    """Do something that needs locks, and again while others hold them; `wait` is called before each wait."""
    return Retrying(
        retry=retry_if_exception_type(_HELD),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        stop=stop_after_delay(patience_s),
        before_sleep=lambda _: wait(),
        reraise=True,
    )(act)


@contextmanager
def turn(connection: Connection, patience_s: float) -> Iterator[None]:
    """Keep other upgrades out; raise SchemaError if another one does not end."""
    try:
        Retrying(
            retry=retry_if_result(lambda mine: not mine),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(patience_s),
        )(lambda: value(connection, "select pg_try_advisory_lock(%s)", _TURN))
    except RetryError as error:
        raise SchemaError(f"another upgrade has been at work for {patience_s:.0f} s") from error
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [_TURN])
