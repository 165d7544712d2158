"""Of all that `apprise` knows, a company reaches the few hosts of the list, and nothing else."""

import json
import logging
import re
import socket
import subprocess
import sys
from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receivers import LOOPBACK, Receiver, answers, event, message, redirecting

from core.errors import NotDelivered
from local.part import REPOSITORY
from tasks.channels import services
from tasks.channels.services import ADDRESSES, HOSTS, rewrite

TOKEN = "s3cretTOKENofTheChannel"
EXAMPLES = {
    "discord": f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}",
    "gchat": f"gchat://AAAAspace/{TOKEN}/{TOKEN}",
    "ntfy": f"ntfy://{TOKEN}",
    "pbul": f"pbul://o.{TOKEN}",
    "pover": f"pover://{'u' * 30}@{TOKEN:x<30}",
    "slack": f"https://hooks.slack.com/services/T01234567/B01234567/{TOKEN}",
    "tgram": f"tgram://123456789:{TOKEN}/-1001234",
    "wxteams": f"wxteams://{TOKEN * 4}",
}


@pytest.fixture(scope="module")
def internet(authority):
    """One server for all hosts of the list; every other name is unknown. `asked` has the names."""
    receiver = Receiver(authority.issue(*HOSTS.values()))
    receiver.asked = []

    def resolve(host, port, *_, **__):
        receiver.asked.append(host)
        if host == LOOPBACK:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))]
        if host not in HOSTS.values():
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (LOOPBACK, receiver.port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        patch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        yield receiver
    receiver.close()


@pytest.fixture
def world(internet):
    internet.asked.clear()
    internet.requests.queue.clear()
    internet.answer = answers(200)
    return internet


def sent_to(address):
    return message(address, event("alert.opened", alert={"message": "is silent"}), kind="apprise")


def test_the_examples_are_those_of_the_list():
    assert set(EXAMPLES) == set(ADDRESSES) == set(HOSTS)


@pytest.mark.parametrize("service", EXAMPLES)
def test_each_service_gets_the_message_at_its_own_host(world, service):
    # Slack says ok, the others JSON, if anything.
    world.answer = answers(200, b"ok" if service == "slack" else b"{}")
    services.send(sent_to(EXAMPLES[service]))
    path, headers, body = world.next()
    assert headers["Host"] == HOSTS[service]
    assert set(world.asked) == {HOSTS[service]}
    assert "silent" in body.decode()
    login = b64encode(f"o.{TOKEN}:".encode()).decode()
    assert TOKEN in path + body.decode() or headers["Authorization"] == f"Basic {login}"


@pytest.mark.parametrize(("service", "most"), [("discord", 2000), ("tgram", 4096)])
def test_what_is_longer_than_a_service_takes_comes_in_pieces(world, service, most):
    world.answer = answers(200, b"{}")
    said = [f"gate {number:02} is silent, {'and ' * 60}nothing helps." for number in range(20)]
    told = [event("alert.opened", number, alert={"message": text}) for number, text in enumerate(said)]
    services.send(message(EXAMPLES[service], *told, kind="apprise"))
    bodies = [json.loads(world.next()[2]) for _ in range(world.requests.qsize())]
    texts = [body.get("content") or body["text"] for body in bodies]
    assert len(texts) > 1
    assert max(map(len, texts)) <= most
    assert all(f"gate {number:02} is silent" in "".join(texts) for number in range(20))


@pytest.mark.parametrize("service", EXAMPLES)
def test_a_refusal_is_told_by_its_status(world, service):
    world.answer = answers(404)
    with pytest.raises(NotDelivered) as refused:
        services.send(sent_to(EXAMPLES[service]))
    assert "(404)" in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("service", EXAMPLES)
def test_a_redirect_is_not_followed(world, service):
    world.answer = redirecting("https://elsewhere.test/")
    with pytest.raises(NotDelivered):
        services.send(sent_to(EXAMPLES[service]))
    assert "elsewhere.test" not in world.asked
    world.next()
    assert world.requests.empty()


def test_a_service_that_is_away(world, monkeypatch):
    monkeypatch.setitem(HOSTS, "slack", "nowhere.test")
    monkeypatch.setitem(HOSTS, "discord", "nowhere.test")
    with pytest.raises(NotDelivered):
        services.send(sent_to(EXAMPLES["slack"]))


# ── what is not let through ──


@pytest.fixture(scope="module")
def schemes():
    """Every scheme that the installed `apprise` knows."""
    from apprise.manager_plugins import NotificationManager

    known = sorted(NotificationManager().schemas())
    assert len(known) > 200
    return known


FORMS = (
    "{}://evil.test",
    "{}://evil.test/topic",
    "{}://user:secret@evil.test:8080/a/b/c/d",
    "{}://T01234567/B01234567/abcdefghijABCDEFGHIJ1234@evil.test",
    "{}s://evil.test/x",
    "{}://hooks.slack.com@evil.test/x",
    "{}://token/path?host=evil.test&template=file:///etc/passwd&verify=no",
    "{}:///etc/passwd",
    "{}://${{SUPABASE_SERVICE_ROLE}}",
)


def test_no_scheme_of_apprise_leads_elsewhere(schemes, world):
    permitted = []
    for scheme in [*schemes, "http", "https", "file", "ftp", "gopher", "include"]:
        for form in FORMS:
            address = form.format(scheme)
            try:
                permitted.append((scheme, rewrite(address)))
            except NotDelivered:
                continue
    assert permitted == []


@pytest.mark.parametrize("service", EXAMPLES)
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a + "?verify=no",
        lambda a: a + "/?template=file:///etc/passwd",
        lambda a: a + "#x",
        lambda a: a + "/extra/path",
        lambda a: a + "\n",
        lambda a: a + ",json://evil.test",
        lambda a: a + " json://evil.test",
        lambda a: " " + a,
        lambda a: a.replace("://", "://user:pw@", 1),
        lambda a: a.replace("://", "://evil.test/", 1),
        lambda a: a.replace(TOKEN, "${HOME}"),
        lambda a: a.replace(TOKEN, "%2e%2e%2f" + TOKEN),
        lambda a: a.replace(TOKEN, TOKEN + "ä"),
        lambda a: a.replace("://", "s://", 1) if not a.startswith(("ntfy", "https")) else a + "?",
    ],
)
def test_no_example_can_be_stretched(service, change):
    with pytest.raises(NotDelivered):
        rewrite(change(EXAMPLES[service]))


@pytest.mark.parametrize("service", EXAMPLES)
def test_whatever_fits_a_form_goes_to_its_host(world, service):
    """Tried through the real library: what it makes of every address that is let through."""

    @settings(max_examples=15, deadline=None)
    @given(st.from_regex(re.compile(f"(?:{ADDRESSES[service]})", re.ASCII), fullmatch=True))
    def check(address):
        world.asked.clear()
        with suppress(NotDelivered):
            services.send(sent_to(address))
        assert set(world.asked) <= {HOSTS[service]}

    check()


def test_an_operator_may_name_what_a_company_may_not(receiver):
    told = message(
        None, event("alert.opened", alert={"message": "is silent"}), kind="operator", name="operator 1"
    )
    services.send_to_operator(told, f"json://{LOOPBACK}:{receiver.port}/{TOKEN}")
    path, _, body = receiver.next()
    assert path == f"/{TOKEN}"
    assert b"is silent" in body


# ── secrets ──


def test_at_every_level_nothing_is_logged_of_an_address(world, caplog, capfd):
    world.answer = answers(500)
    with caplog.at_level(1):
        # Handlers at the root, as a process of ours has them, at the level that shows all.
        for address in EXAMPLES.values():
            with pytest.raises(NotDelivered):
                services.send(sent_to(address))
        with pytest.raises(NotDelivered):
            services.send_to_operator(sent_to(None), f"jsons://user:{TOKEN}@nowhere.test/{TOKEN}")
        with pytest.raises(NotDelivered):
            services.send_to_operator(sent_to(None), f"nosuchthing://{TOKEN}")
        logging.getLogger("tests").debug("something is logged")
    assert "something is logged" in caplog.text
    shown = capfd.readouterr()
    assert TOKEN not in caplog.text + shown.out + shown.err


def test_a_worker_that_delivers_nothing_does_not_load_apprise():
    code = "import sys, tasks.deliver; print([n for n in ('apprise', 'requests', 'markdown') if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
