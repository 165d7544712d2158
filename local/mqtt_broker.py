"""The stack's MQTT broker: aedes, an npm package, or Mosquitto if the machine has it."""

import os
import shutil
from pathlib import Path

from local.node import node_binary
from local.part import REPOSITORY, Part
from local.ports import LOOPBACK, StackError

BROKERS = ("aedes", "mosquitto")

# Mosquitto's defaults are 20 messages in flight and 1,000 queued per client. A fleet sends more than that;
# Mosquitto drops the excess but still confirms it to the publishers.
_MOSQUITTO_CONFIG = """\
{user}listener {port} {host}
allow_anonymous true
max_inflight_messages 1000
max_queued_messages 0
set_tcp_nodelay true
persistence true
persistence_location {directory}/
autosave_interval 1
sys_interval 0
"""


class Broker(Part):
    """An MQTT broker on a loopback port that accepts clients without user name and password."""

    name = "broker"
    host = LOOPBACK
    mqtt_version = "5"


class Aedes(Broker):
    """The broker from npm; it keeps sessions in memory and loses them when it ends."""

    name = "aedes"
    title = "MQTT broker aedes"
    mqtt_version = "3.1.1"

    def command(self) -> list[str]:
        """Run broker.mjs on the port."""
        return [node_binary(), str(REPOSITORY / "local" / "broker.mjs"), str(self.port)]

    def ready(self) -> bool:
        """Whether the broker has printed that it listens."""
        return self.process is not None and "ready on" in self.process.output()


def mosquitto_binary() -> str | None:
    """Return the path of mosquitto, or None if the machine has none.

    The search covers PATH, and also the sbin folders that PATH often lacks.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    return shutil.which("mosquitto", path=path)


class Mosquitto(Broker):
    """Mosquitto with limits for a fleet; it writes its sessions to disk every second."""

    name = "mosquitto"
    title = "MQTT broker Mosquitto"

    def prepare(self) -> None:
        """Write mosquitto.conf."""
        config = _MOSQUITTO_CONFIG.format(
            # When root starts it, Mosquitto switches to the user `mosquitto`, who may not write here.
            user="user root\n" if os.geteuid() == 0 else "",
            port=self.port,
            host=LOOPBACK,
            directory=self.directory,
        )
        (self.directory / "mosquitto.conf").write_text(config)

    def command(self) -> list[str]:
        """Run mosquitto with the written configuration; raise StackError if there is no mosquitto."""
        binary = mosquitto_binary()
        if binary is None:
            raise StackError("mosquitto: there is none on PATH; install it, or use the broker aedes")
        return [binary, "-c", str(self.directory / "mosquitto.conf")]


def make_broker(kind: str, directory: Path, port: int | None = None) -> Broker:
    """Return a broker of this kind, `aedes` or `mosquitto`; raise StackError for any other."""
    if kind not in BROKERS:
        raise StackError(f"broker: {kind!r} is none of {', '.join(BROKERS)}")
    return (Mosquitto if kind == "mosquitto" else Aedes)(directory, port)
