"""The connections, the decoders and the thread pool that all threads of a worker process share."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from redis import Redis

from core.mqtt import secret_name
from core.settings import WorkerSettings
from core.store.connection import connect
from core.store.store import Store, open_store
from core.supabase import SupabaseGateway
from tasks.channels.deliverer import Deliverer
from tasks.decoders import Decoders
from tasks.film_maker import FilmMaker
from tasks.publish import Publisher

# The most worker threads in one process; each uses one connection to Redis and one to Supabase.
MAX_THREADS: Final = 64


class Resources(NamedTuple):
    """The connections of one process; each is safe to share between threads.

    `broker` is the Redis of Celery's messages. `quick` is the gateway for the answer to a hello: a device
    waits awake for it, so `quick` gives up after HELLO_TIMEOUT_S.
    """

    settings: WorkerSettings
    store: Store
    broker: Redis
    supabase: SupabaseGateway
    quick: SupabaseGateway
    publisher: Publisher
    uploads: ThreadPoolExecutor
    decoders: Decoders
    deliverer: Deliverer
    films: FilmMaker

    def close(self) -> None:
        """Close everything, the uploads first, so that running uploads can finish."""
        self.uploads.shutdown()
        self.deliverer.close()
        self.films.close()
        self.decoders.close()
        self.publisher.close()
        self.supabase.close()
        self.quick.close()
        self.broker.close()
        self.store.redis.close()


def open_resources(settings: WorkerSettings) -> Resources:
    """Open everything, once per process.

    Raises Misconfigured if the broker refuses the login, or no decoder starts.
    """
    decoders = Decoders(settings.decoders, settings.decode_cpu_s)
    decoders.start()
    store = open_store(connect(settings.redis_url, connections=MAX_THREADS), settings)
    client_id = secret_name(settings, f"{settings.mqtt_client_id}worker{socket.gethostname()}{os.getpid()}")
    supabase = SupabaseGateway(settings, settings.supabase_timeout_s, store.breakers)
    return Resources(
        settings,
        store,
        connect(settings.queue_url, connections=1),
        supabase,
        SupabaseGateway(settings, settings.hello_timeout_s, store.breakers, probes=False),
        Publisher(settings, client_id, store.streams, store.now),
        ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="upload"),
        decoders,
        Deliverer(settings, supabase),
        FilmMaker(settings, supabase),
    )
