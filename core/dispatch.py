"""The names of the tasks and how to enqueue them: all that the listener knows of the workers.

A deployed name must never change: a worker drops a task whose name it does not know.
"""

from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from core.clock import Clock
from core.home_assistant import Button
from core.store.connection import unavailable
from core.store.devices import Hello
from core.store.keys import CaptureRef

STORE_CAPTURE: Final = "captures.process"
RECORD_TIMEOUT: Final = "captures.record_timeout"
RECORD_ASSEMBLING: Final = "captures.record_assembling"
FAIL_STALE: Final = "captures.fail_stale"
REFRESH_DAYS: Final = "captures.refresh_days"
MAINTAIN_TABLES: Final = "captures.maintain_tables"
APPLY_KEEP_POLICIES: Final = "keeping.apply_policies"
SHOW_PARTIAL: Final = "keeping.show_partial"
REMOVE_OBJECTS: Final = "keeping.remove_objects"
MAKE_SMALLER: Final = "keeping.make_smaller"
EXAMINE_FIRMWARE: Final = "keeping.examine_firmware"
RECONCILE_OBJECTS: Final = "keeping.reconcile_objects"
ACKNOWLEDGE_AGAIN: Final = "control.acknowledge_again"
RECORD_HELLO: Final = "control.record_hello"
ANSWER_HELLO: Final = "control.answer_hello"
DELIVER_COMMANDS: Final = "control.deliver_commands"
SWEEP: Final = "control.sweep"
FLUSH_LOG: Final = "control.flush_log"
TELL_HOME_ASSISTANT: Final = "alerts.tell_home_assistant"
PRESS_BUTTON: Final = "alerts.press_button"
EVALUATE_ALERTS: Final = "alerts.evaluate"
DELIVER_EVENTS: Final = "alerts.deliver_events"
KEEP_CHANNELS: Final = "alerts.keep_channels"
MAKE_TIMELAPSES: Final = "timelapse.make"

# Beat sends these every second or two.
PERIODIC: Final = (SWEEP, FLUSH_LOG, DELIVER_COMMANDS, DELIVER_EVENTS)

CAPTURES_QUEUE: Final = "captures"
CONTROL_QUEUE: Final = "control"
ALERTS_QUEUE: Final = "alerts"
KEEPING_QUEUE: Final = "keeping"
TIMELAPSE_QUEUE: Final = "timelapse"
# What nobody waits for awake.
ASIDE: Final = (ALERTS_QUEUE, KEEPING_QUEUE, TIMELAPSE_QUEUE)
# The message header with the time (ms) at which the task was enqueued.
SENT_AT: Final = "sent_at_ms"


def make_app(kind: type[Celery] = Celery) -> Celery:
    """Make a Celery application of class `kind`, configured by `celeryconfig.py`, on our transport to Redis.

    The setting `broker_transport` would do too, but Flower takes its name for the scheme of the broker's URL.
    """
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "core.transport:Transport"))
    app = kind("fleet")
    app.config_from_object("celeryconfig")
    return app


class Dispatcher:
    """Enqueues tasks over one lasting connection; raises Transient if Celery's broker cannot take them."""

    def __init__(self, app: Celery, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    def store_capture(self, ref: CaptureRef) -> None:
        """Enqueue a sealed or superseded capture."""
        self._send(STORE_CAPTURE, *ref)

    def record_timeout(self, ref: CaptureRef) -> None:
        """Enqueue writing the `failed` row of a capture that timed out."""
        self._send(RECORD_TIMEOUT, *ref)

    def record_assembling(self, rows: list[dict[str, Any]]) -> None:
        """Enqueue writing the `assembling` rows of captures that are still arriving."""
        self._send(RECORD_ASSEMBLING, rows)

    def acknowledge_again(self, ref: CaptureRef) -> None:
        """Enqueue sending an ACK again, since the device missed it."""
        self._send(ACKNOWLEDGE_AGAIN, ref.device_id, ref.image_name)

    def answer_hello(self, hello: Hello) -> None:
        """Enqueue recording and answering a hello."""
        self._send(ANSWER_HELLO, hello.to_json())

    def record_hello(self, hello: Hello) -> None:
        """Enqueue recording a hello that is already answered."""
        self._send(RECORD_HELLO, hello.to_json())

    def press_button(self, button: Button) -> None:
        """Enqueue what the button of a device in Home Assistant asks for."""
        self._send(PRESS_BUTTON, *button)

    def _send(self, name: str, *arguments: Any) -> None:
        try:
            # Without this, kombu retries the publish by itself; here the caller decides on retries.
            self._app.send_task(name, arguments, retry=False, headers={SENT_AT: self._clock()})
        except OperationalError as error:
            raise unavailable("Celery's broker", error) from error
