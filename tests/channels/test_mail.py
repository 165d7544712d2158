"""E-mail through a real SMTP server on loopback."""

import email
import email.policy
import socket
import ssl

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from receivers import event, message

from core.errors import NotDelivered
from core.settings import DeliverySettings
from tasks.channels.mail import Mail

USER, PASSWORD = "fleet@mail.test", "p@ss:w/rd"


class Server(Controller):
    """Keeps what comes; refuses what `refuses` says."""

    def __init__(self, **options):
        super().__init__(self, hostname="127.0.0.1", port=0, **options)
        self.messages = []
        self.refuses = {}

    @property
    def where(self):
        return f"127.0.0.1:{self.port}"

    def _trigger_server(self):
        """The port is known only now."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(
            envelope.content, policy=email.policy.default)))  # fmt: skip
        return self.refuses.get("data", "250 OK")


def settings(server, scheme="smtp", login=""):
    return DeliverySettings(
        alert_smtp_url=f"{scheme}://{login}{server.where}", alert_from="Fleet <fleet@mail.test>"
    )


@pytest.fixture
def server():
    server = Server()
    server.start()
    yield server
    server.stop()


def sent_to(address, *events, **values):
    return message(address, *events, kind="email", **values)


def test_a_member_gets_what_has_happened(server):
    told = event("alert.opened", alert={"message": "gate is silent — since 6 h."})
    Mail(settings(server)).send(sent_to("owner@farm.test", told))
    ((sender, recipients, mail),) = server.messages
    assert (sender, recipients) == ("fleet@mail.test", ["owner@farm.test"])
    assert mail["From"] == "Fleet <fleet@mail.test>"
    assert mail["To"] == "owner@farm.test"
    assert mail["Subject"] == "gate is silent — since 6 h."
    assert mail["Message-ID"] == f"<{told.content['id']}@mail.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "site north" in mail.get_content()
    assert "“hall”" in mail.get_content()


def test_a_name_cannot_add_a_header(server):
    hostile = event("device.first_seen", device_name="x\r\nBcc: all@example.com\r\n\r\nbody")
    Mail(settings(server)).send(sent_to("owner@farm.test", hostile, name="a\r\nX-Evil: 1"))
    ((_, recipients, mail),) = server.messages
    assert recipients == ["owner@farm.test"]
    assert "Bcc" not in mail
    assert "X-Evil" not in mail


def test_a_repeat_has_the_same_message_id_unless_something_was_added(server):
    first, second, third = event(number=1), event(number=2), event(number=3)
    for events in ((first, second), (first, second), (first, second, third), (first,)):
        Mail(settings(server)).send(sent_to("owner@farm.test", *events))
    marks = [mail["Message-ID"] for _, _, mail in server.messages]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def refusal(settings, told):
    with pytest.raises(NotDelivered) as refused:
        Mail(settings).send(told)
    return refused.value


def test_what_a_server_refuses_is_told_by_its_code_alone(server):
    server.refuses = {"gone@farm.test": "550 5.1.1 no such mailbox, says s3cret.internal"}
    refused = refusal(settings(server), sent_to("gone@farm.test"))
    assert (str(refused), refused.gone) == ("the mail server refuses the address (550)", False)
    server.refuses = {"data": "452 4.3.1 full"}
    assert str(refusal(settings(server), sent_to("owner@farm.test"))) == "the mail server answered 452"


def test_who_is_no_member_gets_nothing(server):
    refused = refusal(settings(server), sent_to("former@farm.test", is_member=False))
    assert refused.gone
    assert server.messages == []


def test_without_a_server_the_channel_says_so():
    assert "ALERT_SMTP_URL" in str(refusal(DeliverySettings(), sent_to("owner@farm.test")))


def test_a_server_that_is_away():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        away = DeliverySettings(alert_smtp_url=f"smtp://127.0.0.1:{bound.getsockname()[1]}", alert_from=USER)
        assert str(refusal(away, sent_to("owner@farm.test"))) == "the mail server: ConnectionRefusedError"


def test_a_password_is_not_sent_in_the_clear(server):
    login = "fleet%40mail.test:p%40ss%3Aw%2Frd@"
    assert "SMTPNotSupportedError" in str(refusal(settings(server, login=login), sent_to("owner@farm.test")))


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_with_tls_it_logs_in(authority, monkeypatch, scheme):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost"))
    seen = []

    def authenticate(_server, _session, _envelope, _mechanism, data):
        seen.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    options = (
        {"ssl_context": context} if scheme == "smtps" else {"tls_context": context, "require_starttls": True}
    )
    server = Server(authenticator=authenticate, auth_require_tls=scheme == "smtp", **options)
    server.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    try:
        where = f"localhost:{server.port}"
        url = f"{scheme}://fleet%40mail.test:p%40ss%3Aw%2Frd@{where}"
        Mail(DeliverySettings(alert_smtp_url=url, alert_from=USER)).send(sent_to("owner@farm.test"))
        assert seen == [(USER, PASSWORD)]
        assert len(server.messages) == 1
        # Its certificate is for another name.
        other = url.replace("localhost", "127.0.0.1")
        refused = refusal(DeliverySettings(alert_smtp_url=other, alert_from=USER), sent_to("owner@farm.test"))
        assert str(refused) == "the mail server: SSLCertVerificationError"
    finally:
        server.stop()
