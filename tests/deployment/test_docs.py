"""The documents are carried out: their commands on a fresh clone, their queries, and every name in them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from textwrap import dedent

import pytest
from prometheus_client import REGISTRY
from test_files import example

from benchmarks import capacity, costs
from core.alarm import ALARMS
from core.errors import ErrorCode
from local import snapshot
from local.part import REPOSITORY
from local.ports import LOOPBACK, accepts
from local.process import Process
from operate import metrics

DOCS = [
    REPOSITORY / "docs" / f"{name}.md"
    for name in ("deployment", "operations", "security", "scaling", "costs", "runbooks")
]
RULES = REPOSITORY / "docs" / "alert-rules.yml"
# What the fixture has done, or needs what is not here: an account, a Docker engine, the internet. Backups need a database
# beside the project: test_sql_backup.py takes and restores them.
BACKUPS = ("fleet backup ", "(cd ../backup ")
ELSEWHERE = ("git clone ", "cp ", "make ", "docker compose ", "env MALLOC_ARENA_MAX=2 celery ", *BACKUPS)


def fences(document, kind):
    blocks = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", document.read_text(), re.M | re.S)
    return [dedent(text) for _, said, text in blocks if said == kind]


def everything():
    return "\n".join(document.read_text() for document in DOCS)


@pytest.fixture(scope="module")
def clone(tmp_path_factory, stack):
    """What a new user has after steps 1 to 3: a clone, its virtual environment, and .env filled in."""
    folder = tmp_path_factory.mktemp("clone") / "fleet"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{REPOSITORY}", folder], check=True)
    (folder / ".venv").symlink_to(sys.prefix)
    shutil.copy(folder / ".env.example", folder / ".env")
    text = (folder / ".env").read_text()
    filled = {**stack.environment(), "MQTT_CLIENT_ID": "clone", "MQTT_USERNAME": "", "MQTT_PASSWORD": ""}
    for name, value in filled.items():
        text, count = re.subn(rf"^(# )?{name}=.*$", f"{name}={value}", text, flags=re.M)
        assert count == 1, name
    assert "<" not in re.sub(r"^#.*$", "", text, flags=re.M)
    for name in (".env", ".env.new"):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def shell(clone, environment):
    def run(command, **settings):
        # Other tests have left companies of this name on the session's stack.
        own = command.replace("Greenhouse Ltd", f"Greenhouse {clone.parent.name}")
        path = f"{clone}/.venv/bin{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            ["bash", "-c", own], cwd=clone, env={**environment, **settings, "PATH": path},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_every_command_runs_on_a_fresh_clone(shell, services, stack, environment, tmp_path):
    ran = []
    for document in DOCS:
        for block in fences(document, "sh"):
            lines = [line for line in block.splitlines() if not line.startswith(ELSEWHERE)]
            if any("fleet run" in line for line in lines) or not lines:
                continue  # that one stays; see below
            answer = shell("set -e\n" + "\n".join(lines), **stack.environment())
            assert answer.returncode == 0, f"{document.name}: {lines}\n{answer.stdout}{answer.stderr}"
            ran += lines
    for part in (
        "fleet doctor --env-file .env",
        "fleet status --json",
        "fleet schema",
        "fleet simulate --help",
    ):
        assert any(part in line for line in ran), part


def test_the_procfile_runs_from_a_fresh_clone(clone, environment, tmp_path):
    (block,) = [block for block in fences(DOCS[0], "sh") if "fleet run" in block]
    everything = Process("all", ["bash", "-c", f"exec .venv/bin/{block}"],
                         log=tmp_path / "all.log", environment=environment, cwd=clone)  # fmt: skip
    if accepts(5555):
        pytest.skip("port 5555 is taken")
    everything.launch()
    try:
        for line in (
            *(said for block in fences(DOCS[0], "") for said in block.splitlines()),
            " ready.",
            "beat: Starting",
        ):
            everything.wait_ready(lambda line=line: line in everything.output(), 60)
        everything.wait_ready(lambda: accepts(5555), 60)
        os.kill(everything.pid, signal.SIGTERM)
        everything.wait_ready(lambda: "worker has ended with status 0" in everything.output(), 60)
    finally:
        everything.stop(40)


def test_every_query_is_answered(stack, services):
    blocks = [block for document in DOCS for block in fences(document, "sql")]
    assert len(blocks) >= 6
    snapshot.query(stack.supabase, "\n".join(blocks))  # raises where the database refuses one


def test_the_verification_queries_are_those_of_the_file():
    known = (REPOSITORY / "sql" / "verification.sql").read_text()
    selects = [block.strip() for block in fences(DOCS[0], "sql") if block.startswith("SELECT")]
    assert len(selects) == 5
    assert all(query in known for query in selects)


def test_every_setting_that_is_named_exists():
    prefixes = "MQTT|REDIS|CELERY|SUPABASE|CAPTURE|RETRANSMIT|MAX|LOG|METRICS|FLOWER|DATABASE"
    named = set(re.findall(rf"\b((?:{prefixes})_[A-Z][A-Z0-9_]*[A-Z])\b", everything()))
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (REPOSITORY / "docker-compose.yml").read_text()))
    assert named <= set(example()) | of_compose | {"SUPABASE_PUBLISHABLE_KEY", "SUPABASE_JWT_SECRET"}


def test_every_error_code_is_explained():
    told = {int(code) for code in re.findall(r"^\| (\d{4}) \|", DOCS[1].read_text(), re.M)}
    ours = {int(code) for code in ErrorCode}
    assert told == ours | {1001, 1002, 1003, 1004}


def test_every_metric_is_served():
    served = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    families = {family.name for family in REGISTRY.collect()}
    source = (REPOSITORY / "operate" / "metrics.py").read_text()
    gauges = set(re.findall(r'GaugeMetricFamily\(\s*"(\w+)"', source))
    assert [metrics.ACK_SECONDS, ALARMS]  # what is counted registers itself by being imported
    dashboard = json.loads((REPOSITORY / "docs" / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) >= 9
    for text in [*queries, *(rule["expr"] for rule in alert_rules()), everything()]:
        for name in re.findall(r"\bfleet_(?!private\b)\w+", text):
            base = re.sub(r"_(total|bucket|count|sum)$", "", name)
            assert name in served | gauges or base in families, name


def alert_rules():
    yaml = pytest.importorskip("ruamel.yaml")
    (group,) = yaml.YAML(typ="safe").load(RULES.read_text())["groups"]
    return group["rules"]


def test_every_line_with_an_alert_has_a_rule():
    lines = re.findall(r"^\| [^|]+ \| `([^|]*fleet_[^|]+)` \| ([^|]+) \|$", DOCS[1].read_text(), re.M)
    alerted = {name for query, when in lines if when != "–" for name in re.findall(r"fleet_\w+", query)}
    ruled = {name for rule in alert_rules() for name in re.findall(r"fleet_\w+", rule["expr"])}
    assert len(lines) > 15
    assert alerted == ruled
    assert len({rule["alert"] for rule in alert_rules()}) == len(alert_rules())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on PATH")
def test_prometheus_takes_the_rules_and_they_fire(tmp_path):
    """One failed capture, and a fleet that falls silent, as series of one sample a minute."""
    shutil.copy(RULES, tmp_path)
    failed = {"series": 'fleet_errors_total{code="2204"}', "values": "0x9 1x200"}
    told = {"series": 'fleet_messages_total{kind="chunk"}', "values": "0+50x20 1000x179 _x60"}
    stored = {"series": 'fleet_captures_total{state="stored"}', "values": "0+1x300"}
    cases = [("15m", "FleetCapturesNeedRequeue", 1), ("40m", "FleetCapturesNeedRequeue", 0),
             ("2h", "FleetHearsNothing", 0), ("2h50m", "FleetHearsNothing", 1),
             ("3h15m", "FleetTellsNothing", 0), ("4h", "FleetTellsNothing", 1),
             ("4h", "FleetStoresNothing", 0)]  # fmt: skip
    of = {rule["alert"]: rule for rule in alert_rules()}
    labels = {"FleetCapturesNeedRequeue": {"code": "2204"}}
    tests = [{
        "eval_time": at, "alertname": name, "exp_alerts": [{
            "exp_labels": {**of[name]["labels"], **labels.get(name, {})},
            "exp_annotations": {"summary": of[name]["annotations"]["summary"].replace("{{ $labels.code }}", "2204")},
        }] * firing,
    } for at, name, firing in cases]  # fmt: skip
    case = {"interval": "1m", "input_series": [failed, told, stored], "alert_rule_test": tests}
    file = {"rule_files": [RULES.name], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "tests.yml").write_text(json.dumps(file))
    answer = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(("document", "module"), [("scaling", "capacity"), ("costs", "costs")])
def test_the_figures_are_what_the_model_says(document, module):
    answer = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line.rstrip() for line in answer.stdout.strip().splitlines()]
    (block,) = re.findall(
        rf"<!-- python -m benchmarks.{module} -->\n```\n(.*?)\n```",
        (REPOSITORY / "docs" / f"{document}.md").read_text(),
        re.S,
    )
    assert block.splitlines() == said


def test_no_price_is_more_certain_than_its_source():
    for name, price in costs.prices().items():
        assert price.basis in {"quoted", "second hand", "assumed", "not known"}, name
        assert (price.usd is None) == (price.basis == "not known"), name
        assert price.source.startswith("https://"), name


def test_the_rows_that_cost_are_those_that_were_measured():
    """Of one picture: the column `all` of docs/scaling.md, by what becomes of each table."""
    rows = re.findall(
        r"^\| `(\w+)`[^|]*\|[^|]*\|[^|]*\| ([\d,]+) \| (for good|\d+ days)", DOCS[3].read_text(), re.M
    )
    taken = {name: int(number.replace(",", "")) for name, number, _ in rows}
    for_good = sum(taken[name] for name, _, kept in rows if kept == "for good")
    (story,) = re.findall(r"a row of `captures` takes (\d+) bytes more", DOCS[3].read_text())
    assert for_good + int(story) == capacity.ROWS_BYTES
    dropped = [taken[name] for name in ("device_publish_log", "device_status", "device_errors")]
    assert dropped == [capacity.LOG_BYTES, capacity.STATUS_BYTES, capacity.ERROR_BYTES]


def test_what_lasts_a_year_costs_what_the_volume_says():
    """Two ways to the size of the database of 10,000 devices after a year: the model, and docs/scaling.md."""
    use = capacity.use_of(capacity.parser("").parse_args([]))
    model = capacity.needs(10_000, capacity.read(), use)
    (told,) = re.findall(r"the database after a year \| [\d.]+ GB \| (\d+) GB", DOCS[3].read_text())
    stories = 10_000 * 24 * 365 * 324 / 1e9  # the document's table is from before there were any
    assert model.database_gb == pytest.approx(int(told) + stories, rel=0.01)


def test_the_environment_is_not_ours(environment):
    assert not {name for name in environment if name.startswith(("MQTT_", "SUPABASE_", "REDIS_"))}
    assert LOOPBACK in environment["NO_PROXY"]
    assert os.environ["PATH"].split(os.pathsep)[-1] in environment["PATH"]


def test_every_test_that_the_documents_name_is_there():
    there = {path.name for path in (REPOSITORY / "tests").rglob("test_*.py")}
    documents = [
        *(REPOSITORY / "docs").rglob("*.md"),
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
    ]
    named = {name for path in documents for name in re.findall(r"test_[a-z_0-9]+\.py", path.read_text())}
    assert len(named) > 20
    assert named <= there, named - there
