"""A real broker for the simulator's end-to-end tests."""

import pytest
from scripted_service import Broker, mosquitto_path


@pytest.fixture
def broker_with(tmp_path):
    """Start a Mosquitto on a free loopback port with these configuration lines; it ends with the test."""
    if mosquitto_path() is None:
        pytest.skip("no mosquitto on PATH")
    started = []

    def start(*lines, port=None):
        broker = Broker(tmp_path, lines, port)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def broker(broker_with):
    return broker_with()
