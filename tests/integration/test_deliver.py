"""Events on their way to channels: the real database, the real functions, and receivers on loopback."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid

from receivers import Hanging, Receiver, answers

from core import logs
from core.settings import LogSettings, WorkerSettings
from core.store.keys import lock_key
from local.part import REPOSITORY
from tasks import app
from tasks.channels.deliverer import PROBES, THREADS
from tasks.deliver import deliver_events, keep_channels


def run_until(deliverer, happened):
    """Let runs follow each other, as beat does, until something has happened."""
    end = time.monotonic() + 60
    while not (found := happened()):
        assert time.monotonic() < end, "it did not happen"
        deliverer.run(time.monotonic() + 5)
    return found


def names(receiver, number):
    """Give the pictures that the receiver was told of."""
    return [json.loads(receiver.next()[2])["capture"]["image_name"] for _ in range(number)]


def test_the_tasks_deliver_and_say_so_on_the_channel(
    resources, company, receiver, make_deliverer, monkeypatch
):
    channel = company.channel(receiver.url())
    company.picture("a.jpg")
    monkeypatch.setattr(app, "resources", resources._replace(deliverer=make_deliverer()))
    resources.store.redis.delete(lock_key("deliver_events"))
    deliver_events.run()
    assert names(receiver, 1) == ["a.jpg"]
    run_until(app.resources.deliverer, lambda: company.state(channel)["state"] == "ok")
    (delivery,) = company.deliveries(channel)
    assert (delivery["state"], delivery["attempts"], delivery["device_id"]) == ("sent", 1, company.device)


def test_a_test_message_goes_at_once_and_its_failure_is_seen(company, receiver, make_deliverer):
    channel = company.channel(receiver.url("/s3cret"))
    receiver.answer = answers(403)
    event_id = company.call("test_channel", p_channel=channel)
    state = run_until(
        make_deliverer(), lambda: company.state(channel)["last_error"] and company.state(channel)
    )
    assert receiver.next()[1]["webhook-id"] == event_id
    assert (state["state"], state["last_error"]) == ("failing", "the receiver answered 403")
    (delivery,) = company.deliveries(channel)
    assert (delivery["state"], delivery["last_error"]) == ("waiting", "the receiver answered 403")
    receiver.answer = answers(200)
    company.call("test_channel", p_channel=channel)
    run_until(make_deliverer(), lambda: company.state(channel)["state"] == "ok")


def test_events_of_a_device_come_in_order_however_often_one_fails(company, receiver, make_deliverer):
    channel = company.channel(receiver.url())
    pictures = [f"{number}.jpg" for number in range(6)]
    for name in pictures:
        company.picture(name)
    tried = []

    def fails_at_first(handler):
        tried.append(1)
        handler.say(500 if len(tried) == 3 else 200, retry_after="1")

    receiver.answer = fails_at_first
    deliverer = make_deliverer()
    run_until(deliverer, lambda: len(tried) >= 3)
    company.database.table("alert_channels").update({"next_try_at": "-infinity"}).eq(
        "channel_id", channel
    ).execute()
    run_until(deliverer, lambda: {each["state"] for each in company.deliveries(channel)} == {"sent"})
    assert names(receiver, len(tried)) == ["0.jpg", "1.jpg", "2.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]


WORKER = """
import sys, time
from core.settings import WorkerSettings, load
from core.supabase import SupabaseGateway
from tasks.channels.deliverer import Deliverer

settings = load(WorkerSettings)
Deliverer(settings, SupabaseGateway(settings, 10.0), lease_s=2).run(time.monotonic() + 60)
time.sleep(60)
"""


def test_what_a_killed_worker_had_under_way_is_delivered_again_and_before_what_follows(
    company, receiver, make_deliverer, environment
):
    channel = company.channel(receiver.url())
    for name in ("a.jpg", "b.jpg"):
        company.picture(name)
    hanging = receiver.answer = Hanging()
    settings = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=REPOSITORY, env=os.environ | environment | settings
    )
    try:
        _, first, body = receiver.next()
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    receiver.answer = answers(200)
    hanging.released.set()
    run_until(make_deliverer(), lambda: {each["state"] for each in company.deliveries(channel)} == {"sent"})
    _, again, same = receiver.next()
    assert (again["webhook-id"], same) == (first["webhook-id"], body)
    assert names(receiver, 1) == ["b.jpg"]
    assert receiver.requests.empty()


def test_those_that_hang_and_dribble_cost_the_others_nothing(make_company, make_deliverer):
    """More channels hang than there are threads, with more waiting than could ever go; one works."""
    bad, good = [Receiver() for _ in range(THREADS + 2)], Receiver()
    hanging = Hanging()
    try:
        tenant, other = make_company(), make_company()
        for receiver in bad:
            receiver.answer = hanging
            tenant.channel(receiver.url())
        for number in range(20):
            tenant.picture(f"{number}.jpg")
        deliverer = make_deliverer()
        deliverer.run(time.monotonic() + 5)
        held = [receiver for receiver in bad if not receiver.requests.empty()]
        assert len(held) <= PROBES
        channel = other.channel(good.url())
        for number in range(3):
            other.picture(f"{number}.jpg")
        # None of those that hang has been let go yet.
        run_until(deliverer, lambda: {each["state"] for each in other.deliveries(channel)} == {"sent"})
        assert names(good, 3) == ["0.jpg", "1.jpg", "2.jpg"]
        assert not hanging.released.is_set()
    finally:
        hanging.released.set()
        for receiver in [*bad, good]:
            receiver.close()


def test_a_run_holds_one_thread_of_the_worker_and_ends_while_messages_are_under_way(
    company, receiver, make_deliverer
):
    hanging = receiver.answer = Hanging()
    company.channel(receiver.url())
    for number in range(50):
        company.picture(f"{number}.jpg", company.device)
    deliverer = make_deliverer()
    runs = threading.Thread(target=deliverer.run, args=(time.monotonic() + 30,))
    runs.start()
    receiver.next()
    # It waits a moment for a message that ends soon, and leaves those that do not.
    runs.join(20)
    assert not runs.is_alive()
    hanging.released.set()


def test_members_get_e_mail_and_the_operator_what_concerns_the_service(
    resources, company, make_deliverer, monkeypatch, tmp_path
):
    from test_mail import Server

    server = Server()
    server.start()
    redis = resources.store.redis
    try:
        settings = {
            "alert_smtp_url": f"smtp://{server.where}",
            "alert_from": "fleet@mail.test",
            "alert_urls": f"mailto://{server.where}?from=fleet@mail.test&to=operator@mail.test",
        }
        deliverer = make_deliverer(**settings)
        changed = WorkerSettings(**resources.settings.model_dump() | settings)
        monkeypatch.setattr(app, "resources", resources._replace(settings=changed, deliverer=deliverer))
        redis.delete(lock_key("keep_channels"))
        keep_channels.run()
        company.channel(company.email, kind="email", events=["capture.stored"])
        company.picture("a.jpg")
        # A device that nobody has yet is the operator's news.
        stranger = uuid.uuid4().hex[:12].upper()
        company.database.rpc(
            "record_hello", {"p_hello": {"device_id": stranger, "status": "Alive"}}
        ).execute()
        run_until(deliverer, lambda: len(server.messages) >= 2)
        got = {tuple(to): mail for _, to, mail in server.messages}
        assert set(got) == {(company.email,), ("operator@mail.test",)}
        assert "a.jpg is stored" in got[company.email,]["Subject"]
        assert f"{stranger}: heard for the first time" in str(got["operator@mail.test",])
    finally:
        server.stop()
        monkeypatch.undo()
        redis.delete(lock_key("keep_channels"))
        keep_channels.run()
    assert company.database.table("alert_channels").select("name").eq("kind", "operator").execute().data == []


def test_no_log_line_has_a_secret_however_much_is_logged(company, receiver, make_deliverer, capfd):
    before = logging.getLogger().level, logging.getLogger().handlers[:]
    secret = "s3cretPARTofTheADDRESS"
    try:
        logs.configure(LogSettings(log_level="DEBUG"))
        closed = Receiver()
        closed.close()
        receiver.answer = answers(500)
        deliverer = make_deliverer(
            alert_smtp_url=f"smtp://user:{secret}@127.0.0.1:9", alert_from="fleet@mail.test"
        )
        channels = [company.channel(url, events=()) for url in (
            receiver.url(f"/{secret}"), closed.url(f"/?key={secret}"), f"https://nowhere.invalid/{secret}")]  # fmt: skip
        channels += [
            company.channel(f"ntfy://{secret}", kind="apprise", events=()),
            company.channel(company.email, kind="email", events=()),
        ]
        for channel in channels:
            company.call("test_channel", p_channel=channel)
        run_until(deliverer, lambda: all(company.state(channel)["last_error"] for channel in channels))
    finally:
        logging.getLogger().setLevel(before[0])
        logging.getLogger().handlers[:] = before[1]
    shown = capfd.readouterr()
    assert str(channels[0]) in shown.out, "what failed is logged"
    assert secret not in shown.out + shown.err
    for channel in channels:
        assert secret not in str(company.state(channel)) + str(company.deliveries(channel))
