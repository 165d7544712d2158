"""Every task writes out its policy, and Celery takes each option by the name it is written with."""

import pytest

from core import dispatch

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
        assert queue in (dispatch.CAPTURES_QUEUE, dispatch.CONTROL_QUEUE)


def test_the_longest_retry_ends_before_the_message_counts_as_lost():
    from core.errors import AccessDenied, Transient
    from tasks.app import BACKOFF_MAX_S, DENIED_S, retry_in

    waits = [retry_in(Transient(), retries) for retries in range(50)]
    assert max(waits) <= BACKOFF_MAX_S + 1 < VISIBILITY_TIMEOUT_S
    assert len(set(waits)) > 1
    denied = [retry_in(AccessDenied(), retries) for retries in range(50)]
    assert DENIED_S <= min(denied) < max(denied) < VISIBILITY_TIMEOUT_S
