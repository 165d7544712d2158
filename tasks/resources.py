"""What a worker process holds open for all its threads, made once at its start."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from core import chunk_store
from core.chunk_store import ChunkStore
from core.device_store import DeviceStore
from core.settings import WorkerSettings
from core.supabase_gateway import SupabaseGateway
from tasks.publish import Publisher

# Threads of one process that work on captures, at most; each holds a connection to Redis and to Supabase.
MAX_THREADS = 64


class Resources(NamedTuple):
    """The connections of one process; every one is safe to share between threads.

    `quick` is the gateway for what a device waits for awake: it gives up after HELLO_TIMEOUT_S.
    """

    settings: WorkerSettings
    store: ChunkStore
    devices: DeviceStore
    supabase: SupabaseGateway
    quick: SupabaseGateway
    publisher: Publisher
    uploads: ThreadPoolExecutor


_open: list[Resources] = []


def open_resources(settings: WorkerSettings) -> Resources:
    """Connect everything; called once, in the worker's init signal."""
    store = ChunkStore(chunk_store.connect(settings, connections=MAX_THREADS), settings)
    resources = Resources(
        settings,
        store,
        DeviceStore(store.redis),
        SupabaseGateway(settings, settings.supabase_timeout_s),
        SupabaseGateway(settings, settings.hello_timeout_s),
        Publisher(settings, f"{settings.mqtt_client_id}worker{socket.gethostname()}{os.getpid()}", store),
        ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="upload"),
    )
    _open.append(resources)
    return resources


def current() -> Resources:
    """Give the resources of this process."""
    return _open[-1]


def close_resources() -> None:
    """Close everything, in the order that lets what is under way finish."""
    while _open:
        resources = _open.pop()
        resources.uploads.shutdown()
        resources.publisher.close()
        resources.supabase.close()
        resources.quick.close()
        resources.store.redis.close()
