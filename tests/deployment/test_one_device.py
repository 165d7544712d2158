"""One device that sends as fast as it can, each time something else: what the database keeps of it is bounded."""

import pytest
from redis import Redis
from wire import rows, until

from benchmarks.attacks import ATTACKS, flood
from listener.receive import HELLOS_PER_MINUTE
from local.services import Services

BUDGET = 20
IN_FLIGHT = 32
SECONDS = 5
# The attack may lie in two minutes. A batch in which the budget ends is taken as far as there are places in flight.
MOST = 2 * (BUDGET + IN_FLIGHT)
SETTINGS = {
    "CAPTURES_PER_MINUTE": str(BUDGET),
    "MAX_CAPTURES_PER_DEVICE": str(IN_FLIGHT),
    "ERRORS_PER_MINUTE": str(BUDGET),
    "RETRANSMIT_DELAY_MS": "300",
}


@pytest.fixture(scope="module")
def site(mosquitto_stack):
    with Services(mosquitto_stack, only={"listener", "worker", "beat"}, settings=SETTINGS):
        yield mosquitto_stack


def attack(site, name):
    """Let a device attack; give what was sent, and how many rows each table has of it when nothing is under way."""
    device = f"ONE{name.upper()}"
    sent, _ = flood(site.mqtt_port, device, ATTACKS[name](), SECONDS)
    with Redis.from_url(site.redis_url) as redis:
        until(lambda: not list(redis.scan_iter(f"*:capture:{device}/*/*")))
        until(lambda: not redis.exists("fleet:unanswered"))

    def told():
        return rows(site, "device_errors", device_id=f"eq.{device}", message="like.too many*a minute")

    until(told)
    tables = ("captures", "device_status", "device_errors")
    return sent, {table: len(rows(site, table, device_id=f"eq.{device}")) for table in tables}, told()


@pytest.mark.parametrize("name", ["reports", "superseding", "garbage", "hellos"])
def test_a_device_that_floods_fills_no_table_and_is_told_once(site, name):
    sent, made, told = attack(site, name)
    assert sent > 5 * MOST
    assert made["captures"] <= MOST
    assert made["device_status"] <= 2 * HELLOS_PER_MINUTE
    assert made["device_errors"] <= MOST + 2 * (BUDGET + 5)
    messages = [row["message"] for row in told]
    assert {messages.count(message) for message in messages} <= {1, 2}, "once in each minute"
