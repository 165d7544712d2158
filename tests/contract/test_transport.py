"""Celery's transport on a real Redis: one client for a channel, and events in few messages."""

from base64 import b64decode
from types import SimpleNamespace

import orjson
import pytest
from celery import Celery
from kombu.asynchronous.timer import Timer
from redis import Redis

from core.dispatch import make_app
from core.transport import Transport
from tasks.events import FlushEvents

DATABASE = 3


@pytest.fixture
def connection(redis_server):
    app = make_app()
    with app.connection(redis_server.database_url(DATABASE)) as connection:
        yield connection
    with Redis.from_url(redis_server.database_url(DATABASE)) as redis:
        redis.flushdb()


def test_messages_are_sent_taken_and_acknowledged(connection):
    assert isinstance(connection.transport, Transport)
    with connection.SimpleQueue("some") as queue:
        for number in range(3):
            queue.put({"number": number})
        taken = [queue.get(timeout=5) for _ in range(3)]
        assert [message.payload["number"] for message in taken] == [0, 1, 2]
        client = queue.channel._create_client()
        assert client.hlen("unacked") == 3
        for message in taken:
            message.ack()
        assert client.hlen("unacked") == 0


def test_a_channel_has_one_client_until_its_connections_are_closed(connection):
    channel = connection.channel()
    client = channel._create_client()
    assert channel._create_client() is client
    channel._disconnect_pools()
    assert channel._create_client() is not client
    assert channel._create_client().ping()


def test_events_of_tasks_go_out_together(connection, redis_server):
    app = Celery(broker=redis_server.database_url(DATABASE))
    dispatcher = app.events.Dispatcher(connection, buffer_group=["task"], on_send_buffered=pytest.fail)
    consumer = SimpleNamespace(event_dispatcher=dispatcher, timer=Timer())
    step = FlushEvents(consumer)
    with Redis.from_url(redis_server.url) as redis, redis.pubsub() as ear:
        ear.psubscribe("*celeryev*")
        assert ear.get_message(timeout=5)["type"] == "psubscribe"
        step.start(consumer)
        for state in ("received", "started", "succeeded"):
            dispatcher.send(f"task-{state}", uuid="1")
        step.stop(consumer)
        redis.publish("celeryev.last", "end")
        heard = []
        while (message := ear.get_message(timeout=5))["data"] != b"end":
            heard.append(message["data"])
    assert len(heard) == 1
    events = orjson.loads(b64decode(orjson.loads(heard[0])["body"]))
    assert [event["type"] for event in events] == ["task-received", "task-started", "task-succeeded"]
