"""The buttons of Home Assistant: which were pressed, within a budget."""

from typing import Final

from core.home_assistant import PRESS, Button, button_of, is_ours
from core.rate_limit import RateLimit

# A picture that is waiting is enough, so what is pressed more often changes nothing.
PER_DEVICE: Final = 6
PER_COMPANY: Final = 120
IN_ALL: Final = 600


class Buttons:
    """Takes presses out of what arrives; nothing that is published makes it raise."""

    def __init__(self) -> None:
        self._of_devices = RateLimit(PER_DEVICE)
        self._of_companies = RateLimit(PER_COMPANY, IN_ALL)
        self._pressed: dict[Button, None] = {}

    def take(self, topic: str, payload: bytes, now: int) -> bool:
        """Say whether the topic is ours and no device's; note the press that it may be.

        What is no press, or beyond the budget, is dropped.
        """
        if not is_ours(topic):
            return False
        button = button_of(topic)
        if (
            button
            and payload == PRESS.encode()
            and self._of_devices.allows("/".join(button), now)
            and self._of_companies.allows(button.company_id, now)
        ):
            self._pressed[button] = None
        return True

    def pressed(self) -> list[Button]:
        """Return the buttons that were pressed since the last call, each once."""
        pressed = list(self._pressed)
        self._pressed.clear()
        return pressed
