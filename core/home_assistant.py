"""The topics that Home Assistant reads and writes; none of them is a device's.

    <prefix>/device/{company}/{device}/config   what the device is, and its entities
    fleet/{company}/{device}/state              its values, as JSON
    fleet/{company}/{device}/picture            the bytes of its latest picture
    fleet/{company}/{device}/capture            Home Assistant writes PRESS here when its button is pressed

All but the last are retained. The company stands in each, so that a broker can keep companies apart.
"""

import re
from typing import Final, NamedTuple

ROOT: Final = "fleet"
BUTTONS: Final = f"{ROOT}/+/+/capture"
PRESS: Final = "PRESS"

_BUTTON: Final = re.compile(
    rf"{ROOT}/([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/([A-Za-z0-9_-]{{1,64}})/capture"
)


class Button(NamedTuple):
    """The button of a device of a company, which is a UUID."""

    company_id: str
    device_id: str


class Topics(NamedTuple):
    """The topics of one device."""

    config: str
    state: str
    picture: str
    button: str


def topics(prefix: str, company_id: str, device_id: str) -> Topics:
    """Return the topics of a device of a company under a discovery prefix."""
    own = f"{ROOT}/{company_id}/{device_id}"
    return Topics(
        f"{prefix}/device/{company_id}/{device_id}/config", f"{own}/state", f"{own}/picture", f"{own}/capture"
    )


def is_ours(topic: str) -> bool:
    """Whether a topic stands below ours."""
    return topic.startswith(f"{ROOT}/")


def button_of(topic: str) -> Button | None:
    """Return the button that a topic belongs to; None for any other topic."""
    found = _BUTTON.fullmatch(topic)
    return Button(*found.groups()) if found else None
