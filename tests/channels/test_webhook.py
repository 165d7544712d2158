"""Webhooks against receivers that fail, hang, dribble, redirect, flood, and are where no webhook may go."""

import base64
import hashlib
import hmac
import json
import socket

import pytest
from receivers import (
    LOOPBACK,
    SECRET,
    Hanging,
    Receiver,
    answers,
    babbling,
    continuing,
    dribbling,
    event,
    flooding,
    message,
    redirecting,
)

from core.errors import NotDelivered
from core.settings import DeliverySettings
from tasks.channels.webhook import Webhooks, sign

BEFORE = "whsec_" + base64.b64encode(b"another secret, of 32 bytes too.").decode()


@pytest.fixture
def webhooks(local_settings):
    return Webhooks(local_settings, total_s=2.0)


def refusal(webhooks, sent):
    with pytest.raises(NotDelivered) as refused:
        webhooks.send(sent)
    return refused.value


def test_the_receiver_gets_the_event_as_it_is_signed_with_every_secret(webhooks, receiver):
    sent = message(receiver.url("/hook?key=x"), secrets=(SECRET, BEFORE))
    webhooks.send(sent)
    path, headers, body = receiver.next()
    assert path == "/hook?key=x"
    assert body.decode() == sent.events[0].body
    assert headers["content-type"] == "application/json"
    identity = json.loads(body)["id"]
    assert headers["webhook-id"] == identity
    signed = f"{identity}.{headers['webhook-timestamp']}.".encode() + body
    expected = []
    for secret in (SECRET, BEFORE):
        digest = hmac.new(base64.b64decode(secret[6:]), signed, hashlib.sha256).digest()
        expected.append(f"v1,{base64.b64encode(digest).decode()}")
    assert headers["webhook-signature"].split() == expected


def test_the_signature_is_that_of_the_specification():
    """The example in the documentation of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = '{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == signature


def test_a_try_again_is_the_same_event(webhooks, receiver):
    sent = message(receiver.url())
    receiver.answer = answers(500)
    assert str(refusal(webhooks, sent)) == "the receiver answered 500"
    receiver.answer = answers(204)
    webhooks.send(sent)
    (_, first, body), (_, second, again) = receiver.next(), receiver.next()
    assert (first["webhook-id"], body) == (second["webhook-id"], again)


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s", "gone"),
    [
        (400, {}, None, False),
        (410, {}, None, True),
        (429, {"retry_after": "90"}, 90, False),
        (503, {"retry_after": "Fri, 31 Dec 2027 23:59:59 GMT"}, None, False),
        (500, {"retry_after": "90"}, None, False),
    ],
)
def test_what_a_status_means(webhooks, receiver, status, headers, retry_after_s, gone):
    receiver.answer = answers(status, **headers)
    refused = refusal(webhooks, message(receiver.url()))
    assert (refused.retry_after_s, refused.gone) == (retry_after_s, gone)


def test_a_redirect_is_not_followed(webhooks, receiver):
    receiver.answer = redirecting("/elsewhere")
    assert str(refusal(webhooks, message(receiver.url()))) == "the receiver answered 302"
    assert receiver.next()[0] == "/hook"
    assert receiver.requests.empty()


def test_one_that_hangs_is_left(local_settings, receiver):
    receiver.answer = Hanging()
    refused = refusal(Webhooks(local_settings, total_s=0.3), message(receiver.url()))
    receiver.answer.released.set()
    assert str(refused) == "no answer within 0.3 s"


def test_one_that_dribbles_is_left_although_it_never_falls_silent(local_settings, receiver):
    receiver.answer = dribbling
    assert "no answer within" in str(refusal(Webhooks(local_settings, total_s=0.3), message(receiver.url())))


def test_one_that_floods_is_not_listened_to(webhooks, receiver):
    receiver.answer = flooding
    webhooks.send(message(receiver.url()))
    receiver.next()
    _, _, taken = receiver.next()
    assert taken < 16 * 2**20, "no more than what fits into the buffers of the connection"


def test_one_that_only_ever_announces_an_answer_is_not_listened_to(webhooks, receiver):
    receiver.answer = continuing
    with pytest.raises(NotDelivered, match="the answer is too long"):
        webhooks.send(message(receiver.url()))
    receiver.next()
    _, _, taken = receiver.next()
    assert taken < 16 * 2**20, "no more than what fits into the buffers of the connection"


def test_nothing_is_shown_of_what_a_server_of_another_protocol_says(webhooks, receiver):
    receiver.answer = babbling
    with pytest.raises(NotDelivered) as refused:
        webhooks.send(message(receiver.url()))
    assert str(refused.value) == "the answer is no HTTP"


def test_nobody_listens(webhooks):
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{bound.getsockname()[1]}/s3cret"
        said = str(refusal(webhooks, message(url)))
    assert said.startswith("no connection: ")
    assert "s3cret" not in said


def test_tls_is_verified_against_the_name_in_the_url(authority, local_settings):
    server = Receiver(authority.issue("hook.test"))
    trusting = Webhooks(local_settings, tls=authority.context, resolve=lambda *_: [LOOPBACK])
    try:
        trusting.send(message(f"https://hook.test:{server.port}/x"))
        assert server.next()[0] == "/x"
        said = str(refusal(trusting, message(f"https://other.test:{server.port}/x")))
        assert "other.test" in said
        strict = Webhooks(local_settings, resolve=lambda *_: [LOOPBACK])
        assert "certificate" in str(refusal(strict, message(f"https://hook.test:{server.port}/x")))
        assert server.requests.empty()
    finally:
        server.close()


# ── where no webhook may go ──


@pytest.fixture
def strict():
    """As a service for many companies has it."""
    return Webhooks(DeliverySettings(webhook_allow_http=True))


@pytest.mark.parametrize(
    "host", [LOOPBACK, "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0"]
)
def test_loopback_is_not_reached_however_it_is_written(strict, receiver, host):
    url = f"http://{host}:{receiver.port}/hook"
    said = str(refusal(strict, message(url)))
    assert said in ("the host is not on the public internet", "no connection: the host name is unknown")
    assert receiver.requests.empty()


@pytest.mark.parametrize(
    "addresses",
    [
        [LOOPBACK],
        ["1.1.1.1", LOOPBACK],
        ["::ffff:7f00:1"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["64:ff9b::7f00:1"],
    ],
)
def test_a_name_is_not_reached_where_one_of_its_addresses_is_private(receiver, addresses):
    strict = Webhooks(DeliverySettings(webhook_allow_http=True), resolve=lambda *_: addresses)
    said = str(refusal(strict, message(f"http://hook.test:{receiver.port}/")))
    assert said == "the host is not on the public internet"
    assert receiver.requests.empty()


def test_the_address_that_was_judged_is_the_one_that_is_used(local_settings, receiver):
    """A name that answers otherwise when it is asked again gains nothing: it is asked once."""
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return [LOOPBACK] if len(asked) == 1 else ["10.0.0.1"]

    Webhooks(local_settings, resolve=resolve).send(message(f"http://rebinding.test:{receiver.port}/"))
    assert asked == [("rebinding.test", receiver.port)]
    assert receiver.next()[1]["Host"] == f"rebinding.test:{receiver.port}"


def test_what_the_operator_permits_is_reached_and_nothing_beside_it(receiver):
    settings = DeliverySettings(webhook_allow_http=True, webhook_private_networks="127.0.0.0/8, fd00:1::/64")
    Webhooks(settings).send(message(receiver.url()))
    other = Webhooks(settings, resolve=lambda *_: ["fd00:2::1"])
    assert "public" in str(refusal(other, message("http://hook.test:8080/")))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hook.test/", "not https"),
        ("ftp://hook.test/", "not https"),
        ("file:///etc/passwd", "not https"),
        ("https://hook.test:25/", "port 25"),
        ("https://hook.test:80/", "port 80"),
        ("https://hook.test:99999/", "unusable"),
        ("", "not https"),
    ],
)
def test_what_is_no_url_for_webhooks(url, why):
    reached = []
    webhooks = Webhooks(DeliverySettings(), resolve=lambda *asked: reached.append(asked))
    assert why in str(refusal(webhooks, message(url)))
    assert reached == []


def test_a_proxy_of_the_environment_is_not_used(webhooks, receiver, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    webhooks.send(message(receiver.url(), event("channel.test")))
    assert receiver.next()[0] == "/hook"
