"""Plays the board for the protocol part: the other end of bench.cpp."""

import json
import subprocess
from typing import NamedTuple

from core.wire import Limits, decode

LIMITS = Limits(4096, 2**20)
DEVICE = "AABBCCDDEEFF"


class State(NamedTuple):
    name: str
    sleep_s: int
    acknowledged: int


class Bench:
    """One device; `said` is what it has said since it was last asked, as topic and payload."""

    def __init__(self, program, card, *, zone="UTC"):
        self.card = card
        self._process = subprocess.Popen(
            [program, DEVICE, card],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"TZ": zone},
        )
        self._said = []
        self._ms = 0
        self.utc = 1_760_000_000
        self.state = self.act(f"at 0 {self.utc}")

    def act(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        for answer in self._process.stdout:
            word, _, rest = answer.rstrip("\n").partition(" ")
            if word == "=":
                name, sleep_s, acknowledged = rest.split()
                self.state = State(name, int(sleep_s), int(acknowledged))
                return self.state
            self._said.append((word, rest))
        raise AssertionError(f"it died of {line[:200]!r} with {self._process.wait()}")

    def pass_time(self, ms):
        self._ms += ms
        return self.act(f"at {self._ms} {self.utc}")

    def set_clock(self, utc):
        self.utc = utc
        return self.pass_time(0)

    def hear(self, message):
        payload = (
            message if isinstance(message, bytes) else json.dumps({"device_id": DEVICE, **message}).encode()
        )
        return self.act(f"hear {payload.hex()}")

    def run(self, most=5000):
        """Let it go on until it waits for something."""
        for _ in range(most):
            before = self.state, len(self._said)
            if (self.act("step"), len(self._said)) == before:
                return self.state
        raise AssertionError("it never waits")

    def wake(self):
        """Begin another wake; what had not been read of the last one is gone."""
        self.act("wake")
        self._said.clear()
        return self.run()

    def said(self):
        said, self._said = self._said, []
        return said

    def read(self):
        """Return what it has said as the service reads it."""
        return [decode(f"ESP32CAM/{DEVICE}/{kind}", text.encode(), LIMITS) for kind, text in self.said()]

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(timeout=20) == 0
        self._process.stdout.close()
