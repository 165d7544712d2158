"""The simulated fleet as it goes on after its history: each of its devices wakes once a minute."""

import sys
from types import TracebackType
from typing import Final, Self

from local.history.fleet import FLEET, SEED
from local.part import REPOSITORY, clean_environment
from local.process import Process
from local.stack import Stack

# With the time awake it is a minute from wake to wake, as their schedule says. They wake by themselves: the
# clock times that the service tells them have no seconds, so all would wake at once.
_OPTIONS: Final = (
    "--quiet --dialect newer --sha256 --fixed-scene --spread 60 --sleep 57 --image-seconds 1.5"
    " --rssi-from -62 --battery-from 91 --drift temperature=0.005 --drift humidity=0.01"
    " --drift pressure=0.002 --drift gas_resistance=5"
)
# More than anybody may wait for: two years.
_PICTURES: Final = 1_000_000


class Living:
    """Plays the devices that go on, against the broker of a stack, until the block ends.

    Those that go on in the same way share a process.
    """

    def __init__(self, stack: Stack) -> None:
        ways: dict[tuple[str, ...], list[str]] = {}
        for device in FLEET:
            if device.goes_on is not None:
                ways.setdefault(device.goes_on, []).append(device.device_id)
        broker = ["--host", stack.mqtt_host, "--port", str(stack.mqtt_port)]
        self.processes = [
            Process(
                f"fleet-{number}",
                [
                    *(
                        sys.executable,
                        "-m",
                        "simulator",
                        *broker,
                        "--seed",
                        str(SEED),
                        "--images",
                        str(_PICTURES),
                    ),
                    *_OPTIONS.split(),
                    *options,
                    *(part for device in devices for part in ("--device-id", device)),
                ],
                log=stack.logs / f"fleet-{number}.log",
                environment=clean_environment(),
                cwd=REPOSITORY,
            )
            for number, (options, devices) in enumerate(ways.items(), 1)
        ]

    def __enter__(self) -> Self:
        for process in self.processes:
            process.launch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.stop()
