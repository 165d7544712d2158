"""A Redis Cluster of the redis-server at hand, on loopback ports, for tests and benchmarks."""

import time
from pathlib import Path

from local.ports import LOOPBACK, StackError
from local.redis_server import RedisServer

JOINS_S = 60.0


class RedisCluster:
    """Three primaries or more, the slots in equal parts among them in order, each with `replicas` replicas.

    With `appendonly` a node that is killed has all its data when it starts again. A primary that stays away
    for `timeout_s` is replaced by its replica, if it has one.
    """

    def __init__(
        self,
        directory: Path,
        *,
        primaries: int = 3,
        replicas: int = 0,
        appendonly: bool = False,
        timeout_s: float = 2.0,
    ) -> None:
        self._replicas = replicas
        self.nodes = [
            RedisServer(
                directory / f"node{number}",
                appendonly=appendonly,
                cluster_timeout_ms=round(1000 * timeout_s),
            )
            for number in range(primaries * (1 + replicas))
        ]

    @property
    def url(self) -> str:
        """The URL with every node."""
        return "redis+cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Start the nodes, join them, and wait until each finds that the cluster is complete."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready()
        addresses = [f"{LOOPBACK}:{node.port}" for node in self.nodes]
        replicas = ["--cluster-replicas", str(self._replicas)]
        self.nodes[0].cli("--cluster", "create", *addresses, *replicas, "--cluster-yes")
        self.wait_complete()

    def wait_complete(self) -> None:
        """Wait until each node that runs finds that all slots are served, and all replicas are in step."""
        deadline = time.monotonic() + JOINS_S
        while waits := [node for node in self.nodes if node.running and not self._complete(node)]:
            if time.monotonic() > deadline:
                raise StackError(f"redis cluster: {waits[0].title} on {waits[0].port} finds it incomplete")
            time.sleep(0.05)

    def begin_move(self, slot: int, to: RedisServer) -> None:
        """Begin to move a slot to another node, as `redis-cli --cluster reshard` does; no key moves yet."""
        owner = self.owner(slot)
        _do(to, "cluster", "setslot", str(slot), "importing", _id(owner))
        _do(owner, "cluster", "setslot", str(slot), "migrating", _id(to))

    def finish_move(self, slot: int, to: RedisServer) -> None:
        """Move the keys of a slot whose move has begun, and let the node have it; the others hear of it."""
        owner = self.owner(slot)
        target = [LOOPBACK, str(to.port), "", "0", "5000"]
        while keys := owner.cli("cluster", "getkeysinslot", str(slot), "100").split():
            _do(owner, "migrate", *target, "keys", *keys)
        for node in (to, owner):
            _do(node, "cluster", "setslot", str(slot), "node", _id(to))

    def owner(self, slot: int) -> RedisServer:
        """Return the node that has a slot; raise StackError while none does that runs."""
        for node in (node for node in self.nodes if node.running):
            [own] = [line for line in node.cli("cluster", "nodes").splitlines() if "myself" in line]
            for part in own.split()[8:]:
                first, _, last = part.partition("-")
                if first.isdigit() and int(first) <= slot <= int(last or first):
                    return node
        raise StackError(f"redis cluster: no node that runs has slot {slot}")

    def wait_owner(self, slot: int) -> RedisServer:
        """Wait until a node that runs has a slot, as after the death of the one that had it; return it."""
        deadline = time.monotonic() + JOINS_S
        while True:
            try:
                return self.owner(slot)
            except StackError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            node.stop()

    def _complete(self, node: RedisServer) -> bool:
        replication = node.cli("info", "replication")
        in_step = "role:slave" not in replication or "master_link_status:up" in replication
        return in_step and "cluster_state:ok" in node.cli("cluster", "info")


def _id(node: RedisServer) -> str:
    return node.cli("cluster", "myid").strip()


def _do(node: RedisServer, *command: str) -> None:
    answer = node.cli(*command).strip()
    if answer not in ("OK", "NOKEY"):
        raise StackError(f"redis cluster: {' '.join(command)}: {answer}")
