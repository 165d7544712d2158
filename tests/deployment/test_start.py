"""How the processes start: what only an operator can put right ends them in one line, an outage does not."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from secured_broker import PASSWORD
from supabase_server import SupabaseServer

from local.part import REPOSITORY
from local.ports import free_port
from local.process import StartError
from local.redis_server import RedisServer
from operate import health
from operate.checks.supabase import FUNCTIONS, SCHEMA_VERSION

READY = {"listener": "Worker started - processing messages", "worker": " ready."}


def says(process, text, timeout=40):
    process.wait_ready(lambda: text in process.output(), timeout)


def ends(process):
    """The last line of a process that ends by itself."""
    with pytest.raises(StartError, match=r"ended with status [12]"):
        process.wait_ready(lambda: False, 40)
    return process.output().splitlines()[-1]


@pytest.fixture
def settings(stack):
    return {**stack.environment(), "RETRANSMIT_DELAY_MS": "1000"}


@pytest.fixture
def supabase():
    server = SupabaseServer()
    yield server
    server.close()


def test_the_listener_says_what_it_does(run, secured, authority, redis_server):
    broker = secured(certificate=authority.issue("127.0.0.1"))
    listener = run(
        "listener", **broker.settings, MQTT_CA_CERT=str(authority.file), REDIS_URL=redis_server.url
    )
    says(listener, "Subscribed to topics")
    output = listener.output()
    assert "✓ MQTT connected successfully" in output
    assert "✓ Subscribed to topics: ESP32CAM/+/status, ESP32CAM/+/data" in output
    assert "✓ Worker started - processing messages..." in output
    listener.terminate()


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_a_missing_setting(run, redis_server, name):
    line = ends(run(name, REDIS_URL=redis_server.url))
    assert re.search("settings: [A-Z_]+ is missing", line)


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_a_wrong_password(run, settings, secured, name):
    broker = secured()
    line = ends(run(name, **settings | broker.settings | {"MQTT_PASSWORD": "wrong", "MQTT_VERSION": "5"}))
    assert "broker login" in line
    assert "MQTT_PASSWORD" in line
    assert PASSWORD not in line


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_an_unknown_authority(run, settings, secured, authority, name):
    broker = secured(certificate=authority.issue("127.0.0.1"))
    line = ends(run(name, **settings | broker.settings))
    assert "MQTT_CA_CERT" in line


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_a_certificate_for_another_host(run, settings, secured, authority, name):
    broker = secured(certificate=authority.issue("broker.test"))
    line = ends(run(name, **settings | broker.settings | {"MQTT_CA_CERT": str(authority.file)}))
    assert "MQTT_HOST" in line


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_a_redis_that_evicts(run, settings, tmp_path, name):
    class Evicting(RedisServer):
        def prepare(self):
            super().prepare()
            config = self.directory / "redis.conf"
            config.write_text(config.read_text().replace("noeviction", "allkeys-lru"))

    redis = Evicting(tmp_path)
    try:
        redis.start()
        urls = {"REDIS_URL": redis.url, "CELERY_BROKER_URL": redis.database_url(1)}
        assert "noeviction" in ends(run(name, **settings | urls))
    finally:
        redis.stop()


def test_a_worker_with_the_wrong_key(run, stack, settings):
    line = ends(run("worker", **settings | {"SUPABASE_SERVICE_ROLE": stack.supabase_publishable_key}))
    assert "SUPABASE_SERVICE_ROLE" in line
    assert stack.supabase_publishable_key not in line


def test_a_listener_waits_for_the_broker_and_redis(run, tmp_path, mosquitto):
    """An outage at the start is waited out: nothing that a restart could mend."""
    redis = RedisServer(tmp_path / "later")
    mosquitto.stop()
    settings = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(mosquitto.port), "MQTT_TLS": "false"}
    listener = run("listener", **settings, REDIS_URL=redis.url)
    says(listener, "cannot reach the broker")
    assert "REDIS_URL: " in listener.output()
    try:
        says(listener, "the time of Redis is not known")
        redis.start()
        mosquitto.start()
        says(listener, "Subscribed to topics")
    finally:
        listener.stop(15)
        redis.stop()


def test_a_worker_waits_for_the_broker_and_supabase(run, settings, mosquitto):
    mosquitto.stop()
    away = {
        "MQTT_PORT": str(mosquitto.port),
        "MQTT_VERSION": "5",
        "SUPABASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    worker = run("worker", **settings | away)
    says(worker, READY["worker"])
    assert "cannot reach the broker" in worker.output()
    assert "SUPABASE_URL: " in worker.output()
    mosquitto.start()
    says(worker, "✓ MQTT connected successfully")


@pytest.mark.parametrize(
    ("status", "body"), [(402, {"message": "exceed_egress_quota"}), (405, {"code": "25006", "message": "m"})]
)
def test_a_worker_waits_for_a_project_that_is_restricted(run, settings, supabase, status, body):
    supabase.answer = lambda _asked: (status, body)
    worker = run("worker", **settings | {"SUPABASE_URL": supabase.settings.supabase_url})
    says(worker, READY["worker"])
    assert "SUPABASE_URL: the project is over its quota, unpaid or read-only" in worker.output()


@pytest.mark.parametrize("bucket", [402, 503])
def test_a_worker_waits_for_storage_that_is_restricted(run, settings, supabase, bucket):
    def answer(asked):
        schema = {"version": SCHEMA_VERSION, "functions": sorted(FUNCTIONS)}
        schema |= {"open_tables": [], "open_functions": []}
        return (bucket, {}) if "/bucket/" in asked.path else (200, schema)

    supabase.answer = answer
    worker = run("worker", **settings | {"SUPABASE_URL": supabase.settings.supabase_url})
    says(worker, READY["worker"])
    assert "storage bucket: the project" in worker.output()


def test_beat_needs_redis_alone(run, redis_server):
    beat = run("beat", REDIS_URL=redis_server.url)
    says(beat, "beat: Starting")
    assert "missing" not in beat.output()


def healthy(file):
    return subprocess.run(
        [sys.executable, "-m", "operate.health"],
        cwd=REPOSITORY, env={**os.environ, "HEALTH_FILE": str(file)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["listener", "worker"])
def test_a_process_that_hangs_is_unhealthy_and_redis_away_is_not(run, settings, mosquitto, tmp_path, name):
    redis, file = RedisServer(tmp_path / "redis"), tmp_path / "works"
    redis.start()
    try:
        ours = settings | {"MQTT_PORT": str(mosquitto.port), "MQTT_VERSION": "5", "HEALTH_FILE": str(file)}
        urls = {"REDIS_URL": redis.url, "CELERY_BROKER_URL": redis.database_url(1)}
        process = run(name, **ours | urls)
        says(process, READY[name])
        assert healthy(file).returncode == 0
        redis.stop()
        _until_touched_again(file)
        assert healthy(file).returncode == 0
    finally:
        redis.stop()
    os.kill(process.pid, signal.SIGSTOP)
    try:
        past = file.stat().st_mtime - health.STALE_AFTER_S - 1
        os.utime(file, (past, past))  # as after that time
        answer = healthy(file)
        assert answer.returncode == 1
        assert "nothing done for" in answer.stderr
    finally:
        os.kill(process.pid, signal.SIGCONT)
    _until_touched_again(file)
    assert healthy(file).returncode == 0


def _until_touched_again(file):
    waiting, before = threading.Event(), file.stat().st_mtime
    while file.stat().st_mtime == before:
        assert not waiting.wait(0.05)


def test_without_a_file_nothing_is_healthy(tmp_path):
    assert "HEALTH_FILE is not set" in healthy("").stderr
    assert healthy(tmp_path / "never").returncode == 1


def test_a_pool_of_processes_which_cannot_share_connections_is_refused(run, settings):
    worker = run("worker", "--pool=processes", **settings)
    assert "the pool must be threads" in ends(worker)
    assert "Traceback" not in worker.output()


@pytest.mark.parametrize(("pool", "kind"), [("prefork", "thread"), ("solo", "solo")])
def test_the_pool_that_celery_takes_for_its_default_is_threads(run, settings, pool, kind):
    worker = run("worker", f"--pool={pool}", **settings)
    says(worker, READY["worker"])
    assert f"({kind})" in worker.output()
