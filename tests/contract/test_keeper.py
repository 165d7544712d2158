"""What a process holds stays its own as long as its holder works, and no longer."""

import threading

import pytest
from redis import ConnectionError as Away

from core.errors import Transient
from core.store import keys
from core.store.keeper import Keeper
from core.store.locks import Locks

EVERY_S = 0.02


@pytest.fixture
def keeper():
    return Keeper(EVERY_S)


def test_it_renews_again_and_again_and_stops_with_its_holder(keeper):
    renewed = threading.Semaphore(0)
    with keeper.keeping(lambda: renewed.release() is None):
        for _ in range(3):
            assert renewed.acquire(timeout=10)
    until_idle(keeper)
    while renewed.acquire(blocking=False):
        pass
    with keeper.keeping(lambda: True):
        assert not renewed.acquire(timeout=5 * EVERY_S)


def until_idle(keeper):
    for thread in threading.enumerate():
        if thread.name == "keeper":
            thread.join(10)
    assert not keeper._running


def test_what_is_lost_is_not_renewed_any_more(keeper):
    calls = threading.Semaphore(0)
    with keeper.keeping(calls.release):  # None: nothing is held any more
        assert calls.acquire(timeout=10)
        until_idle(keeper)
        assert not calls.acquire(blocking=False)


@pytest.mark.parametrize("error", [Transient("away"), ValueError("a mistake")])
def test_an_error_does_not_end_the_renewal_of_others(keeper, error):
    renewed, failed = threading.Semaphore(0), threading.Semaphore(0)

    def fails():
        failed.release()
        raise error

    with keeper.keeping(fails), keeper.keeping(lambda: renewed.release() is None):
        assert failed.acquire(timeout=10)
        for _ in range(3):
            assert renewed.acquire(timeout=10)
        assert failed.acquire(timeout=10 * EVERY_S) == isinstance(error, Transient)


def test_what_must_be_done_is_tried_until_it_is_done(keeper):
    done, tries = threading.Event(), []

    def act():
        tries.append(1)
        if len(tries) < 4:
            raise Transient("away")
        done.set()

    keeper.until_done(act)
    assert done.wait(10)
    until_idle(keeper)
    assert len(tries) == 4


def test_a_lock_is_kept_while_its_holder_works(client, keeper):
    locks, key, extended = Locks(client, keeper), keys.lock_key("long"), threading.Event()
    with locks.turn("long", 0.5) as mine:
        assert mine
        client.pexpire(key, 300)  # as if most of its time had run out
        for _ in range(1000):
            if client.pttl(key) > 350:
                break
            extended.wait(0.005)
        else:
            pytest.fail("it was not renewed")
        with locks.turn("long", 0.5) as another:
            assert not another
    assert not client.exists(key)


def test_a_lock_that_was_lost_is_not_taken_back(client, keeper):
    locks, key = Locks(client, keeper), keys.lock_key("lost")
    with locks.turn("lost", 5):
        client.delete(key)
        with locks.turn("lost", 5) as successor:
            assert successor
            until_lost = threading.Event()
            until_lost.wait(5 * EVERY_S)
            token = client.get(key)
        assert client.get(key) is None
        client.set(key, token)
    assert client.get(key) == token


def test_a_lock_is_not_renewed_while_redis_is_away_but_after(client, keeper, monkeypatch):
    locks, key = Locks(client, keeper), keys.lock_key("away")
    with locks.turn("away", 5):
        tried = threading.Event()

        def away(*_, **__):
            tried.set()
            raise Away

        with monkeypatch.context() as patch:
            patch.setattr(client, "execute_command", away)
            assert tried.wait(10)
        client.pexpire(key, 1_000)
        waiting = threading.Event()
        for _ in range(1000):
            if client.pttl(key) > 2_000:
                return
            waiting.wait(0.005)
        pytest.fail("it was not renewed")


def test_a_lock_that_is_lost_is_not_renewed_any_more(client, keeper, caplog):
    with Locks(client, keeper).turn("sweep", 60) as mine:
        assert mine
        client.delete(keys.lock_key("sweep"))
        until_idle(keeper)
    assert "not renewed" not in caplog.text
