"""The stations called as functions, on the embedded stack: nothing of ours runs as a process here."""

import json
import queue
import sys
import uuid
from itertools import count
from pathlib import Path
from random import Random

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from supabase import ClientOptions, create_client

from core.settings import WorkerSettings, load
from core.store.keys import lock_key
from core.supabase import SupabaseGateway
from tasks import app
from tasks.channels.deliverer import Deliverer
from tasks.resources import open_resources

# The proxy before Supabase serves the fault suite too.
sys.path.append(str(Path(__file__).parent.parent / "chaos"))
# And so do the receivers on loopback.
sys.path.append(str(Path(__file__).parent.parent / "channels"))


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


@pytest.fixture
def again(resources):
    """Runs periodic tasks again, as if their time had come."""

    def run_again(*tasks):
        for task in tasks:
            resources.store.redis.delete(lock_key(task.__wrapped__.__name__))
            task.run()

    return run_again


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


# Loopback may be reached.
LOCAL = {"webhook_allow_http": True, "webhook_private_networks": ("127.0.0.0/8",)}


class Company:
    """A company with an admin, a device, and what the admin calls as a browser does."""

    def __init__(self, stack, database, http):
        self.database = database
        self.company_id, self.device = str(uuid.uuid4()), uuid.uuid4().hex[:12].upper()
        self.email = f"{uuid.uuid4().hex}@farm.test"
        self._http = http
        key = {"apikey": stack.supabase_publishable_key}
        account = {"email": self.email, "password": uuid.uuid4().hex}
        said = (
            http.post(f"{stack.supabase_url}/auth/v1/signup", headers=key, json=account)
            .raise_for_status()
            .json()
        )
        database.table("companies").insert({"company_id": self.company_id, "name": "farm"}).execute()
        database.table("users").insert(
            {"user_id": said["user"]["id"], "company_id": self.company_id}
        ).execute()
        self.add_device(self.device)
        self._headers = key | {"Authorization": f"Bearer {said['access_token']}"}
        self._supabase = stack.supabase_url

    def add_device(self, device):
        self.database.table("devices").insert({"device_id": device, "company_id": self.company_id}).execute()

    def call(self, function, **arguments):
        answer = self._http.post(
            f"{self._supabase}/rest/v1/rpc/{function}", headers=self._headers, json=arguments
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def link(self, path):
        """A link to an object, as supabase-js asks for one."""
        storage = f"{self._supabase}/storage/v1"
        address = f"{storage}/object/sign/gxp-captures/{path}"
        answer = self._http.post(address, headers=self._headers, json={"expiresIn": 60})
        return storage + answer.raise_for_status().json()["signedURL"]

    def channel(self, target, kind="webhook", events=("capture.stored",)):
        more = {"event_types": list(events)}
        return self.call("create_channel", p_name="hall", p_kind=kind, p_target=target, p_more=more)[
            "channel_id"
        ]

    def state(self, channel):
        return (
            self.database.table("alert_channels")
            .select("*")
            .eq("channel_id", channel)
            .single()
            .execute()
            .data
        )

    def deliveries(self, channel):
        return self.call("channel_deliveries", p_channel=channel)

    def picture(self, name, device=None):
        capture = {"device_id": device or self.device, "image_name": name, "ingest_status": "stored",
                   "storage_path": f"captures/{uuid.uuid4()}.jpg"}  # fmt: skip
        self.database.rpc("record_capture", {"p_capture": capture}).execute()


@pytest.fixture
def make_company(stack, database):
    made = []
    with httpx.Client(timeout=30) as http:

        def make():
            made.append(Company(stack, database, http))
            return made[-1]

        yield make
        for company in made:
            database.table("alert_channels").delete().eq("company_id", company.company_id).execute()


@pytest.fixture
def company(make_company):
    return make_company()


@pytest.fixture
def receiver():
    from receivers import Receiver

    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def make_deliverer(resources):
    made = []

    def make(lease_s=120, **settings):
        changed = WorkerSettings(**resources.settings.model_dump() | LOCAL | settings)
        made.append(Deliverer(changed, resources.supabase, lease_s=lease_s))
        return made[-1]

    yield make
    for deliverer in made:
        deliverer.close()
