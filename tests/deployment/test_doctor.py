"""The doctor against real misconfigurations: each is found, named in one line, and has a remedy."""

import base64
import re
import subprocess
import sys
import time

import httpx
import pytest
from pydantic import SecretStr
from secured_broker import ALL_TOPICS, PASSWORD

from core.clock import now_ms
from core.errors import AccessDenied
from core.retain import Retained
from core.settings import MqttSettings
from core.store.connection import connect
from core.store.keys import LISTENERS
from local.mqtt_broker import Mosquitto
from local.part import REPOSITORY
from local.ports import free_port
from local.supabase_lite import _CONFIG, SCHEMA, SupabaseLite
from operate import doctor
from operate.checks.supabase import FUNCTIONS, SCHEMA_VERSION, role_of

# paho leaves it to the garbage collector to close a socket whose TLS handshake has failed.
FAILED_HANDSHAKE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def diagnose(environment, monkeypatch):
    """Runs the checks on settings: `diagnose(**settings)` gives name → check."""

    def run(*, supabase=False, **settings):
        for name in doctor.EverySetting.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        checks = {check.name: check for check in doctor.diagnose(supabase=supabase)}
        for check in checks.values():
            assert "\n" not in str(check)
            assert check.remedy or check.grade == "ok", check
            assert PASSWORD not in str(check)
        return checks

    return run


@pytest.fixture
def redis_settings(redis_server):
    return {"REDIS_URL": redis_server.url}


def environments_of_the_blueprint(settings):
    """The environment of each process as render.yaml gives it: name → setting → value."""
    yaml = pytest.importorskip("ruamel.yaml")
    blueprint = yaml.YAML(typ="safe").load((REPOSITORY / "render.yaml").read_text())
    return {
        service["name"].removeprefix("fleet-"): {
            variable["key"]: settings.get(variable["key"], variable.get("value", ""))
            for variable in service["envVars"]
        }
        for service in blueprint["services"]
        if "startCommand" in service
    }


LISTENERS_LINES = {"broker login", "subscription ESP32CAM/+/data"}
REDIS_LINES = {"REDIS_URL", "REDIS_URL: eviction", "REDIS_URL: persistence"}


@pytest.mark.parametrize(
    ("process", "told", "missing"),
    [
        ("worker", LISTENERS_LINES | REDIS_LINES | {"SUPABASE_SERVICE_ROLE", "database schema"}, []),
        ("listener", LISTENERS_LINES | REDIS_LINES, ["SUPABASE_URL", "SUPABASE_SERVICE_ROLE"]),
        ("beat", REDIS_LINES, ["MQTT_HOST", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE"]),
        ("flower", REDIS_LINES, ["MQTT_HOST", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE"]),
    ],
)
def test_the_shell_of_each_process_tells_what_it_can(stack, environment, process, told, missing):
    hosted = {"MQTT_USERNAME": "fleet", "MQTT_PASSWORD": "x", **stack.environment()}
    own = environments_of_the_blueprint(hosted)[process]
    # At Render the broker has TLS on the default port; the stack's has neither.
    reached = {name: hosted[name] for name in ("MQTT_PORT", "MQTT_TLS", "MQTT_VERSION") if name in hosted}
    shell = {**environment, **own, **reached}
    answer = doctor_says(shell)
    lines = re.findall(r"^([✓!✗]) (.*)$", answer.stdout, re.M)
    assert answer.stderr == ""
    assert [line for mark, line in lines if mark == "✗"] == [
        f"settings: {name} is missing" for name in missing
    ]
    assert answer.returncode == bool(missing)
    for name in told:
        assert any(line.startswith(f"{name}:") for mark, line in lines if mark != "✗"), (name, answer.stdout)
    if process == "listener":
        assert doctor_says(shell, "--listener").returncode == 0
    status = subprocess.run(
        [sys.executable, "-m", "operate.status"],
        cwd=REPOSITORY, env=shell, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "captures in flight" in status.stdout
    assert "Traceback" not in status.stdout + status.stderr


def test_all_is_well(stack, environment, tmp_path):
    file = tmp_path / "env"
    file.write_text("".join(f"{name}={value}\n" for name, value in stack.environment().items()))
    answer = doctor_says(environment, "--env-file", str(file))
    assert answer.returncode == 0, answer.stdout
    assert "✗" not in answer.stdout
    for what in ("broker login", "subscription ESP32CAM/+/data", "REDIS_URL: eviction: noeviction",
                 "persistence", "database schema", "row level security", "gxp-captures is private"):  # fmt: skip
        assert what in answer.stdout
    assert stack.supabase_secret_key not in answer.stdout


def test_nothing_is_set(environment):
    answer = doctor_says(environment)
    assert answer.returncode == 1
    for name in ("MQTT_HOST", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE"):
        assert f"✗ settings: {name} is missing" in answer.stdout


def test_a_file_that_programs_read_differently_goes_no_further(environment, tmp_path):
    """One reader: what a shell, Compose and others would read otherwise is refused, by line and name."""
    file = tmp_path / "env"
    file.write_text("MQTT_HOST=broker.example\nMQTT_USERNAME=fleet\nMQTT_PASSWORD=p$ss w0rd&x#1\n")
    for module in ("operate.doctor", "operate.status", "operate.run", "operate.schema"):
        answer = subprocess.run(
            [sys.executable, "-m", module, "--env-file", str(file)],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert answer.returncode == 2, module
        assert answer.stderr.startswith(f"{file}:3: MQTT_PASSWORD: put the value into single quotes"), module
        assert "w0rd" not in answer.stdout + answer.stderr
    file.write_text("MQTT_HOST=broker.example\nMQTT_USERNAME=fleet\nMQTT_PASSWORD='p$ss w0rd&x#1'\n")
    answer = doctor_says(environment, "--env-file", str(file), "--listener", "--settings")
    assert (answer.returncode, answer.stdout) == (0, "✓ settings: complete\n")


def test_the_copied_example_is_refused_by_name(environment, tmp_path):
    answer = doctor_says(environment, "--env-file", ".env.example")
    assert answer.returncode == 1
    assert "✗ settings: MQTT_HOST: <cluster> stands for a value of your own" in answer.stdout
    assert "✗ settings: SUPABASE_URL: <project> stands for a value of your own" in answer.stdout


def doctor_says(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "operate.doctor", *arguments],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_values_that_are_seldom_meant(diagnose, redis_settings):
    checks = diagnose(
        supabase=True, MQTT_HOST="127.0.0.1", MQTT_PORT="1883", RETRANSMIT_MAX="0",
        SUPABASE_URL=f"http://127.0.0.1:{free_port()}", SUPABASE_SERVICE_ROLE="sb_secret_x", **redis_settings
    )  # fmt: skip
    for name in ("MQTT_PORT", "MQTT_USERNAME", "RETRANSMIT_MAX"):
        assert checks[name].grade == "warning"


@pytest.mark.parametrize("largest", [2**20, 1_500_001])
def test_a_budget_too_small_for_the_largest_image(diagnose, redis_settings, largest):
    at_least = len(base64.b64encode(bytes(largest))) // 4 * 4
    settings = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(free_port()), "MAX_IMAGE_BYTES": str(largest)}
    checks = diagnose(BYTES_PER_MINUTE=str(at_least - 4), **settings, **redis_settings)
    assert checks["BYTES_PER_MINUTE"].grade == "warning"
    said = int(re.search(r"base64: (\d+)", checks["BYTES_PER_MINUTE"].remedy)[1])
    assert at_least - 4 < said <= at_least
    checks = diagnose(BYTES_PER_MINUTE=str(said), **settings, **redis_settings)
    assert "BYTES_PER_MINUTE" not in checks
    assert "BYTES_PER_MINUTE" not in diagnose(
        MQTT_HOST="127.0.0.1", MQTT_PORT=settings["MQTT_PORT"], **redis_settings
    )


def test_no_broker(diagnose, redis_settings):
    checks = diagnose(MQTT_HOST="127.0.0.1", MQTT_PORT=str(free_port()), **redis_settings)
    assert checks["broker"].grade == "unreachable"
    checks = diagnose(MQTT_HOST="nobody.invalid", **redis_settings)
    assert "MQTT_HOST" in checks["broker"].remedy


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_wrong_password(diagnose, secured, redis_settings, version):
    broker = secured()
    settings = {**broker.settings, **redis_settings, "MQTT_VERSION": version}
    assert diagnose(**settings)["publishing"].grade == "ok"
    assert diagnose(**settings | {"MQTT_PASSWORD": "wrong"})["broker login"].grade == "wrong"


def test_a_user_without_rights(diagnose, secured, redis_settings, monkeypatch):
    monkeypatch.setattr("operate.checks.broker.ANSWER_S", 2.0)
    broker = secured(rights="topic readwrite ESP32CAM/+/status\n")
    checks = diagnose(**broker.settings, **redis_settings)
    # Mosquitto grants every subscription and then delivers nothing; other brokers refuse it.
    assert checks["publishing"].grade == "wrong"
    assert "ESP32CAM/#" in checks["publishing"].remedy


@pytest.mark.parametrize(("version", "grade"), [("5", "wrong"), ("3.1.1", "warning")])
def test_a_user_who_may_not_send_acks(diagnose, secured, redis_settings, monkeypatch, version, grade):
    monkeypatch.setattr("operate.checks.broker.ANSWER_S", 4.0)
    hears = "".join(f"topic readwrite ESP32CAM/+/{kind}\n" for kind in ("status", "data", "ping"))
    broker = secured(rights=f"{hears}topic readwrite ESP32CAM/+/cmd\ntopic read ESP32CAM/+/ack\n")
    checks = diagnose(**broker.settings, **redis_settings, MQTT_VERSION=version)
    assert checks["publishing"].grade == "ok"
    assert checks["messages to devices: ack"].grade == grade
    assert "publish below ESP32CAM/#" in checks["messages to devices: ack"].remedy
    assert checks["messages to devices: cmd"].grade == "ok"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_user_who_may_not_tell_home_assistant(diagnose, secured, redis_settings, monkeypatch, version):
    monkeypatch.setattr("operate.checks.broker.ANSWER_S", 4.0)
    broker = secured(rights=f"{ALL_TOPICS}topic readwrite fleet/#\ntopic write homeassistant/#\n")
    settings = {
        **broker.settings,
        **redis_settings,
        "MQTT_VERSION": version,
        "HOME_ASSISTANT_PREFIX": "homeassistant",
    }
    checks = diagnose(**settings)
    assert checks["subscription fleet/+/+/capture"].grade == "ok"
    assert checks["messages to Home Assistant"].grade == "ok"
    broker.grant(ALL_TOPICS)
    check = diagnose(**settings)["messages to Home Assistant"]
    assert check.grade == "wrong"
    assert "fleet/#" in check.remedy


def test_a_broker_that_keeps_nothing(diagnose, tmp_path, redis_settings, monkeypatch):
    monkeypatch.setattr("operate.checks.broker.ANSWER_S", 4.0)

    class Forgetful(Mosquitto):
        def prepare(self):
            super().prepare()
            with (self.directory / "mosquitto.conf").open("a") as config:
                config.write("retain_available false\n")

    broker = Forgetful(tmp_path / "broker")
    broker.start()
    try:
        settings = {"MQTT_HOST": broker.host, "MQTT_PORT": str(broker.port), "MQTT_TLS": "false"}
        checks = diagnose(**settings, **redis_settings, HOME_ASSISTANT_PREFIX="homeassistant")
        assert checks["messages to Home Assistant"].grade == "wrong"
        with (
            pytest.raises(AccessDenied, match="keeps no messages"),
            Retained(settings_of(broker), "x") as kept,
        ):
            kept.publish([("a", b"b")])
    finally:
        broker.stop()


def settings_of(broker):
    return MqttSettings(mqtt_host=broker.host, mqtt_port=broker.port, mqtt_tls=False)


@FAILED_HANDSHAKE
def test_an_authority_of_ones_own(diagnose, secured, authority, redis_settings):
    broker = secured(certificate=authority.issue("127.0.0.1"))
    unknown = diagnose(**broker.settings, **redis_settings)["broker"]
    assert unknown.grade == "wrong"
    assert "MQTT_CA_CERT" in unknown.remedy
    checks = diagnose(**broker.settings, MQTT_CA_CERT=str(authority.file), **redis_settings)
    assert checks["broker"].grade == "ok"
    assert checks["publishing"].grade == "ok"


@FAILED_HANDSHAKE
def test_a_certificate_for_another_host(diagnose, secured, authority, redis_settings):
    broker = secured(certificate=authority.issue("broker.test"))
    check = diagnose(**broker.settings, MQTT_CA_CERT=str(authority.file), **redis_settings)["broker"]
    assert check.grade == "wrong"
    assert "MQTT_HOST" in check.remedy


@FAILED_HANDSHAKE
def test_tls_on_one_side_only(diagnose, secured, authority, redis_settings, monkeypatch):
    monkeypatch.setattr("operate.checks.broker.ANSWER_S", 2.0)
    plain, tls = secured(), secured(certificate=authority.issue("127.0.0.1"))
    check = diagnose(**plain.settings | {"MQTT_TLS": "true"}, **redis_settings)["broker"]
    assert check.grade == "unreachable"
    check = diagnose(**tls.settings | {"MQTT_TLS": "false"}, **redis_settings)["broker"]
    assert check.grade == "unreachable"
    assert "MQTT_TLS" in check.remedy


def test_a_redis_that_evicts(diagnose, other_redis, mosquitto):
    server = other_redis("maxmemory 64mb\nmaxmemory-policy allkeys-lru\nappendonly yes\n")
    checks = diagnose(
        MQTT_HOST="127.0.0.1", MQTT_PORT=str(mosquitto.port), MQTT_TLS="false", REDIS_URL=server.url
    )
    assert checks["REDIS_URL: eviction"].grade == "wrong"
    assert "noeviction" in checks["REDIS_URL: eviction"].remedy
    assert checks["REDIS_URL: persistence"].grade == "ok"


@pytest.mark.parametrize(("living", "grade"), [(0, "warning"), (1, "warning"), (2, "ok")])
def test_a_group_needs_more_than_one_listener(diagnose, redis_server, living, grade):
    url = redis_server.database_url(11)
    with connect(SecretStr(url)) as redis:
        redis.flushdb()
        for number in range(living):
            redis.hset(LISTENERS, f"fleet{number}@1", f"{now_ms()} {now_ms()}")
    address = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(free_port()), "REDIS_URL": url}
    assert "MQTT_SHARED_GROUP" not in diagnose(**address)
    assert diagnose(**address, MQTT_SHARED_GROUP="fleet")["MQTT_SHARED_GROUP"].grade == grade


def test_a_redis_that_forgets(diagnose, other_redis):
    snapshots = other_redis("save 900 1\n")
    checks = diagnose(MQTT_HOST="127.0.0.1", MQTT_PORT=str(free_port()), REDIS_URL=snapshots.url)
    assert "snapshots" in checks["REDIS_URL: persistence"].detail
    hosted = other_redis('rename-command CONFIG ""\n')
    checks = diagnose(MQTT_HOST="127.0.0.1", MQTT_PORT=str(free_port()), REDIS_URL=hosted.url)
    assert checks["REDIS_URL: persistence"].grade == "warning"
    assert checks["REDIS_URL: eviction"].grade == "ok"


def test_a_redis_without_a_limit(diagnose, other_redis):
    address = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(free_port()), "REDIS_URL": other_redis("").url}
    check = diagnose(**address)["REDIS_URL: eviction"]
    assert check.grade == "ok"
    assert "half of its host's memory" in check.detail
    check = diagnose(**address, REDIS_MEMORY_MB="1")["REDIS_URL: eviction"]
    assert check.grade == "warning", "it uses more than 70 % of that"
    assert "of 1 MB in use; no maxmemory" in check.detail


def test_a_redis_that_does_not_tell_its_memory(diagnose, other_redis):
    server = other_redis("user limited on >word ~* &* +@all -info\n")
    url = server.url.replace("://", "://limited:word@")
    address = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(free_port()), "REDIS_URL": url}
    for more, gate in (({}, "there is no memory gate"), ({"REDIS_MEMORY_MB": "64"}, "counts with 64 MB")):
        check = diagnose(**address, **more)["REDIS_URL: eviction"]
        assert check.grade == "warning"
        assert gate in check.detail


def test_a_redis_that_refuses_or_is_away(diagnose, other_redis, redis_server):
    locked = other_redis("requirepass secret-of-redis\n")
    checks = diagnose(MQTT_HOST="127.0.0.1", MQTT_PORT=str(free_port()), REDIS_URL=locked.url,
                      CELERY_BROKER_URL=redis_server.url)  # fmt: skip
    assert checks["REDIS_URL"].grade == "wrong"
    assert checks["CELERY_BROKER_URL"].grade == "ok"
    away = f"redis://127.0.0.1:{free_port()}/0"
    checks = diagnose(MQTT_HOST="127.0.0.1", MQTT_PORT=str(free_port()), REDIS_URL=away)
    assert checks["REDIS_URL"].grade == "unreachable"


BROKER_AWAY = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(free_port())}


def test_each_node_of_a_cluster_is_checked(diagnose, redis_cluster, redis_server):
    urls = {"REDIS_URL": redis_cluster.url, "CELERY_BROKER_URL": redis_server.url}
    checks = diagnose(**BROKER_AWAY, **urls)
    assert checks["REDIS_URL: cluster"].grade == "ok"
    assert "3 primaries, 0 replicas; shards: " in checks["REDIS_URL: cluster"].detail
    assert checks["CELERY_BROKER_URL: eviction"].grade == "ok"
    last = redis_cluster.nodes[-1]
    last.cli("config", "set", "maxmemory-policy", "allkeys-lru")
    try:
        checks = diagnose(**BROKER_AWAY, **urls)
    finally:
        last.cli("config", "set", "maxmemory-policy", "noeviction")
    grades = {
        node: checks[f"REDIS_URL 127.0.0.1:{node.port}: eviction"].grade for node in redis_cluster.nodes
    }
    assert grades == dict.fromkeys(redis_cluster.nodes, "ok") | {last: "wrong"}


def test_a_cluster_without_one_of_its_nodes(diagnose, redis_cluster, redis_server):
    urls = {"REDIS_URL": redis_cluster.url, "CELERY_BROKER_URL": redis_server.url}
    last = redis_cluster.nodes[-1]
    last.kill()
    try:
        deadline = time.monotonic() + 30
        while "cluster_state:ok" in redis_cluster.nodes[0].cli("cluster", "info"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        checks = diagnose(**BROKER_AWAY, **urls)
    finally:
        last.start()
        redis_cluster.wait_complete()
    assert checks["REDIS_URL: cluster"].grade == "unreachable"
    assert checks[f"REDIS_URL 127.0.0.1:{last.port}"].grade == "unreachable"
    assert checks[f"REDIS_URL 127.0.0.1:{redis_cluster.nodes[0].port}"].grade == "ok"


def test_what_is_a_cluster_and_what_is_none(diagnose, redis_cluster, redis_server):
    node = f"redis://127.0.0.1:{redis_cluster.nodes[0].port}/0"
    checks = diagnose(**BROKER_AWAY, REDIS_URL=node, CELERY_BROKER_URL=redis_server.url)
    assert (checks["REDIS_URL"].grade, "redis+cluster://" in checks["REDIS_URL"].remedy) == ("wrong", True)
    checks = diagnose(**BROKER_AWAY, REDIS_URL=redis_cluster.url, CELERY_BROKER_URL=node)
    assert checks["CELERY_BROKER_URL"].grade == "wrong"
    single = redis_server.url.replace("redis://", "redis+cluster://")
    checks = diagnose(**BROKER_AWAY, REDIS_URL=single, CELERY_BROKER_URL=redis_server.url)
    assert (checks["REDIS_URL"].grade, checks["REDIS_URL"].detail) == ("wrong", "this Redis is no cluster")
    checks = diagnose(**BROKER_AWAY, REDIS_URL=redis_cluster.url)
    assert any("CELERY_BROKER_URL is needed" in str(check) for check in checks.values())


def test_the_wrong_key(diagnose, stack):
    settings = stack.environment()
    checks = diagnose(supabase=True, **settings | {"SUPABASE_SERVICE_ROLE": stack.supabase_publishable_key})
    assert checks["SUPABASE_SERVICE_ROLE"].grade == "wrong"
    assert "anon" in checks["SUPABASE_SERVICE_ROLE"].detail
    checks = diagnose(supabase=True, **settings | {"SUPABASE_SERVICE_ROLE": "sb_secret_of-another-project"})
    assert checks["SUPABASE_SERVICE_ROLE"].grade == "wrong"


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("sb_secret_x", "service_role"),
        ("sb_publishable_x", "anon"),
        ("e30.eyJyb2xlIjoiYW5vbiJ9.sig", "anon"),
        ("e30.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.sig", "service_role"),
        ("e30.e30.sig", None),
        ("no key at all", None),
        ("a.%%%.c", None),
    ],
)
def test_a_key_says_whose_it_is(key, role):
    assert role_of(key) == role


def test_the_wrong_address(diagnose, stack):
    settings = stack.environment()
    away = settings | {"SUPABASE_URL": f"http://127.0.0.1:{free_port()}"}
    assert diagnose(supabase=True, **away)["SUPABASE_URL"].grade == "unreachable"
    within = settings | {"SUPABASE_URL": f"{stack.supabase_url}/rest/v1"}
    assert diagnose(supabase=True, **within)["SUPABASE_URL"].grade == "wrong"


def test_no_bucket(diagnose, stack):
    settings = stack.environment() | {"SUPABASE_STORAGE_BUCKET": "another"}
    assert diagnose(supabase=True, **settings)["storage bucket"].grade == "wrong"


def test_a_bucket_that_no_user_may_read(diagnose, stack):
    key = stack.supabase_secret_key
    with httpx.Client(
        base_url=f"{stack.supabase_url}/storage/v1",
        headers={"apikey": key, "authorization": f"Bearer {key}"},
        trust_env=False,
    ) as http:
        http.post(
            "/bucket", json={"id": "own-bucket", "name": "own-bucket", "public": False}
        ).raise_for_status()
        try:
            settings = stack.environment() | {"SUPABASE_STORAGE_BUCKET": "own-bucket"}
            check = diagnose(supabase=True, **settings)["storage bucket"]
        finally:
            http.delete("/bucket/own-bucket").raise_for_status()
    assert check.grade == "warning"
    assert "lets users read gxp-captures" in check.detail
    assert "select use_bucket('own-bucket')" in check.remedy


class OtherSupabase(SupabaseLite):
    """A project with another schema."""

    def __init__(self, directory, files):
        super().__init__(directory)
        self.files = files

    def prepare(self):
        project = self.directory / "supabase"
        (project / "migrations").mkdir(parents=True)
        (project / "config.toml").write_text(_CONFIG.format(port=self.port))
        for number, text in enumerate(self.files, start=1):
            (project / "migrations" / f"{20250101000000 + number}_file.sql").write_text(text)
        self._migrate(self.directory)


DEFECTS = """
update public.schema_version set version = 0;
drop function public.record_hello(jsonb);
alter table public.captures disable row level security;
grant execute on function public.record_log(jsonb, jsonb) to anon;
update storage.buckets set public = true where id = 'gxp-captures';
"""


@pytest.mark.parametrize("installed", [False, True], ids=["empty", "defective"])
def test_the_schema(diagnose, stack, tmp_path, installed):
    files = [SCHEMA.read_text(), DEFECTS] if installed else []
    project = OtherSupabase(tmp_path, files)
    try:
        project.start()
        settings = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_ROLE": project.secret_key}
        checks = diagnose(supabase=True, **stack.environment() | settings)
    finally:
        project.stop()
    assert checks["database schema"].grade == "wrong"
    assert "sql/" in checks["database schema"].remedy
    if installed:
        assert "record_hello" in checks["database functions"].detail
        assert checks["row level security"].detail == "without it: captures"
        assert "record_log" in checks["function rights"].detail
        assert checks["storage bucket"].grade == "wrong"
        assert "public" in checks["storage bucket"].detail


def test_the_code_and_the_schema_agree():
    code = "".join(
        path.read_text()
        for folder in ("core", "tasks", "operate")
        for path in (REPOSITORY / folder).rglob("*.py")
    )
    assert set(re.findall(r'\.call\(\s*"(\w+)"', code)) == FUNCTIONS
    version = (REPOSITORY / "sql" / "repeatable" / "090_version.sql").read_text()
    assert f"schema_version (version) values ({SCHEMA_VERSION})" in version
