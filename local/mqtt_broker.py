"""The stack's MQTT broker: aedes, an npm package, or Mosquitto if the machine has it."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.wire import TOPIC_ROOT
from local.entry import CAMERA, OPEN, SERVICE, Entry
from local.node import node_binary
from local.part import REPOSITORY, Part
from local.ports import StackError, accepts, check_free
from operate.logins import hashed

BROKERS = ("aedes", "mosquitto")

# Mosquitto's defaults are 20 messages in flight and 1,000 queued per client. A fleet sends more than that;
# Mosquitto drops the excess but still confirms it to the publishers.
_MOSQUITTO_CONFIG = """\
{user}listener {port} {host}
{access}
max_inflight_messages 1000
max_queued_messages 0
set_tcp_nodelay true
persistence true
persistence_location {directory}/
autosave_interval 1
sys_interval 0
"""


# Everybody with the login of cameras may be any camera, and none may speak as the service.
_RIGHTS = f"""\
user {SERVICE}
topic readwrite #
user {CAMERA}
topic write {TOPIC_ROOT}/+/status
topic write {TOPIC_ROOT}/+/data
topic read {TOPIC_ROOT}/+/ack
topic read {TOPIC_ROOT}/+/cmd
"""


class Broker(Part):
    """An MQTT broker; `entry` says on which address it listens, and who may connect."""

    name = "broker"
    mqtt_version = "5"

    def __init__(self, directory: Path, port: int | None = None, entry: Entry = OPEN) -> None:
        super().__init__(directory, port)
        self.entry = entry

    @property
    def host(self) -> str:
        """Where the processes of this machine find it."""
        return self.entry.near

    def check_port(self) -> None:
        """Raise PortInUseError if the port is taken on the address on which others find the broker."""
        super().check_port()
        if self._fixed:
            check_free(self.title, self.port, self.entry.host)

    def ready(self) -> bool:
        """Whether it accepts connections."""
        return accepts(self.port, self.host)


class Aedes(Broker):
    """The broker from npm; it keeps sessions in memory and loses them when it ends."""

    name = "aedes"
    title = "MQTT broker aedes"
    mqtt_version = "3.1.1"

    def command(self) -> list[str]:
        """Run broker.mjs on address and port."""
        return [node_binary(), str(REPOSITORY / "local" / "broker.mjs"), self.entry.host, str(self.port)]

    def environment(self) -> Mapping[str, str]:
        """Return an environment with the logins, which the machine's other users cannot read there."""
        if not self.entry.logins:
            return super().environment()
        return {**super().environment(), "BROKER_LOGINS": json.dumps(dict(self.entry.logins))}

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
        """Write mosquitto.conf, and the logins as hashes with their rights."""
        access, logins = "allow_anonymous true", self.entry.logins
        if logins:
            files = {"passwords": "".join(hashed(*login) for login in logins.items()), "rights": _RIGHTS}
            for name, text in files.items():
                file = self.directory / name
                file.touch(mode=0o600)
                file.write_text(text)
            access = f"password_file {self.directory}/passwords\nacl_file {self.directory}/rights"
        config = _MOSQUITTO_CONFIG.format(
            access=access,
            # When root starts it, Mosquitto switches to the user `mosquitto`, who may not write here.
            user="user root\n" if os.geteuid() == 0 else "",
            port=self.port,
            host=self.entry.host,
            directory=self.directory,
        )
        (self.directory / "mosquitto.conf").write_text(config)

    def command(self) -> list[str]:
        """Run mosquitto with the written configuration; raise StackError if there is no mosquitto."""
        binary = mosquitto_binary()
        if binary is None:
            raise StackError("mosquitto: there is none on PATH; install it, or use the broker aedes")
        return [binary, "-c", str(self.directory / "mosquitto.conf")]


def make_broker(kind: str, directory: Path, port: int | None = None, entry: Entry = OPEN) -> Broker:
    """Return a broker of this kind, `aedes` or `mosquitto`; raise StackError for any other."""
    if kind not in BROKERS:
        raise StackError(f"broker: {kind!r} is none of {', '.join(BROKERS)}")
    return (Mosquitto if kind == "mosquitto" else Aedes)(directory, port, entry)
