"""The stack's MQTT broker: aedes, which npm brings, or Mosquitto where the machine has it."""

import os
import shutil
from pathlib import Path

from local.node import node_binary
from local.part import REPOSITORY, Part
from local.ports import LOOPBACK, StackError

BROKERS = ("aedes", "mosquitto")

# By default 20 messages are in flight and 1,000 queued; what a fleet sends beyond that is dropped, and the
# publishers are told that all went well.
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
    """An MQTT broker without users on a loopback port."""

    name = "broker"
    host = LOOPBACK
    mqtt_version = "5"


class Aedes(Broker):
    """The broker from npm: sessions are kept while it runs, and lost with it."""

    name = "aedes"
    title = "MQTT broker aedes"
    mqtt_version = "3.1.1"

    def command(self) -> list[str]:
        """Run broker.mjs on the port."""
        return [node_binary(), str(REPOSITORY / "local" / "broker.mjs"), str(self.port)]

    def ready(self) -> bool:
        """Whether the broker has said that it listens."""
        return self.process is not None and "ready on" in self.process.output()


def mosquitto_binary() -> str | None:
    """The path of mosquitto, or None where the machine has none; /usr/sbin is looked into in any case."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    return shutil.which("mosquitto", path=path)


class Mosquitto(Broker):
    """Mosquitto with limits for a fleet; what its sessions hold is written to disk every second."""

    name = "mosquitto"
    title = "MQTT broker Mosquitto"

    def prepare(self) -> None:
        """Write mosquitto.conf."""
        config = _MOSQUITTO_CONFIG.format(
            # As root it would become the user `mosquitto`, who may not write here.
            user="user root\n" if os.geteuid() == 0 else "",
            port=self.port,
            host=LOOPBACK,
            directory=self.directory,
        )
        (self.directory / "mosquitto.conf").write_text(config)

    def command(self) -> list[str]:
        """Run mosquitto with the written configuration."""
        binary = mosquitto_binary()
        if binary is None:
            raise StackError("mosquitto: there is none on PATH; install it, or use the broker aedes")
        return [binary, "-c", str(self.directory / "mosquitto.conf")]


def make_broker(kind: str, directory: Path, port: int | None = None) -> Broker:
    """The broker of this kind, `aedes` or `mosquitto`."""
    if kind not in BROKERS:
        raise StackError(f"broker: {kind!r} is none of {', '.join(BROKERS)}")
    return (Mosquitto if kind == "mosquitto" else Aedes)(directory, port)
