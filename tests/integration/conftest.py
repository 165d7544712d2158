"""The stations called as functions, on the embedded stack: nothing of ours runs as a process here."""

import json
import queue
import sys
from itertools import count
from pathlib import Path
from random import Random

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from supabase import ClientOptions, create_client

from core.settings import WorkerSettings, load
from core.supabase import SupabaseGateway
from tasks import app
from tasks.resources import open_resources

# The proxy before Supabase serves the fault suite too.
sys.path.append(str(Path(__file__).parent.parent / "chaos"))


@pytest.fixture(scope="session")
def environment(stack):
    """The stack's settings, with a Redis database of the tests' own: no process may take their captures."""
    settings = stack.environment()
    return settings | {
        "REDIS_URL": stack.redis.database_url(7),
        "CELERY_BROKER_URL": stack.redis.database_url(8),
    }


@pytest.fixture(scope="session")
def resources(environment):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = load(WorkerSettings)
        assert app.conf.broker_url == environment["CELERY_BROKER_URL"]
    app.resources = open_resources(settings)
    yield app.resources
    app.resources.close()


@pytest.fixture(scope="session")
def database(stack):
    """supabase-py as an operator would use it."""
    with httpx.Client(timeout=20) as http:
        yield create_client(stack.supabase_url, stack.supabase_secret_key, ClientOptions(httpx_client=http))


@pytest.fixture
def bucket(database):
    return database.storage.from_("gxp-captures")


@pytest.fixture
def proxy(stack):
    """A proxy before Supabase, which lets everything through until it is told otherwise."""
    from chaos_proxy import HttpProxy

    proxy = HttpProxy(stack.supabase.port, Random())
    yield proxy
    proxy.close()


@pytest.fixture
def behind(resources, proxy, monkeypatch):
    """A worker that reaches Supabase through the proxy."""
    resources.store.redis.flushdb()
    settings = resources.settings.model_copy(update={"supabase_url": proxy.url})
    behind = resources._replace(settings=settings, supabase=SupabaseGateway(settings, 10.0))
    monkeypatch.setattr(app, "resources", behind)
    yield behind
    behind.supabase.close()


_numbers = count(1)


@pytest.fixture
def device():
    """A device name that no other test has."""
    return f"INTEGRATION{next(_numbers)}"


class Ear:
    """Hears what is sent to one device."""

    def __init__(self, stack, device):
        self.messages = queue.Queue()
        subscribed = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"ear{device}")
        self._client.on_message = lambda _client, _data, message: self.messages.put(
            (message.topic, json.loads(message.payload))
        )
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        self._client.connect(stack.mqtt_host, stack.mqtt_port)
        self._client.subscribe([(f"ESP32CAM/{device}/ack", 1), (f"ESP32CAM/{device}/cmd", 1)])
        self._client.loop_start()
        subscribed.get(timeout=10)

    def next(self):
        return self.messages.get(timeout=10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def ear(stack, device):
    hearing = Ear(stack, device)
    yield hearing
    hearing.close()
