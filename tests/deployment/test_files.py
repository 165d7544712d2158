"""The deployment files, read by what reads them elsewhere, and held against the code they start."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from pydantic import SecretStr
from secured_broker import ComposedMosquitto

from core.settings import (
    DatabaseSettings,
    EverySetting,
    RedisSettings,
    SubscriberSettings,
    SupabaseSettings,
    WorkerSettings,
)
from local.mqtt_broker import mosquitto_binary
from local.node import find_node
from local.part import REPOSITORY
from local.ports import LOOPBACK, accepts, free_port
from local.process import Process
from local.redis_server import RedisServer, redis_binary
from operate.checks.broker import check_broker
from operate.checks.redis_server import check_redis_servers
from operate.run import NEEDS, procfile_lines

# What Render's Blueprint reference (render.com/docs/blueprint-spec) allows each type of service to say.
COMMON = {"type", "name", "region", "plan"}
PROCESS = COMMON | {"runtime", "numInstances", "buildCommand", "preDeployCommand", "startCommand",
                    "maxShutdownDelaySeconds", "envVars"}  # fmt: skip
ALLOWED = {
    "keyvalue": COMMON | {"maxmemoryPolicy", "ipAllowList"},
    "worker": PROCESS,
    "web": PROCESS | {"healthCheckPath"},
}
REQUIRED = {
    "keyvalue": {"type", "name", "ipAllowList"},
    "worker": {"type", "name", "runtime", "buildCommand", "startCommand"},
    "web": {"type", "name", "runtime", "buildCommand", "startCommand"},
}
PLANS = {"free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra"}
REGIONS = {"oregon", "ohio", "virginia", "frankfurt", "singapore"}
# What is set by platforms, and by what else the processes are: no settings of ours.
FLOWER = {"FLOWER_BASIC_AUTH", "FLOWER_ADDRESS", "PORT"}
PLATFORM = {"RENDER_INSTANCE_ID"}
SECRETS = {
    "ALERT_URLS",
    "ALERT_SMTP_URL",
    "METRICS_PUSH_URL",
    "MQTT_PASSWORD",
    "SUPABASE_SERVICE_ROLE",
    "DATABASE_URL",
    "FLOWER_BASIC_AUTH",
}


def setting_names():
    return {name.upper() for kind in (EverySetting, DatabaseSettings) for name in kind.model_fields}


def read_yaml(name):
    yaml = pytest.importorskip("ruamel.yaml")
    return yaml.YAML(typ="safe").load((REPOSITORY / name).read_text())


@pytest.fixture(scope="module")
def blueprint():
    return read_yaml("render.yaml")


@pytest.fixture(scope="module")
def render(blueprint):
    """The services that are processes; the console is files alone."""
    return {**blueprint, "services": [s for s in blueprint["services"] if s.get("runtime") != "static"]}


@pytest.fixture(scope="module")
def compose():
    return read_yaml("docker-compose.yml")


# ── .env.example ──


def example():
    """Name → value of every line, those that are commented out too."""
    lines = re.findall(r"^(# )?([A-Z][A-Z0-9_]+)=(.*)$", (REPOSITORY / ".env.example").read_text(), re.M)
    assert len({name for _, name, _ in lines}) == len(lines)
    return {name: value for _, name, value in lines}


def test_the_example_has_every_setting_and_no_other():
    code = "".join(
        path.read_text()
        for folder in ("core", "operate", "listener", "tasks")
        for path in (REPOSITORY / folder).rglob("*.py")
    )
    code += (REPOSITORY / "flowerconfig.py").read_text() + (REPOSITORY / "celeryconfig.py").read_text()
    read_directly = set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', code))
    assert set(example()) == setting_names() | FLOWER | PLATFORM
    assert read_directly <= FLOWER | PLATFORM


def test_the_defaults_in_the_example_are_those_of_the_code():
    for name, value in example().items():
        field = EverySetting.model_fields.get(name.lower())
        if field is None or field.is_required():
            continue
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if value == "":
            assert default in (None, "", ()), name
        else:
            assert str(default).lower() == value.lower() or float(default) == float(value), name


def test_the_example_tells_no_secret():
    for name in SECRETS:
        assert example()[name] == ""


# ── Procfile and render.yaml ──


def test_the_blueprint_has_only_fields_that_render_knows(render):
    assert set(render) == {"services"}
    names = [service["name"] for service in render["services"]]
    assert len(set(names)) == len(names)
    for service in render["services"]:
        kind = service["type"]
        assert set(service) <= ALLOWED[kind], service["name"]
        assert set(service) >= REQUIRED[kind], service["name"]
        assert service["plan"] in PLANS - {"free"}  # a free Key Value persists nothing, a free worker is none
        assert service["region"] in REGIONS
        assert 1 <= service.get("maxShutdownDelaySeconds", 30) <= 300
        for variable in service.get("envVars", []):
            assert set(variable) in ({"key", "value"}, {"key", "sync"}, {"key", "fromService"})
            assert isinstance(variable.get("value", ""), str)
            assert variable.get("sync", False) is False


def test_the_blueprint_wires_what_is_there(render):
    by_name = {service["name"]: service for service in render["services"]}
    for service in render["services"]:
        for variable in service.get("envVars", []):
            if source := variable.get("fromService"):
                target = by_name[source["name"]]
                assert target["type"] == source["type"]
                assert source.get("property") == "connectionString" or source["envVarKey"] in {
                    other["key"] for other in target["envVars"]
                }


def test_a_second_environment_is_the_blueprint_under_other_names(blueprint):
    [command] = re.findall(
        r"`(sed [^`]+) > render\.trial\.yaml`", (REPOSITORY / "docs" / "deployment.md").read_text()
    )
    made = subprocess.run(
        shlex.split(command), cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    yaml = pytest.importorskip("ruamel.yaml")
    trial = yaml.YAML(typ="safe").load(made)
    names = {
        service["name"]: service["name"].replace("fleet-", "trial-") for service in blueprint["services"]
    }
    assert not set(names) & set(names.values())
    expected = json.loads(json.dumps(blueprint))
    for service in expected["services"]:
        service["name"] = names[service["name"]]
        for variable in service.get("envVars", []):
            if source := variable.get("fromService"):
                source["name"] = names[source["name"]]
    assert trial == expected


def test_the_blueprint_keeps_secrets_and_data(render):
    (store,) = [service for service in render["services"] if service["type"] == "keyvalue"]
    assert store["maxmemoryPolicy"] == "noeviction"
    assert store["ipAllowList"] == []
    for service in render["services"]:
        for variable in service.get("envVars", []):
            if variable["key"] in SECRETS:
                assert "value" not in variable, variable["key"]


def test_the_blueprint_gives_each_process_what_it_needs(render):
    names = setting_names() | FLOWER | {"PYTHON_VERSION"}
    given = {}
    for service in render["services"]:
        keys = {variable["key"] for variable in service.get("envVars", [])}
        assert keys <= names
        given[service["name"]] = keys
    needed = {name.upper() for name, field in WorkerSettings.model_fields.items() if field.is_required()}
    assert given["fleet-worker"] >= needed | {"MQTT_PASSWORD", "REDIS_URL"}
    assert given["fleet-listener"] >= {"MQTT_HOST", "MQTT_PASSWORD", "REDIS_URL"}
    assert given["fleet-flower"] >= {"FLOWER_BASIC_AUTH", "REDIS_URL"}
    # What neither uses, neither is given; the step before a deployment is beat's.
    for name, used in (("fleet-beat", {"SUPABASE_STORAGE_BUCKET"}), ("fleet-flower", set())):
        assert {key for key in given[name] if key.startswith(("MQTT", "SUPABASE"))} == used, name
    # The owner's right to the database is where the schema is applied, and nothing of a stranger is read.
    assert {name for name in given if "DATABASE_URL" in given[name]} == {"fleet-beat"}
    assert [each["name"] for each in render["services"] if "preDeployCommand" in each] == ["fleet-beat"]


def test_the_blueprint_serves_the_console_with_its_headers(blueprint):
    (site,) = [service for service in blueprint["services"] if service.get("runtime") == "static"]
    assert set(site) == {"type", "name", "runtime", "buildCommand", "staticPublishPath", "envVars", "routes",
                         "headers"}  # fmt: skip
    assert site["routes"] == [{"type": "rewrite", "source": "/*", "destination": "/index.html"}]
    assert {variable["key"] for variable in site["envVars"] if "value" not in variable} == {
        "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_STORAGE_BUCKET",
    }  # fmt: skip
    sent = {header["name"]: header["value"] for header in site["headers"] if header["path"] == "/*"}
    for name, value in json.loads((REPOSITORY / "console" / "headers.json").read_text()).items():
        # Hosted, a project is another origin: that is all by which the two policies differ.
        assert re.sub(r" (https|wss)://\*\.supabase\.co", "", sent[name]) == value
    policy = dict(part.split(" ", 1) for part in sent["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert "wss://*.supabase.co" in policy["connect-src"]


def test_compose_serves_the_console_as_its_host_is_told(compose, tool):
    """What its server does is in tests/console/test_composed.py."""
    service = compose["services"]["console"]
    assert service["profiles"] == ["console"]
    assert service["build"]["context"] == "console"
    # The page's own key goes into its image; the server is told where Supabase is, and has no key.
    assert set(service["build"]["args"]) == {"SUPABASE_PUBLISHABLE_KEY", "SUPABASE_STORAGE_BUCKET"}
    assert set(service["environment"]) == {"SUPABASE_URL"}
    assert "env_file" not in service
    text = (REPOSITORY / "console" / "Dockerfile").read_text()
    for base in re.findall(r"^FROM (\S+)", text, re.M):
        assert re.search(r":\d+\.\d+\.\d+-", base), base
    assert re.search(r"^USER (\d+)$", text, re.M).group(1) != "0"
    answer = tool("hadolint", "console/Dockerfile")
    assert answer.returncode == 0, answer.stdout


def configured(folder, **environment):
    """Let config.mjs write the configuration of a console in a folder."""
    node = find_node()
    if node is None:
        pytest.skip("no node")
    (folder / "scripts").mkdir()
    (folder / "dist").mkdir()
    script = shutil.copy(REPOSITORY / "console" / "scripts" / "config.mjs", folder / "scripts")
    inherited = {name: value for name, value in os.environ.items() if name != "SUPABASE_STORAGE_BUCKET"}
    return subprocess.run(
        [node, script], env=inherited | environment, capture_output=True, text=True, check=False
    )


def test_the_configuration_of_the_console_names_another_bucket(tmp_path):
    given = {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x"}
    assert configured(tmp_path, **given, SUPABASE_STORAGE_BUCKET="own-pictures").returncode == 0
    assert '"bucket":"own-pictures"' in (tmp_path / "dist" / "config.js").read_text()


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("https://x.supabase.co/", "sb_publishable_x", ""),
        ("https://x.supabase.co", "sb_secret_x", "the secret key"),
        # {"role": "service_role"}
        ("https://x.supabase.co", "e30.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x", "the secret key"),
        ("x.supabase.co", "sb_publishable_x", "SUPABASE_URL"),
        ("https://x.supabase.co", "", "SUPABASE_PUBLISHABLE_KEY"),
    ],
)
def test_the_configuration_of_the_console_holds_no_secret(tmp_path, url, key, said):
    answer = configured(tmp_path, SUPABASE_URL=url, SUPABASE_PUBLISHABLE_KEY=key)
    if said:
        assert answer.returncode == 1
        assert said in answer.stderr
        assert not (tmp_path / "dist" / "config.js").exists()
    else:
        assert answer.returncode == 0, answer.stderr
        made = (tmp_path / "dist" / "config.js").read_text()
        assert made == 'window.CONSOLE_CONFIG = {"url":"https://x.supabase.co","key":"sb_publishable_x"}\n'


def test_render_and_procfile_start_the_same(render):
    commands = {service["name"].removeprefix("fleet-"): service["startCommand"]
                for service in render["services"] if "startCommand" in service}  # fmt: skip
    assert commands == procfile_lines()


# ── Docker ──


def test_compose_and_procfile_start_the_same(compose):
    commands = {name: list(service["command"]) for name, service in compose["services"].items()
                if service.get("image") == "fleet" and "profiles" not in service}  # fmt: skip
    assert commands == {name: shlex.split(line) for name, line in procfile_lines().items()}


def test_compose_gives_each_process_what_it_needs(compose):
    """The image has a health file of its own, and Flower is told where to listen."""
    for name, needs in NEEDS.items():
        given = compose["services"][name]["environment"]
        assert set(given) == needs - {"HEALTH_FILE", "PORT"}, name
        assert {setting: value for setting, value in given.items() if value is not None} == {
            "REDIS_URL": "redis://redis:6379/0",
            **({"FLOWER_ADDRESS": "0.0.0.0", "FLOWER_BASIC_AUTH": given.get("FLOWER_BASIC_AUTH")}
               if name == "flower" else {}),
        }  # fmt: skip
    everything = {name.upper() for name in EverySetting.model_fields} - {"HEALTH_FILE"}
    assert set(compose["services"]["doctor"]["environment"]) == everything
    assert not any("env_file" in service for service in compose["services"].values())


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("compose-spec", "docker-compose.yml"),
        ("github-workflows", ".github/workflows/*.yml"),
        ("renovate", "renovate.json"),
    ],
)
def test_what_others_read_is_valid(tool, schema, pattern):
    files = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob(pattern))
    answer = tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    assert files and answer.returncode == 0, answer.stdout


def test_every_python_that_is_named_is_run():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    named = [said.rpartition(" ")[2] for said in project["classifiers"] if " Python :: 3." in said]
    jobs = read_yaml(".github/workflows/ci.yml")["jobs"]
    [oldest] = [
        step["with"]["python-version"]
        for step in jobs["test"]["steps"]
        if "setup-python" in step.get("uses", "")
    ]
    assert named == [oldest, *jobs["pythons"]["strategy"]["matrix"]["python"]]
    assert project["requires-python"] == f">={oldest}"


def test_the_hooks_before_a_commit_run():
    yaml = pytest.importorskip("ruamel.yaml")
    kept = yaml.YAML(typ="safe").load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    for repository in kept["repos"]:
        for hook in repository["hooks"]:
            program = shlex.split(hook["entry"])[0]
            assert not program.startswith(".venv/bin/") or shutil.which(
                Path(program).name, path=Path(sys.executable).parent
            )


def test_every_task_of_the_forge_runs_what_is_here():
    said = "".join(path.read_text() for path in sorted((REPOSITORY / ".github").rglob("*.*")))
    for command in re.findall(r"`make ([a-z-]+)`", said):
        assert f"\n{command}:" in (REPOSITORY / "Makefile").read_text(), command
    for module in re.findall(r"python -m ([a-z_.]+)", said):
        assert (REPOSITORY / f"{module.replace('.', '/')}.py").exists(), module


def test_compose_waits_for_longer_than_render_needs(compose, render):
    delays = {service["name"].removeprefix("fleet-"): service.get("maxShutdownDelaySeconds")
              for service in render["services"]}  # fmt: skip
    assert compose["services"]["worker"]["stop_grace_period"] == f"{delays['worker']}s"
    assert compose["services"]["listener"]["stop_grace_period"] == f"{delays['listener']}s"


def test_compose_is_closed(compose):
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            assert port.startswith(
                ("127.0.0.1:", "${MQTT_BIND:-127.0.0.1}:", "${MQTT_TLS_BIND:-127.0.0.1}:")
            ), name
    assert "noeviction" in compose["services"]["redis"]["command"]
    assert "allow_anonymous false" in compose["configs"]["mosquitto"]["content"]


def test_the_dockerfile_is_clean(tool):
    answer = tool("hadolint", "Dockerfile")
    assert answer.returncode == 0, answer.stdout


def test_the_dockerfile_is_pinned_and_unprivileged():
    text = (REPOSITORY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", bases[0])
    version = re.search(r"python:([\d.]+)", bases[0]).group(1)
    assert f"value: {version}" in (REPOSITORY / "render.yaml").read_text()
    assert re.search(r"^USER (\d+)$", text, re.M).group(1) != "0"
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in text


@pytest.fixture
def tool():
    """Runs a checker of the development dependencies on files of the repository."""

    def run(name, *arguments):
        beside = Path(sys.executable).parent / name
        binary = str(beside) if beside.exists() else shutil.which(name)
        if binary is None:
            pytest.skip(f"no {name}")
        return subprocess.run(
            [binary, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What the image holds: the locked packages in a virtual environment, and the files it copies."""
    directory = tmp_path_factory.mktemp("image")
    text = (REPOSITORY / "Dockerfile").read_text()
    app = directory / "app"
    app.mkdir()
    kept = [
        line[1:].rstrip("/")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line[:1] == "!"
    ]
    for sources in re.findall(r"^COPY (?!--from)(.+) (?:\./|\w+)$", text, re.M):
        for source in sources.split():
            assert source in kept, f"{source} is copied and ignored"
            copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copy
            copy(REPOSITORY / source, app / source)
    venv.create(app / ".venv", with_pip=True)
    install = [app / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--require-hashes", "-r", REPOSITORY / "requirements.lock"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(install, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stderr
    [command] = re.findall(r"^RUN (cp .*)$", text, re.M)
    subprocess.run(shlex.split(command), cwd=app, check=True)
    return app


def test_the_commands_of_the_image_run_in_a_clean_directory(image, stack, tmp_path):
    """As the image runs them: its packages and files alone, with nothing of the development around."""
    health_file = tmp_path / "works"
    environment = {
        **stack.environment(),
        "PATH": f"{image / '.venv/bin'}:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(tmp_path),
        "MQTT_CLIENT_ID": "image",
        "HEALTH_FILE": str(health_file),
        "MQTT_SHARED_GROUP": "",
        "PORT": str(free_port()),
        "NO_PROXY": LOOPBACK,
    }
    settings = subprocess.run(["fleet", "doctor", "--settings"], cwd=tmp_path, env=environment, check=False)
    assert settings.returncode == 0
    ready = {"listener": "Subscribed to topics", "worker": " ready.", "beat": "beat: Starting"}
    for name, line in procfile_lines().items():
        process = Process(
            name, shlex.split(line), log=tmp_path / f"{name}.log", environment=environment, cwd=image
        )
        process.launch()
        try:
            if name == "flower":
                process.wait_ready(lambda: accepts(int(environment["PORT"])), 60)
            else:
                process.wait_ready(lambda p=process, text=ready[name]: text in p.output(), 60)
            if name in ("listener", "worker"):
                check = subprocess.run(
                    ["python", "-m", "operate.health"], cwd=image, env=environment, capture_output=True,
                    check=False,
                )  # fmt: skip
                assert check.returncode == 0, check.stderr
                health_file.unlink()
        finally:
            process.stop(30)


def test_the_supabase_of_the_lite_profile(compose, tmp_path):
    """Its script, with what it is given and no more: it installs, upgrades what an older one made, and answers."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH")
    script = tmp_path / "lite.sh"
    script.write_text(compose["configs"]["lite"]["content"].replace("$$", "$"))
    service = compose["services"]["supabase"]["environment"]
    given = tmp_path / "service"
    for mount in compose["services"]["supabase"]["volumes"]:
        if mount.startswith("./"):
            source, target, mode = mount.split(":")
            assert mode == "ro"
            place = given / Path(target).relative_to("/service")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(REPOSITORY / source)
    assert not (given / ".env").exists()
    assert "--ignore-scripts" in script.read_text()
    port = free_port()
    environment = {
        **os.environ, **service, "SERVICE": str(given), "HOST": LOOPBACK, "PORT": str(port),
        "SUPABASE_SECRET_KEY": "sb_secret_of_the_lite_test", "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
        "SUPABASE_JWT_SECRET": "0" * 40, "SUPABASE_STORAGE_BUCKET": "own-pictures", "NO_PROXY": LOOPBACK,
    }  # fmt: skip
    home = tmp_path / "lite"
    migrations = home / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    version_2 = REPOSITORY / "tests" / "sql" / "versions" / "2.sql"
    (migrations / "20250101000001_version_2.sql").write_text(version_2.read_text())
    process = Process(
        "lite", ["sh", str(script)], log=tmp_path / "lite.log", environment=environment, cwd=home
    )
    process.launch()
    try:
        process.wait_ready(lambda: accepts(port), 150)
        from operate.checks import supabase

        settings = SupabaseSettings(
            supabase_url=f"http://{LOOPBACK}:{port}",
            supabase_service_role="sb_secret_of_the_lite_test",
            supabase_storage_bucket="own-pictures",
        )  # fmt: skip
        assert {check.grade for check in supabase.check_supabase(settings)} == {"ok"}
    finally:
        process.stop(20)
    assert [file.name[:15] for file in sorted(migrations.iterdir())] == ["20250101000001_", "20250101000002_"]


def test_the_broker_of_the_compose_file(compose, tmp_path, diagnose_broker):
    """Its script and configuration, in a real Mosquitto: nobody gets in without the password."""

    broker = ComposedMosquitto(tmp_path, compose)
    broker.start()
    try:
        assert diagnose_broker(broker.settings)["publishing"].grade == "ok"
        assert diagnose_broker(broker.settings | {"MQTT_PASSWORD": "wrong"})["broker login"].grade == "wrong"
        nobody = {
            name: value
            for name, value in broker.settings.items()
            if name not in ("MQTT_USERNAME", "MQTT_PASSWORD")
        }
        assert diagnose_broker(nobody)["broker login"].grade == "wrong"
    finally:
        broker.stop()


@pytest.fixture
def diagnose_broker():
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")

    def run(settings):
        found = check_broker(SubscriberSettings(**{name.lower(): value for name, value in settings.items()}))
        return {check.name: check for check in found}

    return run


def test_the_redis_of_the_compose_file(compose, tmp_path):
    """Its arguments, given to a real redis-server: it keeps what it is given, and over a restart too."""

    class Composed(RedisServer):
        def command(self):
            arguments = list(compose["services"]["redis"]["command"])[1:]
            place = ["--port", str(self.port), "--bind", LOOPBACK, "--dir", str(self.directory)]
            return [redis_binary(), *arguments, *place]

    server = Composed(tmp_path)
    server.start()
    try:
        checks = check_redis_servers(RedisSettings(redis_url=server.url))
        assert {check.grade for check in checks} == {"ok"}
    finally:
        server.stop()
