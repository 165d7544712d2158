"""A fleet against a real broker and a small scripted service."""

import shutil
import subprocess
import threading
from collections import Counter

import pytest
from scripted_service import ScriptedService, free_port

from simulator import BrokerUnreachableError, Fleet, FleetOptions, OptionError


def run(broker, on_event=None, **options):
    return Fleet(FleetOptions(port=broker.port, **{"timeout": 20.0, **options}), on_event).run()


def digests(report, expected="stored"):
    return Counter(image.sha256 for image in report.images if image.expected == expected)


def test_everything_arrives_over_a_bad_line_in_every_dialect(broker):
    with ScriptedService(broker.port) as service:
        report = run(
            broker,
            devices=7,
            images=2,
            dialect="mixed",
            loss=0.08,
            duplicates=0.1,
            reorder=0.3,
            metadata_late=3,
            metadata_repeats=10,
            sleep=0.1,
            sha256=True,
        )
        assert report.ok
        assert Counter(service.stored.values()) == digests(report)
        totals = report.totals
        assert (totals.images, totals.acked, totals.hellos) == (14, 14, 14)
        assert totals.nacks >= 1
        assert totals.chunks_resent == sum(i.chunks_resent for i in report.images) >= totals.chunks_lost > 0
        assert totals.ack_latency_median_ms is not None
        asked = sum(len(round_) for rounds in service.asked.values() for round_ in rounds)
        assert asked == totals.chunks_resent
        stored_times = {(device, name): time for device, name, time in service.stored}
        for image in report.images:
            assert (image.device_id, image.image_name) in stored_times


def test_many_devices_share_a_few_connections(broker):
    with ScriptedService(broker.port) as service:
        report = run(broker, devices=60, images=1, shared_connections=2, loss=0.02, chunk_size=4096)
        assert report.ok
        assert Counter(service.stored.values()) == digests(report)


def test_missing_chunks_on_the_command_topic(broker):
    with ScriptedService(broker.port, nack_topic="cmd"):
        report = run(broker, devices=2, loss=0.1, nack_topic="cmd")
        assert report.ok
        assert report.totals.nacks >= 1


def test_what_cannot_be_stored_is_not_acknowledged_and_that_is_right(broker):
    with ScriptedService(broker.port) as service:
        report = run(
            broker,
            devices=24,
            images=1,
            corrupt=0.2,
            truncate=0.2,
            wrong_size=0.1,
            wrong_sha256=0.1,
            device_error=0.2,
            timeout=1.5,
            wakes=1,
            seed=4,
            chunk_size=8192,
        )
        kinds = Counter(image.expected for image in report.images)
        assert set(kinds) == {"stored", "failed", "error"}
        assert len({image.damage for image in report.images}) >= 5
        assert report.ok
        assert report.totals.hung == 0
        assert Counter(service.stored.values()) == digests(report)
        refused = {(device, name) for device, name, _ in service.refused}
        assert refused == {(i.device_id, i.image_name) for i in report.images if i.expected != "stored"}


def test_a_deaf_service_leaves_everything_on_the_cards(broker):
    with ScriptedService(broker.port, answers=False):
        report = run(broker, devices=2, timeout=0.5, wakes=2, sleep=0.1)
    assert not report.ok
    assert report.totals.not_acked == 2
    assert report.totals.hung == 4
    assert [image.offers for image in report.images] == [2, 2]


def test_an_unanswered_picture_is_taken_up_at_a_later_wake(broker):
    with ScriptedService(broker.port, answers=False) as service:

        def listen_at_last(event):
            if event.kind == "hung":
                service.answers = True

        report = run(broker, listen_at_last, images=2, timeout=1.0, wakes=5, sleep=0.1)
        assert report.ok
        assert report.totals.hung >= 1
        assert Counter(service.stored.values()) == digests(report)


def test_events_tell_the_whole_story(broker):
    events = []
    with ScriptedService(broker.port):
        report = run(broker, events.append, loss=0.1, seed=3)
    kinds = Counter(event.kind for event in events)
    image = report.images[0]
    assert kinds["chunk"] == image.chunks_sent == report.totals.chunks_sent
    assert kinds["nack"] == image.nacks >= 1
    last = [event for event in events if event.kind == "chunk"][-1]
    assert (last.sent, last.total) == (image.chunks, image.chunks)
    ack = next(event for event in events if event.kind == "ack")
    assert ack.latency_ms == image.ack_latency_ms
    order = [event.kind for event in events if event.kind not in ("chunk", "nack")]
    assert order == ["wake", "hello", "capture", "metadata", "ack", "deleted", "finished"]


def test_conversation_captures_only_when_told_and_hands_over_its_backlog(broker):
    def answer(_device, hello):
        pending = hello.get("pending_list", [])
        return [{"send_image": pending[0]}] if pending else [{"capture_image": True}]

    with ScriptedService(broker.port, on_hello=answer) as service:
        held = {}

        def ask_for_the_next(device, name):
            names = held.setdefault(device, list(service.hellos[device][-1].get("pending_list", [])))
            rest = [n for n in names if n != name]
            held[device] = rest
            return [{"send_image": rest[0]}] if rest else [{"capture_image": True}] if names else []

        service.after_ack = ask_for_the_next
        report = run(
            broker,
            devices=4,
            images=1,
            backlog=3,
            conversation=True,
            dialect="newer",
            linger=0.5,
            chunk_size=8192,
            time_scale=1000.0,
            sleep=500,
        )
        assert report.ok, report.totals
        assert report.totals.images == 16
        assert report.totals.hung == 0
        assert Counter(service.stored.values()) == digests(report)
        assert report.totals.awake_seconds_per_capture > 0


def test_a_conversation_without_answers_is_reported_as_hung(broker):
    with ScriptedService(broker.port):
        report = run(broker, devices=2, conversation=True, timeout=0.3, wakes=2, sleep=0.1)
    assert not report.ok
    assert report.totals.hung == 4
    assert report.totals.images_not_taken == 2


def test_a_broker_that_restarts_interrupts_nobody_for_long(broker_with):
    port = free_port()
    broker = broker_with(port=port)
    with ScriptedService(port):
        halfway = threading.Event()

        def watch(event):
            if event.kind == "chunk" and event.sent * 2 > event.total:
                halfway.set()

        fleet = Fleet(FleetOptions(port=port, devices=3, pace=0.01, timeout=6.0, wakes=6, sleep=0.1), watch)
        reports = []
        thread = threading.Thread(target=lambda: reports.append(fleet.run()))
        thread.start()
        assert halfway.wait(20)
        broker.stop()
        broker.start()
        thread.join(90)
        assert reports
        assert reports[0].ok


def test_a_persistent_session_keeps_the_ack_for_a_sleeping_device(broker):
    with ScriptedService(broker.port, answers=False) as service:

        def acknowledge_late(event):
            if event.kind == "sleep":
                service.send(event.device_id, "ack", image_name="image_1.jpg", ACK_OK={})

        events = []

        def watch(event):
            events.append(event)
            acknowledge_late(event)

        report = run(broker, watch, timeout=0.5, wakes=3, sleep=1, persistent_session=True)
        assert report.ok
        kinds = [event.kind for event in events if event.kind in ("wake", "sleep", "ack")]
        assert kinds == ["wake", "sleep", "wake", "ack"]


def test_stop_ends_the_run_with_the_report_so_far(broker):
    with ScriptedService(broker.port):
        begun = threading.Event()
        fleet = Fleet(
            FleetOptions(port=broker.port, devices=3, images=50, pace=0.01),
            lambda event: begun.set() if event.kind == "chunk" else None,
        )
        reports = []
        thread = threading.Thread(target=lambda: reports.append(fleet.run()))
        thread.start()
        assert begun.wait(20)
        fleet.stop()
        thread.join(20)
        assert reports[0].interrupted
        assert not reports[0].ok
        assert reports[0].totals.images >= 1


def test_no_broker_is_one_clear_sentence():
    with pytest.raises(BrokerUnreachableError, match=r"cannot reach the broker at 127\.0\.0\.1:\d+: "):
        Fleet(FleetOptions(port=free_port(), devices=3)).run()


def test_a_bad_certificate_file_is_an_option_error(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing\n")
    with pytest.raises(OptionError, match="ca_cert"):
        Fleet(FleetOptions(tls=True, ca_cert=tmp_path / "ca.pem"))


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_tls_with_user_name_and_password(broker_with, certificate, tmp_path):
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto_passwd on PATH")
    cert, key = certificate
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", users, "camera", "open-up"], check=True)
    plain = free_port()
    broker = broker_with(
        f"certfile {cert}",
        f"keyfile {key}",
        f"password_file {users}",
        "allow_anonymous false",
        f"listener {plain} 127.0.0.1",
    )
    tls = {"tls": True, "ca_cert": cert, "host": "127.0.0.1", "username": "camera"}
    with ScriptedService(plain, username="camera", password="open-up"):
        report = run(broker, devices=3, loss=0.05, password="open-up", **tls)
        assert report.ok
    with pytest.raises(BrokerUnreachableError, match="refuses the connection: Not authorized"):
        run(broker, password="open sesame", **tls)
    with pytest.raises(BrokerUnreachableError, match="certificate is not trusted"):
        run(broker, tls=True)
