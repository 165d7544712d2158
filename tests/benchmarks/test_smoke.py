"""All of the benchmarks run on tiny numbers; what they measure then means nothing, and nothing is timed here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.photograph import CHUNK_BYTES, CHUNKS, IMAGE_BYTES, CaptureTemplate, payloads, photograph
from benchmarks.wire import PUBACK, PUBLISH, Splitter, puback
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY
from local.postgres import missing_binary


def test_the_photograph_is_what_the_issue_says() -> None:
    image = photograph()
    assert len(image) == IMAGE_BYTES == CHUNKS * CHUNK_BYTES == 51_000
    assert image.startswith(b"\xff\xd8")
    assert image.endswith(b"\xff\xd9")
    assert len(payloads("BE0000000000")) == CHUNKS + 1


def test_packets_of_a_capture_are_cut_as_they_were_made() -> None:
    template, splitter = CaptureTemplate("BE0000000000"), Splitter()
    stream, packets = template.packets(7) + puback(b"\0\1"), []
    for start in range(0, len(stream), 1_000):
        packets += [(head >> 4, bytes(body)) for head, body in splitter.feed(stream[start : start + 1_000])]
    assert [kind for kind, _ in packets] == [PUBLISH] * (CHUNKS + 1) + [PUBACK]
    assert [
        body[-len(payload) :] for (_, body), payload in zip(packets, template.payload_list(7), strict=False)
    ] == (template.payload_list(7))


def run(*arguments: str) -> str:
    """Run a benchmark by its module and arguments, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(mosquitto_binary() is None, reason="no mosquitto on PATH")
def test_the_suite_writes_its_table_its_figures_and_its_plots(tmp_path: Path) -> None:
    run("benchmarks", "--tiny", "--output", str(tmp_path))
    figures = json.loads((tmp_path / "latest.json").read_text())
    assert figures["listener"]["messages_per_s"] > 0
    assert figures["fleet_4_0"]["captures"] > 0
    assert {target["measure"] for target in figures["targets"]}
    assert {path.name for path in tmp_path.glob("*.png")} == {"devices.png", "cpu.png", "in-flight.png"}


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_the_queries_of_users_and_operators_all_run() -> None:
    printed = run("benchmarks.database", "--captures", "20000", "--devices", "1000", "--plans")
    for title in ("newest 20 captures by capture time", "Which devices have said hello?"):
        assert title in printed
    assert "captures_company_id_captured_at_idx" in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_the_cost_of_counting_days_is_measured() -> None:
    printed = run("benchmarks.rollups", "--devices", "10", "--days", "3", "--fleet", "20")
    for title in ("3 days of 10 devices", "an hour of 20 devices", "without the triggers"):
        assert title in printed
