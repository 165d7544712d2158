"""What the listener's batches cost on a Redis Cluster of three nodes, against one Redis.

    python -m benchmarks.cluster [--rounds N] [--captures N] [--shard-mb MB]

In each round CAPTURES devices send a picture of 51 kB in 50 chunks, the metadata first, in batches of some
1,000 messages, as the listener makes them at full load: ten chunks of each of 100 devices. The rounds
alternate between one Redis and the cluster. CPU is that of user and system: of this process, and of all
servers together. A turn is a wait for the network: what is sent to several nodes before the first answer is
read is one turn. The servers write no append-only file, so that no disk is measured. The last line moves a
full shard to another node.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import SecretStr
from redis.connection import AbstractConnection
from redis.crc import key_slot

from benchmarks.photograph import CHUNK_BYTES, CHUNKS, IMAGE_BYTES, device_ids
from benchmarks.processes import process_seconds
from core.clock import now_ms
from core.settings import ArrivalSettings
from core.store.connection import connect, servers
from core.store.keys import CaptureRef, shard
from core.store.listeners import Heartbeat
from core.wire import Metadata
from listener.batch import Batches
from local.redis_cluster import RedisCluster
from local.redis_server import RedisServer

TOGETHER: Final = 100
PIECES: Final = 10
NAME: Final = "image_1.jpg"
COMMANDS: Final = 2_000
DATA: Final = bytes(CHUNK_BYTES)
TITLES: Final = (
    "client, µs/message",
    "servers, µs/message",
    "turns/batch",
    "clock, ms/batch",
    "client, µs/command",
)


class Round(NamedTuple):
    """The cost of one round in seconds: CPU of client and servers, and of one command; by the clock."""

    batches: int
    messages: int
    client_s: float
    servers_s: float
    turns: int
    clock_s: float
    command_s: float


class Site:
    """One Redis or a cluster, and a client of it."""

    def __init__(self, nodes: list[RedisServer], url: str) -> None:
        self._nodes = nodes
        self.redis = connect(SecretStr(url))
        self.batches = Batches(self.redis, ArrivalSettings(max_captures=10**6))

    def servers_s(self) -> float:
        """Return the CPU time of all servers (s)."""
        return sum(
            process_seconds(node.process.pid) for node in self._nodes if node.process and node.process.pid
        )

    def empty(self) -> None:
        """Drop all keys."""
        for server in servers(self.redis):
            server.flushdb()

    def command_s(self) -> float:
        """Return the CPU time of this process for a command of its own (s)."""
        began = time.process_time()
        for number in range(COMMANDS):
            self.redis.exists(f"fleet:lock:{number % 50}")
        return (time.process_time() - began) / COMMANDS


@contextmanager
def turns() -> Iterator[list[int]]:
    """Count the turns in the block."""
    counted, waits = [0], [False]
    send: Any = AbstractConnection.send_packed_command
    read: Any = AbstractConnection.read_response

    def sending(self: Any, *arguments: Any, **options: Any) -> Any:
        counted[0] += not waits[0]
        waits[0] = True
        return send(self, *arguments, **options)

    def reading(self: Any, *arguments: Any, **options: Any) -> Any:
        waits[0] = False
        return read(self, *arguments, **options)

    AbstractConnection.send_packed_command = sending  # type: ignore[method-assign]
    AbstractConnection.read_response = reading  # type: ignore[method-assign]
    try:
        yield counted
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]
        AbstractConnection.read_response = read  # type: ignore[method-assign]


def arrive(site: Site, devices: list[str]) -> tuple[int, int]:
    """Let a whole picture of each device arrive; return the number of batches and of messages."""
    batches = messages = 0
    for first in range(0, len(devices), TOGETHER):
        for begin in range(0, CHUNKS, PIECES):
            batch, now = site.batches.begin(), now_ms()
            pieces = [piece for number in range(begin, begin + PIECES) for piece in (number, DATA)]
            for device_id in devices[first : first + TOGETHER]:
                if not begin:
                    batch.metadata(
                        Metadata(device_id, None, NAME, image_bytes=IMAGE_BYTES, total_chunks=CHUNKS), now
                    )
                batch.chunks(CaptureRef(device_id, NAME), now, pieces)
                messages += PIECES + (not begin)
            batch.heard(Heartbeat("fleet@1", now, now))
            batch.commit()
            batches += 1
    return batches, messages


def measure(site: Site, devices: list[str]) -> Round:
    """Measure one round."""
    site.empty()
    with turns() as counted:
        client, server, clock = time.process_time(), site.servers_s(), time.perf_counter()
        batches, messages = arrive(site, devices)
        return Round(
            batches,
            messages,
            time.process_time() - client,
            site.servers_s() - server,
            counted[0],
            time.perf_counter() - clock,
            site.command_s(),
        )


def move(site: Site, cluster: RedisCluster, megabytes: int) -> tuple[float, int]:
    """Fill one shard and move it to another node; return the seconds and the bytes of its pictures."""
    site.empty()
    mine = [device for device in device_ids(320 * megabytes, "CB") if shard(device) == 0]
    for first in range(0, len(mine), TOGETHER):
        arrive(site, mine[first : first + TOGETHER])
    slot = key_slot(b"0")
    owner = cluster.owner(slot)
    to = next(node for node in cluster.nodes if node is not owner)
    cluster.begin_move(slot, to)
    began = time.perf_counter()
    cluster.finish_move(slot, to)
    return time.perf_counter() - began, len(mine) * IMAGE_BYTES


def report(name: str, rounds: list[Round]) -> tuple[float, float]:
    """Print the medians of a site; return the CPU of client and servers for a message (µs)."""
    client = statistics.median(1e6 * each.client_s / each.messages for each in rounds)
    server = statistics.median(1e6 * each.servers_s / each.messages for each in rounds)
    turned = statistics.median(each.turns / each.batches for each in rounds)
    clock = statistics.median(1e3 * each.clock_s / each.batches for each in rounds)
    command = statistics.median(1e6 * each.command_s for each in rounds)
    figures = f"{client:.2f}", f"{server:.2f}", f"{turned:.1f}", f"{clock:.1f}", f"{command:.0f}"
    print(f" {name:<12}" + "".join(f"{figure:>20}" for figure in figures))
    return client, server


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--captures", type=int, default=400)
    parser.add_argument("--shard-mb", type=int, default=50, help="the pictures of the shard that is moved")
    options = parser.parse_args()
    devices = device_ids(options.captures, "CA")
    with tempfile.TemporaryDirectory() as folder:
        single, cluster = RedisServer(Path(folder)), RedisCluster(Path(folder))
        try:
            single.start()
            cluster.start()
            one, many = Site([single], single.url), Site(cluster.nodes, cluster.url)
            rounds: dict[str, list[Round]] = {"one Redis": [], "three nodes": []}
            for site in (one, many):
                arrive(site, devices[:TOGETHER])
            for _ in range(options.rounds):
                for site, each in zip((one, many), rounds.values(), strict=True):
                    each.append(measure(site, devices))
            print(f"{options.rounds} rounds of {options.captures} captures, medians")
            print(f" {'on':<12}" + "".join(f"{title:>20}" for title in TITLES))
            costs = [report(name, each) for name, each in rounds.items()]
            ratios = [after / before for before, after in zip(*costs, strict=True)]
            print(f" ratio: client {ratios[0]:.2f}, servers {ratios[1]:.2f}")
            seconds, size = move(many, cluster, options.shard_mb)
            print(f" a shard with {size / 1e6:.0f} MB of pictures moved in {seconds:.1f} s")
            for site in (one, many):
                site.redis.close()
        finally:
            cluster.stop()
            single.stop()


if __name__ == "__main__":
    main()
