import socket
import urllib.request
from pathlib import Path

import pytest
import redis

from local import guard, node, supabase_lite
from local.mqtt_broker import Aedes
from local.ports import LOOPBACK, PortInUseError, StackError, accepts, is_free
from local.redis_server import RedisServer
from local.stack import MailStack, Stack


def test_a_stack_starts_and_leaves_nothing_behind(tmp_path):
    stack = MailStack(broker="aedes", mailbox=tmp_path / "mailbox")
    with stack:
        groups = [part.process.pid for part in stack.parts if part.process]
        assert len(groups) == 4
        request = urllib.request.Request(
            f"{stack.supabase_url}/rest/v1/captures?limit=1", headers={"apikey": stack.supabase_secret_key}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == b"[]"
        assert accepts(stack.mqtt_port)
        with redis.Redis.from_url(stack.redis_url) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert not any(guard.group_alive(group) for group in groups)
    assert all(is_free(part.port) for part in stack.parts)
    assert not stack.directory.exists()


def test_the_environment_has_what_the_service_needs(stack):
    from core.settings import WorkerSettings

    names = {name.upper() for name in WorkerSettings.model_fields}
    assert set(stack.environment()) <= names
    assert stack.environment()["REDIS_URL"] != stack.environment()["CELERY_BROKER_URL"]


def test_the_servers_listen_on_loopback_only(stack):
    try:
        listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except FileNotFoundError:
        pytest.skip("no /proc")
    addresses = {part.port: set() for part in stack.parts}
    for line in listening:
        _, local, _, state, *_ = line.split()
        address, port = local.split(":")
        if state == "0A" and int(port, 16) in addresses:
            addresses[int(port, 16)].add(address)
    assert all(found == {"0100007F"} for found in addresses.values())
    open6 = Path("/proc/net/tcp6")
    if open6.exists():
        ports6 = {int(line.split()[1].split(":")[1], 16) for line in open6.read_text().splitlines()[1:]}
        assert not ports6 & set(addresses)


@pytest.mark.parametrize("part", ["redis_port", "mqtt_port", "supabase_port", "smtp_port"])
def test_a_port_in_use_is_named_and_nothing_is_started(tmp_path, part):
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        stack = MailStack(directory=tmp_path, broker="aedes", mailbox=tmp_path / "mailbox", **{part: port})
        with pytest.raises(PortInUseError, match=f"port {port} .* in use"):
            stack.start()
    assert not any(part.running for part in stack.parts)
    assert not (tmp_path / "logs").exists()


def test_a_chosen_port_that_was_lost_is_replaced(tmp_path):
    server = RedisServer(tmp_path)
    with socket.create_server((LOOPBACK, server.port)):
        lost = server.port
        server.start()
        assert server.port != lost
        server.stop()


def test_a_part_that_fails_names_itself_and_stops_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(Aedes, "command", lambda self: ["/bin/sh", "-c", "echo the disk is full; exit 1"])
    stack = Stack(tmp_path, broker="aedes")
    with pytest.raises(
        StackError, match=rf"MQTT broker aedes on port {stack.mqtt_port} (?s:.*)the disk is full"
    ):
        stack.start()
    assert not any(part.running for part in stack.parts)


def test_redis_keeps_port_and_data_over_a_kill(tmp_path):
    server = RedisServer(tmp_path, appendonly=True)
    try:
        server.start()
        port = server.port
        with redis.Redis.from_url(server.url) as client:
            client.set("kept", "yes")
        server.kill()
        assert is_free(port)
        server.restart()
        assert server.port == port
        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"yes"
    finally:
        server.stop()


def test_broker_and_supabase_come_back_on_their_ports(tmp_path):
    with Stack(tmp_path, broker="aedes") as stack:
        for part in (stack.broker, stack.supabase):
            port = part.port
            part.kill()
            assert is_free(port)
            part.restart()
            assert part.port == port
            assert part.ready()
    assert (tmp_path / "logs").exists(), "a directory of the caller's stays"


def test_mosquitto_starts_again_with_its_sessions(mosquitto):
    port = mosquitto.port
    mosquitto.restart()
    assert mosquitto.port == port
    assert accepts(port)


def test_an_unknown_broker_is_refused(tmp_path):
    with pytest.raises(StackError, match="'rabbit' is none of aedes, mosquitto"):
        Stack(tmp_path, broker="rabbit")


def test_without_node_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr(node, "find_node", lambda: None)
    with pytest.raises(StackError, match="make setup"):
        node.node_binary()


def test_a_schema_that_does_not_apply_is_shown_and_leaves_no_template(tmp_path, monkeypatch):
    bad = tmp_path / "bad.sql"
    bad.write_text("create table broken (;")
    monkeypatch.setattr(supabase_lite, "SCHEMA", bad)
    monkeypatch.setattr(supabase_lite, "TEMPLATES", tmp_path / "templates")
    server = supabase_lite.SupabaseLite(tmp_path)
    with pytest.raises(StackError, match=r"does not apply(?s:.*)syntax error"):
        server.start()
    assert list((tmp_path / "templates").iterdir()) == []


def test_secrets_are_in_files_of_their_own_for_their_owner_alone(stack):
    secret = stack.supabase_secret_key.encode()
    assert not any(secret in file.read_bytes() for file in stack.supabase.directory.rglob("*.toml"))
    kept = [file for file in (stack.directory / "secrets").iterdir() if secret in file.read_bytes()]
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600]
