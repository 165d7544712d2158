"""A publisher that keeps the listeners behind a real broker busy.

It sends captures of many devices over one connection, and never more than AHEAD of them before the listeners
have stored the others: a broker that has to keep a heap of messages measures itself. A complete capture is
one task in Celery's queue, which grows as there is no worker; REDIS is the URL of the database that holds it.
It prints `ready`, `begin` and `end` around the time until the last capture is complete, then one line of
JSON.

    python -m benchmarks.flood PORT REDIS CAPTURES
"""

import argparse
import json
import socket
import threading
import time
from typing import Final

from redis import Redis

from benchmarks import wire
from benchmarks.feeder import interleaved
from core.dispatch import CAPTURES_QUEUE
from local.ports import LOOPBACK

# The captures of one turn come mixed, as if so many devices sent at once.
DEVICES: Final = 20
AHEAD: Final = 10 * DEVICES
POLL_S: Final = 0.005
STUCK_S: Final = 60.0


def flood(port: int, redis: "Redis", captures: int) -> dict[str, float]:
    """Publish all captures and wait until each is complete; return the messages and the seconds that it took.

    Raises TimeoutError if for a minute no capture has become complete.
    """
    packets = interleaved(captures, DEVICES, 0, version5=False)
    each = len(packets) // captures
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(wire.connect("flood"))
        connection.recv(16)  # CONNACK
        # PUBACKs are read and forgotten; a broker whose answers nobody reads stops reading as well.
        threading.Thread(target=_drain, args=(connection,), daemon=True).start()
        print("begin", flush=True)
        begun = moved = time.perf_counter()
        sent = complete = 0
        while complete < captures:
            if sent < min(captures, complete + AHEAD):
                turn = packets[sent * each : (sent + DEVICES) * each]
                connection.sendall(b"".join(turn))
                sent += DEVICES
                continue
            time.sleep(POLL_S)
            before, complete = complete, int(redis.llen(CAPTURES_QUEUE))
            moved = time.perf_counter() if complete > before else moved
            if time.perf_counter() - moved > STUCK_S:
                raise TimeoutError(f"{complete} of {captures} captures are complete, and no more come")
        seconds = time.perf_counter() - begun
        print("end", flush=True)
    return {"messages": len(packets), "seconds": seconds}


def _drain(connection: socket.socket) -> None:
    try:
        while connection.recv(65_536):
            pass
    except OSError:
        pass


def main() -> None:
    """Read the command line and flood."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("redis")
    parser.add_argument("captures", type=int)
    asked = parser.parse_args()
    print("ready", flush=True)
    with Redis.from_url(asked.redis) as redis:
        print(json.dumps(flood(asked.port, redis, asked.captures)), flush=True)


if __name__ == "__main__":
    main()
