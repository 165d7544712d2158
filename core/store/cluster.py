"""A Redis Cluster behind the interface of one Redis; see docs/adr/0036-redis-cluster.md.

All keys of a device have one hash tag, and every script and every command of the store has keys of one slot.
So the rest of the store does not know whether it speaks to one Redis or to many.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import ConnectionPool, parse_url
from redis.exceptions import (
    AskError,
    ConnectionError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry

from core.redis_url import node_urls
from core.store.keys import LISTENERS

# What a node answers whose slot is, or is about to be, on another one; MOVED is a kind of ASK for redis-py.
_REDIRECTED: Final = (AskError, TryAgainError)

Command = tuple[tuple[Any, ...], dict[str, Any]]


class Cluster(Redis):
    """The client of a Redis Cluster; it connects at its first command, and threads may share it.

    redis-py knows which node has which slot and follows the nodes' redirections. Commands are sent to their
    nodes here: redis-py's pipelines take no scripts, and its single commands cost more CPU time. Nothing is
    sent again that got no answer, or on a broken connection: callers repeat what is safe to repeat. What has
    no key, such as INFO or SCAN, is for `primaries`.
    """

    def __init__(self, url: str, **options: Any) -> None:
        # The pool gives its encoder to what Redis does with keys and values. Nothing connects by it.
        super().__init__(connection_pool=ConnectionPool())
        self._urls = node_urls(url)
        self._options = options
        self._opening = threading.Lock()
        self._opened: RedisCluster | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command to the node of its key; SCRIPT LOAD and FLUSHDB to every primary."""
        if args[0] in RedisCluster.COMMAND_FLAGS:
            with self._cluster() as cluster:
                return cluster.execute_command(*args, **options)
        [answer] = self.send([(args, options)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "ClusterPipeline":
        """Begin a pipeline, which is no transaction: its keys are on several nodes."""
        assert not transaction and not shard_hint  # noqa: S101
        return ClusterPipeline(self)

    def time(self, **options: Any) -> Any:
        """Return the time of the node that has the heartbeats: all processes ask the same one."""
        with self._cluster() as cluster:
            node = cluster.get_node_from_key(LISTENERS)
            return cluster.execute_command("TIME", target_nodes=node, **options)

    def primaries(self) -> list[Redis]:
        """Return a client for each node that has slots."""
        with self._cluster() as cluster:
            return [cluster.get_redis_connection(node) for node in cluster.get_primaries()]

    def members(self) -> dict[str, Redis]:
        """Return a client for each node, replicas too, by its `host:port`."""
        with self._cluster() as cluster:
            return {node.name: cluster.get_redis_connection(node) for node in cluster.get_nodes()}

    def address_of(self, key: str) -> str:
        """Return the `host:port` of the node that has a key."""
        with self._cluster() as cluster:
            return str(cluster.get_node_from_key(key).name)

    def state(self) -> str:
        """Return `ok`, or what the cluster says of itself."""
        with self._cluster() as cluster:
            told: Any = cluster.execute_command("CLUSTER INFO")
            return str(told["cluster_state"])

    def send(self, commands: list[Command]) -> list[Any]:
        """Send commands to their nodes and return the answers in order; an error of Redis is an answer.

        Every node gets what is its own before the first answer is read, so it takes one round trip, however
        many nodes there are. What a node redirects follows one by one, until one of those fails.
        """
        with self._cluster() as cluster:
            answers = _send(cluster, commands)
            for number, (args, options) in enumerate(commands):
                if isinstance(answers[number], _REDIRECTED):
                    try:
                        answers[number] = cluster.execute_command(*args, **options)
                    except RedisError as error:
                        answers[number] = error
                        break
            return answers

    def close(self) -> None:
        """Close all connections; a later command opens them again."""
        if opened := getattr(self, "_opened", None):
            self._opened = None
            opened.close()

    @contextmanager
    def _cluster(self) -> Iterator[RedisCluster]:
        try:
            yield self._opened or self._open()
        except RedisClusterException as error:
            # No node is where it was: the next command asks those of the URL again.
            self._opened = None
            if isinstance(error.__cause__, RedisError):
                raise error.__cause__ from None
            raise ConnectionError(str(error)) from error

    def _open(self) -> RedisCluster:
        with self._opening:
            if not self._opened:
                first, *others = self._urls
                self._opened = RedisCluster(
                    url=first,
                    startup_nodes=[_node(url) for url in others],
                    retry=Retry(NoBackoff(), 0),
                    **self._options,
                )
            return self._opened


class ClusterPipeline(Pipeline):
    """A pipeline whose commands may have keys on any node."""

    def __init__(self, client: Cluster) -> None:
        super().__init__(
            client.connection_pool, client.response_callbacks, transaction=False, shard_hint=None
        )
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send all commands and return the answers in order."""
        commands: list[Command] = self.command_stack
        self.reset()
        answers = self._client.send(commands)
        if raise_on_error:
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers


class _Line(NamedTuple):
    """A connection to a node, and the numbers of the commands that went over it."""

    node: str
    redis: Redis
    connection: Any
    numbers: list[int]


def _send(cluster: RedisCluster, commands: list[Command]) -> list[Any]:
    answers: list[Any] = [None] * len(commands)
    by_node: dict[ClusterNode, list[int]] = {}
    for number, (args, _) in enumerate(commands):
        by_node.setdefault(cluster.get_node_from_key(_key(args)), []).append(number)
    lines: list[_Line] = []
    asked = ""
    try:
        for node, numbers in by_node.items():
            asked = node.name
            redis = cluster.get_redis_connection(node)
            connection: Any = redis.connection_pool.get_connection()
            lines.append(_Line(asked, redis, connection, numbers))
            connection.send_packed_command(
                connection.pack_commands([commands[number][0] for number in numbers])
            )
        for line in lines:
            asked = line.node
            for number in line.numbers:
                args, options = commands[number]
                try:
                    answers[number] = line.redis.parse_response(line.connection, args[0], **options)
                except ResponseError as error:
                    answers[number] = error
    except BaseException as error:
        # What is still to be answered would be taken for the answers to later commands.
        for line in lines:
            line.connection.disconnect()
        if isinstance(error, (ConnectionError, TimeoutError)):
            # Another node may have its slots by now.
            cluster.nodes_manager.initialize(last_failed_node_name=asked)
        raise
    finally:
        for line in lines:
            line.redis.connection_pool.release(line.connection)
    return answers


def _key(args: tuple[Any, ...]) -> Any:
    """Return the first key of a command; the others are of the same slot."""
    return args[3] if args[0] == "EVALSHA" else args[1]


def _node(url: str) -> ClusterNode:
    options: Any = parse_url(url)
    return ClusterNode(options["host"], options.get("port", 6379))
