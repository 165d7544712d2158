"""The listener with a counter of its Redis round trips: `python -m benchmarks.counted_listener FILE`.

It writes the count to FILE when it ends. The counter is in the client, because Redis counts only commands,
and a pipeline of many commands is one round trip.
"""

import sys
from pathlib import Path
from typing import Any

from redis.connection import AbstractConnection

from listener.__main__ import main

_send: Any = AbstractConnection.send_packed_command
_trips = 0


def _count(connection: AbstractConnection, *arguments: Any, **options: Any) -> Any:
    global _trips  # noqa: PLW0603 - one number for a process that does nothing else
    _trips += 1
    return _send(connection, *arguments, **options)


if __name__ == "__main__":
    setattr(AbstractConnection, "send_packed_command", _count)  # noqa: B010 - a method of a foreign class
    try:
        main()
    finally:
        Path(sys.argv[1]).write_text(str(_trips))
