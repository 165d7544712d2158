"""Every task writes out its policy, and Celery takes each option by the name it is written with."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from core import dispatch
from operate.queues import QUEUES

VISIBILITY_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def app():
    from tasks import app

    app.loader.import_default_modules()
    return app


@pytest.fixture(scope="module")
def ours(app):
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_the_names_are_those_that_are_dispatched(ours):
    names = {value for key, value in vars(dispatch).items() if key.isupper() and "." in value}
    assert set(ours) == names


def test_every_task_has_a_policy(app, ours):
    assert app.conf.broker_transport_options["visibility_timeout"] == VISIBILITY_TIMEOUT_S
    for name, task in ours.items():
        written = vars(type(task))
        for option in ("acks_late", "ignore_result", "autoretry_for", "max_retries"):
            assert option in written, f"{name} does not say {option}"
        assert task.ignore_result
        # A pool of threads cannot keep a time limit: what is stuck ends by the timeout of its connection.
        assert (task.soft_time_limit, task.time_limit) == (None, None)


def test_every_task_goes_to_a_queue_that_a_worker_serves(app, ours):
    for name in ours:
        queue = app.amqp.router.route({}, name)["queue"].name
        assert queue in QUEUES


def test_of_what_beat_sends_no_second_message_comes_just_before_its_turn(app, ours, monkeypatch):
    """A turn lasts for `every` from the end of a run, so it must be over well before the message that follows."""
    turns = {}

    class Locks:
        @contextmanager
        def turn(self, name, seconds, every):
            turns[name] = every
            yield False

    monkeypatch.setattr(
        app, "resources", SimpleNamespace(store=SimpleNamespace(locks=Locks())), raising=False
    )
    schedules = {ours[each["task"]]: each["schedule"] for each in app.conf.beat_schedule.values()}
    for task in schedules:
        task.run()
    pace = {task.__wrapped__.__name__: schedule for task, schedule in schedules.items()}
    assert turns.keys() == pace.keys()
    short = [name for name, every in turns.items() if 0.8 * pace[name] < every < 2 * pace[name]]
    assert short == []


def test_pictures_are_made_smaller_for_five_seconds_in_every_ten(app):
    """docs/retention.md says so: with pictures waiting, no message of beat finds the turn of the one before."""
    from tasks import smaller

    pace = app.conf.beat_schedule["make_smaller"]["schedule"]
    assert (smaller.RUN_S, pace) == (5.0, 10.0)
    # The last pictures that a run claims take it somewhat longer.
    most_s = smaller.RUN_S + smaller.EVERY_S
    assert most_s <= 0.6 * pace


def test_the_longest_retry_ends_before_the_message_counts_as_lost():
    from core.errors import AccessDenied, Transient
    from tasks.app import BACKOFF_MAX_S, DENIED_S, retry_in

    waits = [retry_in(Transient(), retries) for retries in range(50)]
    assert max(waits) <= BACKOFF_MAX_S + 1 < VISIBILITY_TIMEOUT_S
    assert len(set(waits)) > 1
    denied = [retry_in(AccessDenied(), retries) for retries in range(50)]
    assert DENIED_S <= min(denied) < max(denied) < VISIBILITY_TIMEOUT_S
