"""All of the benchmarks run on tiny numbers; what they measure then means nothing, and nothing is timed here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.photograph import CHUNK_BYTES, CHUNKS, IMAGE_BYTES, CaptureTemplate, payloads, photograph
from benchmarks.wire import PUBACK, PUBLISH, Splitter, puback
from benchmarks.year import calls_of
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY
from local.postgres import missing_binary

PAGES = REPOSITORY / "benchmarks" / "pages.sql"


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


@pytest.mark.skipif(mosquitto_binary() is None, reason="no mosquitto on PATH")
def test_a_listener_is_fed_over_every_link() -> None:
    printed = run("benchmarks.links", "feed", "--rounds", "1", "--captures", "40", "--mqtt", "5")
    for link in ("plain", "TLS", "100 ms", "TLS, 100 ms"):
        assert re.search(rf"^{link}, MQTT 5 +\d", printed, re.MULTILINE), printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_the_queries_of_users_and_operators_all_run() -> None:
    printed = run("benchmarks.database", "--captures", "20000", "--devices", "1000", "--plans")
    for title in ("newest 20 captures by capture time", "Which devices have said hello?"):
        assert title in printed
    assert "captures_gallery_idx" in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_the_cost_of_counting_days_is_measured() -> None:
    printed = run("benchmarks.rollups", "--devices", "10", "--days", "3", "--fleet", "20")
    for title in ("3 days of 10 devices", "an hour of 20 devices", "without the triggers"):
        assert title in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_what_a_picture_takes_is_measured_in_every_table() -> None:
    printed = run("benchmarks.volume", "--devices", "5", "--days", "2")
    assert "240 pictures of 5 devices" in printed
    sizes = {
        name: int(size.replace(",", "")) for name, size in re.findall(r"(?m)^ ?(\w+) +([\d,]+) ", printed)
    }
    for table in ("captures", "sensor_readings", "device_publish_log", "device_status"):
        assert sizes[table] > 0, printed
    assert "1,000,000 devices" in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_a_week_of_log_goes_in_both_ways() -> None:
    printed = run("benchmarks.letting_go", "--rows", "400")
    for title in ("a week of 400 rows", "dropped", "deleted", "then vacuumed"):
        assert title in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_pictures_are_made_and_judged() -> None:
    printed = run("benchmarks.picture_health", "--days", "4", "--cameras", "1")
    for kind in ("black", "white", "blurred", "frozen", "covered", "shifted", "damaged"):
        assert len(re.findall(rf"^ {kind} +\d+ +\d+\.\d%", printed, re.MULTILINE)) == 2
    assert "all of its decoding" in printed
    assert "with a picture to judge" in printed


def test_a_batch_costs_a_cluster_one_turn_too() -> None:
    printed = run("benchmarks.cluster", "--rounds", "1", "--captures", "20", "--shard-mb", "1")
    assert len(re.findall(r"^ (?:one Redis|three nodes) +[\d.]+ +[\d.]+ +1\.0 ", printed, re.MULTILINE)) == 2
    assert "moved in" in printed


def test_films_of_each_kind_are_made() -> None:
    printed = run("benchmarks.timelapse", "--frames", "2")
    assert len(re.findall(r"^ (?:mp4|webp), \d+×\d+ +\d", printed, re.MULTILINE)) == 5


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
@pytest.mark.skipif(mosquitto_binary() is None, reason="no mosquitto on PATH")
def test_half_of_the_pictures_go_beside_the_ingest() -> None:
    printed = run(
        "benchmarks.keeping", "--captures", "1000", "--devices", "100", "--cameras", "2", "--seconds", "1", "--pairs", "1"
    )  # fmt: skip
    for title in ("nothing goes", "ratio, median of the pairs"):
        assert title in printed
    gone, removed = (
        int(number.replace(",", ""))
        for number in re.findall(r"(?:pictures let go|objects removed) +([\d,]+)", printed)
    )
    assert gone > 400
    assert removed == 2 * gone


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
@pytest.mark.skipif(mosquitto_binary() is None, reason="no mosquitto on PATH")
def test_what_events_cost_and_what_a_flood_of_them_does_to_acks() -> None:
    printed = run(
        "benchmarks.deliver", "--captures", "25", "--channels", "2", "--waiting", "20", "--seconds", "1", "--devices", "2"
    )  # fmt: skip
    for title in (
        "without the triggers",
        "a channel takes it",
        "they rest",
        "all threads for deliveries hang",
    ):
        assert title in printed


@pytest.mark.skipif(missing_binary() is not None, reason="no PostgreSQL on PATH")
def test_calls_are_compared_after_a_year(tmp_path: Path) -> None:
    run("benchmarks.year", "--tiny", "--output", str(tmp_path))
    found = {call["call"]: call for call in json.loads((tmp_path / "year.json").read_text())["calls"]}
    asked = [f"{size}: {call.title}" for call in calls_of(PAGES) for size in ("small", "large")]
    assert {"wake: record_hello", "wake: record_capture", "fleet: evaluate_alerts", *asked} <= found.keys()
    assert all(call["ratio"] > 0 and call["blocks"] > 0 for call in found.values())


def test_the_calls_of_the_pages_are_those_of_the_console() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "console" / "src").rglob("*.ts*"))
    asked = set(re.findall(r"\b(?:useCall\(|call\()\s*'(console_\w+|channel_deliveries)'", source))
    asked |= set(re.findall(r"\.from\('(\w+)'\)\s*\.select\(", source))
    listed = " ".join(call.text for call in calls_of(PAGES))
    assert asked == set(re.findall(r"public\.(\w+)", listed)) - {
        "captures",
        "companies",
        "preview_keep_policy",
    }
