"""The device as a state machine: no broker, no clock but a number."""

import hashlib
import json
from itertools import pairwise

import pytest
from device_lab import DAY, EPOCH, MAC, Bench, chunks_of, metadata_of
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.card import ERRORS
from simulator.clock import iso
from simulator.state import State


def test_push_mode_says_hello_then_sends_the_whole_picture():
    bench = Bench(metadata_repeats=4).run()
    hello, metadata, *rest = bench.take()
    assert hello == {"device_id": MAC, "status": "Alive", "pendingImg": 0}
    assert metadata["image_name"] == "image_1.jpg"
    assert metadata["capture_timeStamp"] == iso(EPOCH)
    chunks = chunks_of(rest)
    assert sorted(chunks) == list(range(metadata["total_chunk_count"]))
    data = b"".join(chunks[i] for i in sorted(chunks))
    assert len(data) == metadata["image_size"]
    image = bench.device.card.taken[0]
    assert hashlib.sha256(data).hexdigest() == image.sha256
    assert bench.state is State.AWAIT_ANSWER


def test_repeated_metadata_is_empty_and_stands_among_and_after_the_chunks():
    messages = Bench(metadata_repeats=50, chunk_size=1024).run().take()[2:]
    repeats = [i for i, m in enumerate(messages) if "chunk_id" not in m]
    assert len(repeats) == 50
    last_chunk = max(i for i, m in enumerate(messages) if "chunk_id" in m)
    assert len([i for i in repeats if i < last_chunk]) >= 24
    assert len([i for i in repeats if i > last_chunk]) >= 24
    for i in repeats:
        assert messages[i]["image_name"] == "image_1.jpg"
        others = {k: v for k, v in messages[i].items() if k not in ("device_id", "image_name")}
        assert others
        assert set(others.values()) <= {None, ""}


def test_chunks_can_come_before_the_metadata():
    messages = Bench(metadata_late=3, metadata_repeats=0).run().take()[1:]
    assert ["chunk_id" in m for m in messages[:5]] == [True, True, True, False, True]


def test_ack_deletes_the_picture_and_the_device_has_finished():
    bench = Bench().run()
    bench.now = 0.25
    bench.ack("image_1.jpg", next_wake_time="5:30PM")
    assert bench.state is State.FINISHED
    assert not bench.device.card.held
    image = bench.device.card.taken[0]
    assert image.acked
    assert image.ack_latency_ms == 250.0
    assert not image.acked_early
    assert bench.kinds() == ["wake", "hello", "capture", "metadata", "ack", "deleted", "finished"]


def test_a_finished_device_does_nothing_any_more():
    bench = Bench().run()
    bench.ack("image_1.jpg")
    for moment in (0.1, 10.0, 1e6):
        assert bench.device.due(moment, 20) == []
    bench.ack("image_1.jpg")
    assert bench.kinds().count("finished") == 1
    assert bench.device.tally.hung == 0


def test_missing_chunks_are_sent_again_and_nothing_else():
    bench = Bench().run()
    bench.take()
    bench.hear("ack", image_name="image_1.jpg", missing_chunks=[2, 0])
    assert [m["chunk_id"] for m in bench.take()] == [2, 0]
    assert bench.state is State.AWAIT_ANSWER
    image = bench.device.card.taken[0]
    assert (image.nacks, image.chunks_resent) == (1, 2)
    nack = next(event for event in bench.events if event.kind == "nack")
    assert nack.missing == (2, 0)


def test_chunks_the_image_does_not_have_are_not_sent():
    bench = Bench().run()
    bench.take()
    bench.hear("ack", image_name="image_1.jpg", missing_chunks=[1, 9999, -1])
    assert [m["chunk_id"] for m in bench.take()] == [1]
    assert bench.device.tally.unusable_messages == 1


def test_missing_chunks_are_heard_only_where_the_firmware_listens():
    bench = Bench(nack_topic="cmd").run()
    bench.take()
    bench.hear("ack", image_name="image_1.jpg", missing_chunks=[0])
    assert bench.take() == []
    bench.hear("cmd", image_name="image_1.jpg", missing_chunks=[0])
    assert len(bench.take()) == 1


def test_lost_chunks_do_not_leave_the_device_until_they_are_asked_for():
    bench = Bench(loss=0.5, seed=3, chunk_size=1024).run()
    there = chunks_of(bench.take())
    count = bench.device.card.taken[0].chunks
    missing = [i for i in range(count) if i not in there]
    assert 0.3 * count < len(missing) < 0.7 * count
    rounds = 0
    while missing:
        bench.hear("ack", image_name="image_1.jpg", missing_chunks=missing)
        there |= chunks_of(bench.take())
        missing = [i for i in range(count) if i not in there]
        rounds += 1
    assert rounds > 1
    bench.ack("image_1.jpg")
    assert bench.device.tally.chunks_lost > 0
    assert not bench.device.card.taken[0].acked_early


def test_without_an_answer_the_picture_is_kept_and_offered_again():
    bench = Bench(wakes=2, sleep=5, timeout=10).run(10)
    assert bench.device.tally.hung == 1
    assert bench.state is State.ASLEEP
    first = metadata_of(bench.take())
    bench.run(15)
    second = bench.take()
    assert second[0]["pendingImg"] == 1
    assert metadata_of(second) == first
    bench.run(25)
    assert bench.state is State.FINISHED
    assert bench.device.tally.hung == 2
    assert list(bench.device.card.held) == ["image_1.jpg"]


def test_a_sleeping_device_hears_nothing():
    bench = Bench(sleep=5).run(12)
    assert bench.state is State.ASLEEP
    bench.ack("image_1.jpg")
    assert list(bench.device.card.held) == ["image_1.jpg"]


def test_a_second_ack_is_only_counted():
    bench = Bench(images=2).run()
    bench.ack("image_1.jpg").run(1.0)
    bench.ack("image_1.jpg")
    assert bench.device.tally.repeated_acks == 1
    assert list(bench.device.card.held) == ["image_2.jpg"]


def test_an_ack_before_all_chunks_have_left_is_reported_as_a_loss():
    bench = Bench(pace=1.0).run(1.5)
    bench.ack("image_1.jpg")
    image = bench.device.card.taken[0]
    assert image.acked_early
    bench.run(3)  # the empty metadata still goes out
    assert bench.state is State.FINISHED


def test_an_ack_in_the_middle_of_a_second_offer_stops_the_chunks():
    bench = Bench(pace=0.1, sleep=5, timeout=10, metadata_repeats=2)
    while bench.device.tally.hellos < 2:
        bench.run(bench.now + 0.1)
    bench.take()
    bench.run(bench.now + 0.3)
    assert 0 < len(chunks_of(bench.take())) < bench.device.card.taken[0].chunks
    bench.ack("image_1.jpg").run(bench.now + 2)
    assert not chunks_of(bench.take())
    assert not bench.device.card.taken[0].acked_early
    assert bench.state is State.FINISHED


def test_pace_spreads_the_chunks():
    bench = Bench(pace=0.5, metadata_repeats=0, wakes=1).run(100)
    times = [time for time, _, message in bench.sent if message.get("image_name") and "chunk_id" in message]
    assert {round(b - a, 6) for a, b in pairwise(times)} == {0.5}


def test_image_seconds_is_the_time_of_all_chunks():
    bench = Bench(image_seconds=30.0, metadata_repeats=0, wakes=1, chunk_size=1024).run(100)
    times = [time for time, _, message in bench.sent if "chunk_id" in message]
    assert 27 < times[-1] - times[0] <= 30


def test_reused_names_come_back_as_soon_as_they_are_free():
    bench = Bench(images=3, reuse_names=True, sleep=5).run()
    bench.ack("image_1.jpg").run(5)
    assert metadata_of(bench.take())[-1]["image_name"] == "image_1.jpg"
    bench.run(30)  # unanswered: the name stays taken
    assert metadata_of(bench.take())[-1]["image_name"] == "image_2.jpg"
    times = [image.captured_at for image in bench.device.card.taken]
    assert len(set(times)) == 3


def test_capture_times_differ_even_within_one_second():
    bench = Bench(images=5, sleep=0).run()
    for number in range(1, 6):
        bench.ack(f"image_{number}.jpg")
    times = [image.captured_at for image in bench.device.card.taken]
    assert len(set(times)) == 5
    assert times == sorted(times)


def test_a_wrong_clock_says_1970():
    bench = Bench(wrong_clock=1.0).run()
    assert metadata_of(bench.take())[0]["capture_timeStamp"].startswith("1970-01-01T00:")


def test_a_device_error_is_reported_without_chunks():
    bench = Bench(device_error=1.0, images=2, sleep=1).run(5)
    reports = [m for m in bench.take() if "error" in m]
    assert [r["image_name"] for r in reports] == ["image_1.jpg", "image_2.jpg"]
    assert all(r["error"] in ERRORS and r["total_chunk_count"] == 0 and r["temperature"] for r in reports)
    assert bench.state is State.FINISHED
    assert not bench.device.card.held


def test_a_picture_that_cannot_be_stored_gets_no_ack_and_that_is_not_a_hang():
    bench = Bench(wrong_size=1.0, wakes=1).run(20)
    assert bench.state is State.FINISHED
    assert bench.device.tally.hung == 0


def test_backlog_is_offered_after_the_new_picture_with_old_capture_times():
    bench = Bench(backlog=3, dialect="newer").run()
    messages = bench.take()
    assert messages[0]["pendingImg"] == 3
    assert messages[0]["pending_list"] == ["image_1.jpg", "image_2.jpg", "image_3.jpg"]
    for name in ("image_4.jpg", "image_1.jpg", "image_2.jpg", "image_3.jpg"):
        bench.ack(name)
    assert bench.state is State.FINISHED
    times = [image.captured_at for image in bench.device.card.taken]
    assert times == [EPOCH - DAY, EPOCH - 2 * DAY / 3, EPOCH - DAY / 3, EPOCH] or times == sorted(times)
    assert times[0] < EPOCH - DAY / 2


def test_no_connection_costs_a_wake_and_keeps_the_pictures():
    bench = Bench(backlog=1, timeout=10).run(12, connected=False)
    assert bench.device.tally.offline == 1
    assert bench.device.tally.hellos == 0
    assert list(bench.device.card.held) == ["image_1.jpg"]


def test_conversation_waits_for_its_command():
    bench = Bench(conversation=True).run(5)
    assert [m.get("status") for m in bench.take()] == ["Alive"]
    assert bench.state is State.AWAIT_COMMAND
    bench.hear("cmd", capture_image=True)
    assert metadata_of(bench.take())
    bench.ack("image_1.jpg")
    assert bench.state is State.LINGERING
    bench.run(bench.now + 3)
    assert bench.state is State.FINISHED
    assert bench.device.tally.hung == 0


def test_conversation_without_a_command_hangs():
    bench = Bench(conversation=True, timeout=10, wakes=2, sleep=100).run(300)
    assert bench.device.tally.hung == 2
    assert bench.device.card.taken == []
    assert [e.detail for e in bench.events if e.kind == "hung"] == ["command after hello"] * 2
    assert bench.state is State.FINISHED


def test_next_wake_is_kept_on_the_devices_clock():
    bench = Bench(conversation=True, time_scale=100.0).run(1)
    wake = bench.clock.at(1) + 3600
    bench.hear("cmd", next_wake=iso(wake))
    assert bench.state is State.ASLEEP
    bench.run(37.5)
    hellos = [time for time, channel, _ in bench.sent if channel == "status"]
    assert hellos == [0.0, pytest.approx(37.0, abs=0.01)]


def test_next_wake_against_the_services_clock_counts_as_a_span():
    bench = Bench(conversation=True, time_scale=100.0, wake_clock="service").run(1)
    bench.hear("cmd", next_wake=iso(bench.clock.real(1) + 3600))
    bench.run(38)
    hellos = [time for time, channel, _ in bench.sent if channel == "status"]
    assert hellos == [0.0, pytest.approx(37.0, abs=0.02)]


def test_next_wake_time_of_the_ack_is_a_12_hour_time():
    bench = Bench(conversation=True, images=2).run()
    bench.hear("cmd", capture_image=True)
    bench.ack("image_1.jpg", next_wake_time="5:30PM")
    bench.run(10)
    sleep = next(event for event in bench.events if event.kind == "sleep")
    assert sleep.detail == "2025-10-06T17:30:00Z"


def test_a_wake_form_that_the_firmware_cannot_read_leaves_it_waiting():
    bench = Bench(conversation=True, wake_form="12h").run()
    bench.hear("cmd", next_wake="2025-10-07T16:48:00Z")
    assert bench.state is State.AWAIT_COMMAND
    assert bench.device.tally.unusable_messages == 1
    bench.hear("cmd", next_wake="4:48PM")
    assert bench.state is State.ASLEEP


def test_send_image_brings_the_backlog_one_by_one():
    bench = Bench(conversation=True, backlog=2, images=0).run()
    for name in ("image_2.jpg", "image_1.jpg"):
        bench.hear("cmd", send_image=name)
        assert metadata_of(bench.take())[0]["image_name"] == name
        bench.ack(name)
    bench.hear("cmd", next_wake=iso(EPOCH + 100))
    assert bench.state is State.FINISHED
    assert not bench.device.card.held


def test_send_image_for_a_picture_that_is_not_there_leaves_the_device_waiting():
    bench = Bench(conversation=True).run()
    bench.hear("cmd", send_image="image_77.jpg")
    assert bench.state is State.AWAIT_COMMAND
    assert bench.device.tally.unusable_messages == 1


def test_a_repeated_capture_command_while_sending_takes_no_second_picture():
    bench = Bench(conversation=True, pace=1.0).run()
    bench.hear("cmd", capture_image=True)
    bench.hear("cmd", capture_image=True)
    assert len(bench.device.card.taken) == 1


def test_a_device_error_waits_for_its_release():
    bench = Bench(conversation=True, device_error=1.0).run()
    bench.hear("cmd", capture_image=True)
    assert bench.state is State.AWAIT_RELEASE
    bench.hear("cmd", next_wake=iso(EPOCH + 100))
    assert bench.state is State.FINISHED
    assert bench.device.tally.hung == 0


def test_an_unknown_command_goes_unheeded():
    bench = Bench(conversation=True).run()
    bench.hear("cmd", flash_led=3)
    assert bench.state is State.AWAIT_COMMAND
    assert bench.events[-1].detail == "unknown command flash_led"


def test_a_week_with_outages_ends_with_an_empty_card():
    bench = Bench(
        conversation=True, days=7, time_scale=1000.0, sleep=4 * 3600, offline=0.1, dialect="newer", linger=1
    )
    waiting = (State.AWAIT_COMMAND, State.AWAIT_ANSWER, State.FINISHED)
    while bench.state is not State.FINISHED:
        while bench.state not in waiting:
            bench.run(min(bench.device.next_send, bench.device.next_timer))
        heard = bench.take()
        if bench.state is State.AWAIT_COMMAND:
            held = heard[-1]["pending_list"]
            bench.hear("cmd", **({"send_image": held[0]} if held else {"capture_image": True}))
        elif bench.state is State.AWAIT_ANSWER:
            bench.ack(heard[-1]["image_name"], next_wake_time="12:00AM")
            for name in list(bench.device.card.held)[:1]:
                bench.hear("cmd", send_image=name)
    tally = bench.device.tally
    assert tally.hung == 0
    assert tally.offline > 0
    assert all(image.acked for image in bench.device.card.taken)
    assert not bench.device.card.held
    assert bench.clock.at(bench.now) >= EPOCH + 6 * DAY
    assert any(event.kind == "offline" for event in bench.events)


def test_a_service_that_asks_for_the_same_picture_for_ever_does_not_keep_the_run_alive():
    bench = Bench(conversation=True, days=1, backlog=2, images=0, time_scale=1000.0, dialect="newer")
    for _ in range(100):
        bench.run(min(bench.device.next_send, bench.device.next_timer))
        if bench.state is State.AWAIT_COMMAND:
            bench.hear("cmd", send_image="image_1.jpg")
        if bench.state is State.FINISHED:
            break
    assert bench.state is State.FINISHED
    assert len(bench.device.card.held) == 2


def test_the_same_seed_gives_the_same_messages():
    options = {
        "loss": 0.1,
        "duplicates": 0.1,
        "reorder": 0.3,
        "images": 2,
        "corrupt": 0.3,
        "sha256": True,
        "wakes": 2,
    }

    def play(seed):
        return Bench(seed=seed, **options).run(200).sent

    assert play(5) == play(5)
    assert play(5) != play(6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ack", "cmd"]),
            st.one_of(
                st.binary(max_size=60),
                st.dictionaries(
                    st.sampled_from(
                        [
                            "device_id",
                            "image_name",
                            "ACK_OK",
                            "missing_chunks",
                            "capture_image",
                            "send_image",
                            "next_wake",
                            "next_wake_time",
                        ]
                    ),
                    st.one_of(
                        st.sampled_from(
                            [
                                MAC,
                                "image_1.jpg",
                                True,
                                {},
                                {"next_wake_time": "1:00AM"},
                                {"next_wake_time": 5},
                                [0, 1],
                                [3, "x"],
                                "2025-10-07T16:48:00Z",
                            ]
                        ),
                        st.none(),
                        st.integers(),
                        st.text(max_size=8),
                    ),
                ).map(lambda m: json.dumps({"device_id": MAC, **m}).encode()),
            ),
            st.floats(0, 30),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_whatever_the_service_says_a_device_stays_alive_and_ends(messages, conversation):
    bench = Bench(
        conversation=conversation, images=2, wakes=2, sleep=5, time_scale=50.0, chunk_size=65536
    ).run()
    for channel, payload, wait in messages:
        bench.hear(channel, payload).run(bench.now + wait)
    bench.run(bench.now + 4 * DAY)
    assert bench.state is State.FINISHED
    acked = {image.name for image in bench.device.card.taken if image.acked}
    assert acked.isdisjoint(bench.device.card.held)
