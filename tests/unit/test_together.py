"""Rows of several threads in one call: which go together, and that the outcome of each is its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from supabase_server import SupabaseServer

from core.errors import CaptureRejected, PathTaken, Transient
from core.together import AT_ONCE


class Database(SupabaseServer):
    """Answers each row with its name; the first call waits until `let_go` is set."""

    def __init__(self):
        super().__init__()
        self.busy, self.let_go = threading.Event(), threading.Event()
        self.together = lambda rows: (200, [outcome(row) for row in rows])
        self.answer = self._answer

    def _answer(self, asked):
        self.busy.set()
        assert self.let_go.wait(10)
        if asked.path.endswith("/record_captures"):
            return self.together(asked.json["p_captures"])
        said = outcome(asked.json["p_capture"])
        return (200, said["answer"]) if "answer" in said else (400, said)

    @property
    def calls(self):
        """How many rows each call had, in order."""
        return [len(asked.json.get("p_captures", [None])) for asked in self.asked]


def outcome(row):
    return row.get("wrong") or {"answer": {"name": row["name"]}}


@pytest.fixture
def database():
    database = Database()
    yield database
    database.let_go.set()
    database.close()


def write(database, rows):
    """Write rows in a thread each: the first alone, all others while its call is under way."""
    with database.gateway() as gateway, ThreadPoolExecutor(len(rows)) as threads:
        first = threads.submit(gateway.record_capture, rows[0])
        assert database.busy.wait(10)
        others = [threads.submit(gateway.record_capture, row) for row in rows[1:]]
        waiting = gateway._rows_together._waiting
        while len(waiting) < len(others):
            threading.Event().wait(0.001)
        database.let_go.set()
        return [future.exception() or future.result() for future in (first, *others)]


def test_one_row_goes_at_once_and_alone(database):
    assert write(database, [{"name": "a"}]) == [{"name": "a"}]
    assert [asked.path for asked in database.asked] == ["/rest/v1/rpc/record_capture"]


def test_what_comes_meanwhile_goes_together_and_each_gets_its_own_answer(database):
    rows = [{"name": number} for number in range(8)]
    assert write(database, rows) == rows
    assert database.calls == [1, 7]


def test_no_call_has_more_rows_than_a_transaction_may_have(database):
    rows = [{"name": number} for number in range(2 * AT_ONCE + 4)]
    assert write(database, rows) == rows
    assert database.calls == [1, AT_ONCE, AT_ONCE, 3]


def test_a_row_that_is_refused_fails_alone_and_with_its_own_error(database):
    taken = 'duplicate key value violates unique constraint "captures_storage_path_key"'
    wrong = [
        ("22023", "unusable", CaptureRejected),
        ("23505", taken, PathTaken),
        ("40P01", "dead", Transient),
    ]
    rows = [{"name": "first"}, {"name": "good"}] + [
        {"name": code, "wrong": {"code": code, "message": message}} for code, message, _ in wrong
    ]
    first, good, *errors = write(database, rows)
    assert (first, good) == ({"name": "first"}, {"name": "good"})
    assert [type(error) for error in errors] == [kind for *_, kind in wrong]
    assert errors[0].details == {"function": "record_capture", "sqlstate": "22023"}
    assert database.calls == [1, 4]


def test_while_the_database_is_away_all_of_them_may_try_again(database):
    database.together = lambda _rows: (503, {})
    _, *errors = write(database, [{"name": number} for number in range(4)])
    assert [type(error) for error in errors] == [Transient] * 3
    assert len(set(map(id, errors))) == 3, "each may be told where its capture was"
    assert database.calls == [1, 3]


def test_a_call_that_is_refused_as_a_whole_is_made_again_for_each_alone(database):
    database.together = lambda _rows: (400, {"code": "P0001", "message": "no"})
    wrong = {"name": "bad", "wrong": {"code": "22023", "message": "unusable"}}
    first, good, bad = write(database, [{"name": "first"}, {"name": "good"}, wrong])
    assert (first, good) == ({"name": "first"}, {"name": "good"})
    assert type(bad) is CaptureRejected
    assert sorted(database.calls) == [1, 1, 1, 2]


def test_after_all_that_the_next_row_goes_at_once(database):
    database.let_go.set()
    database.together = lambda _rows: (503, {})
    with database.gateway() as gateway, ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            list(threads.map(lambda name: attempt(gateway, name), range(8)))
        database.together = lambda rows: (200, [outcome(row) for row in rows])
        assert gateway.record_capture({"name": "last"}) == {"name": "last"}


def attempt(gateway, name):
    try:
        return gateway.record_capture({"name": name})
    except Transient as error:
        return error
