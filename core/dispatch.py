"""The tasks by name, and how to enqueue them: all that the listener knows of the workers.

A name, once deployed, stays: a worker drops a task whose name it does not know.
"""

from typing import Any, Final

from celery import Celery
from kombu.exceptions import OperationalError

from core.clock import now_ms
from core.errors import Transient
from core.store.devices import Hello
from core.store.keys import CaptureRef

STORE_CAPTURE: Final = "captures.process"
RECORD_TIMEOUT: Final = "captures.record_timeout"
RECORD_ASSEMBLING: Final = "captures.record_assembling"
FAIL_STALE: Final = "captures.fail_stale"
ACKNOWLEDGE_AGAIN: Final = "control.acknowledge_again"
RECORD_HELLO: Final = "control.record_hello"
ANSWER_HELLO: Final = "control.answer_hello"
DELIVER_COMMANDS: Final = "control.deliver_commands"
SWEEP: Final = "control.sweep"
FLUSH_LOG: Final = "control.flush_log"

# What beat sends every second or two.
PERIODIC: Final = (SWEEP, FLUSH_LOG, DELIVER_COMMANDS)

CAPTURES_QUEUE: Final = "captures"
CONTROL_QUEUE: Final = "control"
# The header that tells since when (ms) a message has waited.
SENT_AT: Final = "sent_at_ms"


def make_app(kind: type[Celery] = Celery) -> Celery:
    """Make a Celery application of this kind, with the settings of `celeryconfig.py`."""
    app = kind("fleet")
    app.config_from_object("celeryconfig")
    return app


class Dispatcher:
    """Enqueues tasks over one lasting connection to Celery's broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def store_capture(self, ref: CaptureRef) -> None:
        """Enqueue a sealed capture; raise Transient where the broker cannot take it."""
        self._send(STORE_CAPTURE, *ref)

    def record_timeout(self, ref: CaptureRef) -> None:
        """Enqueue the failed row of a capture that timed out."""
        self._send(RECORD_TIMEOUT, *ref)

    def record_assembling(self, rows: list[dict[str, Any]]) -> None:
        """Enqueue the rows of captures that are still arriving."""
        self._send(RECORD_ASSEMBLING, rows)

    def acknowledge_again(self, ref: CaptureRef, ack: str) -> None:
        """Enqueue an ACK that the device has missed."""
        self._send(ACKNOWLEDGE_AGAIN, ref.device_id, ref.image_name, ack)

    def answer_hello(self, hello: Hello) -> None:
        """Enqueue a status message, to be recorded and answered."""
        self._send(ANSWER_HELLO, hello.to_json())

    def record_hello(self, hello: Hello) -> None:
        """Enqueue the row of a hello that is answered already."""
        self._send(RECORD_HELLO, hello.to_json())

    def _send(self, name: str, *arguments: Any) -> None:
        try:
            # kombu would repeat a publish on its own for as long as it takes; the caller decides that here.
            self._app.send_task(name, arguments, retry=False, headers={SENT_AT: now_ms()})
        except OperationalError as error:
            raise Transient(f"Celery's broker: {error}") from error
