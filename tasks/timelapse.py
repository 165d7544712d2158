"""The task that has time-lapses made; docs/adr/0034-time-lapse.md has the reasons."""

from core import dispatch
from tasks.app import app
from tasks.periodic import periodic


@periodic(dispatch.MAKE_TIMELAPSES, put_off="time-lapses put off")
def make_timelapses() -> None:
    """Begin the next time-lapse, if this worker is making none: it goes on in a thread of its own.

    Safe to repeat: the database gives each to one worker at a time.
    """
    app.resources.films.begin()
