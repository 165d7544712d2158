"""Rows of several threads in one call: which go together, and that the outcome of each is its own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from supabase_server import SupabaseServer

from core import together
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
        return (200, said["answer"]) if "answer" in said else (status_of(said["code"]), said)

    @property
    def calls(self):
        """How many rows each call had, in order."""
        return [len(asked.json.get("p_captures", [None])) for asked in self.asked]


def status_of(code):
    """As PostgREST has it."""
    return 500 if code[:2] in ("40", "55", "58", "XX") else 400


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
    assert [asked.path for asked in database.asked] == ["/rest/v1/rpc/record_captures"]


def test_what_comes_meanwhile_goes_together_and_each_gets_its_own_answer(database):
    rows = [{"name": number} for number in range(8)]
    assert write(database, rows) == rows
    assert database.calls == [1, 7]


def write_of(database, coming, rows):
    """Write rows in a thread each, while as many are to come."""
    database.let_go.set()
    with database.gateway() as gateway, ThreadPoolExecutor(len(rows)) as threads, ExitStack() as stack:
        for _ in range(coming):
            stack.enter_context(gateway.capture_to_come())
        return list(threads.map(gateway.record_capture, rows))


def test_where_many_are_to_come_a_row_waits_for_half_of_them(database, monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 60)
    rows = [{"name": number} for number in range(4)]
    assert write_of(database, 8, rows) == rows
    assert database.calls == [4]


def test_it_waits_for_those_that_hang_no_longer_than_a_moment(database, monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 0.01)
    assert write_of(database, 12, [{"name": "a"}]) == [{"name": "a"}]
    assert database.calls == [1]


def test_where_few_are_to_come_it_waits_for_none(database, monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 60)
    assert write_of(database, 3, [{"name": "a"}]) == [{"name": "a"}]
    assert database.calls == [1]


def test_what_has_come_to_nothing_is_not_waited_for(database, monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 60)
    with database.gateway() as gateway:
        for _ in range(12):
            with pytest.raises(ValueError, match="broken"), gateway.capture_to_come():
                raise ValueError("broken")
        database.let_go.set()
        assert gateway.record_capture({"name": "a"}) == {"name": "a"}


def test_behind_a_call_that_hangs_the_others_go_on(database, monkeypatch):
    monkeypatch.setattr(together, "SLOW_S", 0.02)
    answer, hang = database.answer, threading.Event()
    database.let_go.set()

    def hangs(asked):
        if asked.json["p_captures"][0] == {"name": "hangs"}:
            database.hanging.set()
            assert hang.wait(10)
        return answer(asked)

    database.answer, database.hanging = hangs, threading.Event()
    with database.gateway() as gateway, ThreadPoolExecutor(5) as threads:
        first = threads.submit(gateway.record_capture, {"name": "hangs"})
        assert database.hanging.wait(10)
        rows = [{"name": number} for number in range(4)]
        assert list(threads.map(gateway.record_capture, rows)) == rows
        assert gateway.record_capture({"name": "after"}) == {"name": "after"}
        assert not first.done()
        hang.set()
        assert first.result() == {"name": "hangs"}
        assert gateway.record_capture({"name": "last"}) == {"name": "last"}


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
        ("55P03", "canceling statement due to lock timeout", Transient),
        ("58030", "could not read block 1 in file", Transient),
        ("XX000", "cache lookup failed", Transient),
    ]
    rows = [{"name": "first"}, {"name": "good"}] + [
        {"name": code, "wrong": {"code": code, "message": message}} for code, message, _ in wrong
    ]
    first, good, *errors = write(database, rows)
    assert (first, good) == ({"name": "first"}, {"name": "good"})
    assert [type(error) for error in errors] == [kind for *_, kind in wrong]
    assert errors[0].details == {"function": "record_capture", "sqlstate": "22023"}
    assert sorted(database.calls) == [1] * (1 + len(wrong)) + [1 + len(wrong)]
    assert database.calls[:2] == [1, 1 + len(wrong)]


def test_a_row_that_cannot_be_written_fails_alone(database):
    rows = [{"name": "first"}, {"name": "good"}, {"name": "\udcff"}, {"name": "better"}]
    first, good, bad, better = write(database, rows)
    assert [first, good, better] == [rows[0], rows[1], rows[3]]
    assert type(bad) is UnicodeEncodeError


def test_an_answer_that_is_none_is_of_nobody(database):
    database.together = lambda _rows: (200, [])
    rows = [{"name": number} for number in range(4)]
    assert write(database, rows) == rows
    assert database.asked[-1].path == "/rest/v1/rpc/record_capture"


def test_a_row_that_is_tried_alone_keeps_nobody_waiting(database):
    """As one whose device another transaction holds: it may take until its timeout."""
    hanging, go_on = threading.Event(), threading.Event()
    busy = {"name": "busy", "wrong": {"code": "55P03", "message": "lock timeout"}}

    def answer(asked):
        if asked.path.endswith("/record_captures"):
            return 200, [outcome(row) for row in asked.json["p_captures"]]
        hanging.set()
        assert go_on.wait(10)
        return 200, {"name": "busy"}

    database.answer = answer
    with database.gateway() as gateway, ThreadPoolExecutor(1) as threads:
        late = threads.submit(gateway.record_capture, busy)
        assert hanging.wait(10)
        assert gateway.record_capture({"name": "next"}) == {"name": "next"}
        assert not late.done()
        go_on.set()
        assert late.result(10) == {"name": "busy"}


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
    assert sorted(database.calls) == [1, 1, 1, 1, 2]


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
