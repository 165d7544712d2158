"""What a worker process holds open for all its threads, made once at its start."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from core.settings import WorkerSettings
from core.store.connection import connect
from core.store.store import Store, open_store
from core.supabase import SupabaseGateway
from tasks.publish import Publisher

# Threads of one process that work on captures, at most; each holds a connection to Redis and to Supabase.
MAX_THREADS: Final = 64


class Resources(NamedTuple):
    """The connections of one process; every one is safe to share between threads.

    `quick` is the gateway for what a device waits for awake: it gives up after HELLO_TIMEOUT_S.
    """

    settings: WorkerSettings
    store: Store
    supabase: SupabaseGateway
    quick: SupabaseGateway
    publisher: Publisher
    uploads: ThreadPoolExecutor

    def close(self) -> None:
        """Close everything, in the order that lets work under way finish."""
        self.uploads.shutdown()
        self.publisher.close()
        self.supabase.close()
        self.quick.close()
        self.store.redis.close()


def open_resources(settings: WorkerSettings) -> Resources:
    """Connect everything; called once, in the worker's init signal."""
    store = open_store(connect(settings.redis_url, connections=MAX_THREADS), settings)
    client_id = f"{settings.mqtt_client_id}worker{socket.gethostname()}{os.getpid()}"
    return Resources(
        settings,
        store,
        SupabaseGateway(settings, settings.supabase_timeout_s),
        SupabaseGateway(settings, settings.hello_timeout_s),
        Publisher(settings, client_id, store.streams),
        ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="upload"),
    )
