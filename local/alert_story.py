"""The story of an alert: a device's battery runs down, mail comes, and the battery is charged again."""

import time
from collections.abc import Callable

from local.company import Account, claim, enter, found_company, join
from local.history.fleet import COMPANY
from local.news import News
from local.running import Running
from local.stack import Stack
from simulator import Fleet, FleetOptions

ADMIN = "owner@greenhouse.example"
OPERATOR, VIEWER = "grower@greenhouse.example", "gardener@greenhouse.example"
DEVICE, NAME = "GREENHOUSE01", "North bed"
# The service looks once a minute, and sends its mail soon after.
PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.5


def prepare(stack: Stack, token: str | None = None) -> dict[str, Account]:
    """Make a company with a device and a mail channel; return its people by their roles.

    With the token of an invitation the company is there, and its admin joins it.
    """
    owner = enter(stack, ADMIN, token) if token else found_company(stack, COMPANY, ADMIN)
    people = {
        "admin": owner,
        "operator": join(stack, owner, OPERATOR, "operator"),
        "viewer": join(stack, owner, VIEWER, "viewer"),
    }
    claim(stack, owner, DEVICE, NAME)
    owner.call("create_channel", p_name="Alerts", p_kind="email", p_target=ADMIN)
    return people


class Story:
    """Plays the device, and waits for what the service makes of it; `news` prints it."""

    def __init__(self, running: Running, news: News) -> None:
        self._running = running
        self._news = news

    def play(self) -> bool:
        """Return True if the alert opened and resolved, and a mail came of each."""
        news = self._news
        news.tell(
            "device", f"{NAME} wakes four times: its battery falls to 8 %", "the service looks once a minute"
        )
        self._wake(images=4, battery_from=22, battery_to=8)
        if not self._until(lambda: bool(self._open_alerts() and news.mails)):
            return False
        before = len(news.mails)
        news.tell("device", f"{NAME} wakes, and its battery is charged")
        self._wake(images=1, battery_from=95)
        return self._until(lambda: not self._open_alerts() and len(news.mails) > before)

    def _wake(self, *, images: int, battery_from: float, battery_to: float | None = None) -> None:
        stack = self._running.stack
        fleet = Fleet(
            FleetOptions(
                host=stack.mqtt_host,
                port=stack.mqtt_port,
                device_ids=(DEVICE,),
                dialect="newer",
                images=images,
                image_seconds=0.5,
                timeout=10,
                battery_from=battery_from,
                battery_to=battery_to,
            )
        )
        with self._running.watched(fleet.stop):
            fleet.run()

    def _open_alerts(self) -> list[str]:
        alerts = self._news.alerts.values()
        return [a["alert_id"] for a in alerts if a["device_id"] == DEVICE and not a["resolved_at"]]

    def _until(self, holds: Callable[[], bool]) -> bool:
        """Print the news until a condition holds; return False if that takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        self._news.look()
        while not holds():
            if time.monotonic() > deadline or self._running.ended():
                self._news.tell("✗", f"nothing more came within {PATIENCE_SECONDS:.0f} s")
                return False
            time.sleep(LOOK_SECONDS)
            self._news.look()
        return True
