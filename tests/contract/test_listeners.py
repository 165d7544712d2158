"""What listeners learn of each other by their heartbeats."""

import pytest

from core.settings import ListenerSettings
from core.store.listeners import LISTENER_LIFE_MS, Heartbeat, Listeners
from listener import inherit
from listener.inherit import Sessions

NOW = 1_760_000_000_000
HOUR_MS = 3_600_000


@pytest.fixture
def beat(store):
    """Write a heartbeat of a listener."""

    def write(name, written_ms=NOW, heard_until_ms=NOW):
        batch = store.batch()
        batch.heard(Heartbeat(name, written_ms, heard_until_ms))
        batch.commit()

    return write


def sessions(client, client_id, now=NOW):
    settings = ListenerSettings(mqtt_host="127.0.0.1", mqtt_port=1, mqtt_shared_group="fleet")
    return Sessions(settings, Listeners(client), client_id, lambda: now)


def test_nobody_has_heard_what_is_yet_to_come(store, beat):
    """As a heartbeat says from before Redis' clock was set back: what arrives now would be given up at once."""
    beat(f"fleet@{NOW:x}", written_ms=NOW + HOUR_MS, heard_until_ms=NOW + HOUR_MS)
    assert store.listeners.heard_until(NOW) == NOW


@pytest.mark.parametrize(
    ("age_ms", "behind_s"), [(0, 0), (-5, 0), (1_000, 0), (1_990, 0), (2_500, 1.5), (31_000, 30.0)]
)
def test_at_rest_a_listener_is_not_behind(age_ms, behind_s):
    """It pings once a second: the last ping that came back is as old as that where nothing waits."""
    assert Heartbeat("a@1", NOW, NOW - age_ms).behind_s == behind_s


def test_a_listener_that_has_heard_nothing_is_not_behind():
    assert Heartbeat("a@1", NOW, 0).behind_s is None


@pytest.mark.parametrize("served", [True, False])
def test_a_listener_leaves_the_group_to_another_that_the_broker_has_served(client, beat, served):
    one = sessions(client, "a")
    beat(one.name)
    beat(f"b@{NOW:x}", heard_until_ms=NOW if served else 0)
    assert one.others_alive() == served


@pytest.mark.parametrize("served", [True, False])
def test_of_those_that_the_broker_has_served_the_first_takes_over(client, beat, served, monkeypatch, caplog):
    monkeypatch.setattr(inherit, "SURE_AFTER_S", 0)
    two = sessions(client, "b")
    beat(two.name)
    beat(f"a@{NOW:x}", heard_until_ms=NOW if served else 0)
    beat("dead@1", written_ms=NOW - LISTENER_LIFE_MS)
    two.read()
    assert ("taking over" in caplog.text) == (not served)
