"""The SMTP server of the stack, and how its messages are read."""

import io
import smtplib
import subprocess
import sys
from email.message import EmailMessage

import pytest
from rich.console import Console

from core.settings import DeliverySettings, split_urls
from local import inbox as module
from local import smtp_server
from local.inbox import Inbox
from local.part import REPOSITORY
from local.ports import is_free
from local.stack import OPERATOR, SENDER, MailStack
from tasks.channels.mail import Mail
from tasks.channels.message import Event, Message
from tasks.channels.services import send_to_operator


@pytest.fixture
def inbox(tmp_path):
    server = Inbox(tmp_path, mailbox=tmp_path / "mailbox")
    server.start()
    yield server
    server.stop()


def letter(subject="Device offline", text="AABBCCDDEEFF is silent.\n", to="owner@example.org"):
    message = EmailMessage()
    message["From"] = "fleet@example.org"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    return message


def send(inbox, *letters, to="owner@example.org"):
    with smtplib.SMTP(*inbox.address.split(":")) as client:
        for message in letters:
            client.send_message(message, to_addrs=to)


def test_a_message_is_a_file_and_is_read_as_it_was_sent(inbox):
    send(inbox, letter("Batterie schwach – Gewächshaus", "7 % übrig.\n"), letter())
    first, second = inbox.mails()
    assert (first.sender, first.to) == ("fleet@example.org", "owner@example.org")
    assert (first.subject, first.text) == ("Batterie schwach – Gewächshaus", "7 % übrig.")
    assert second.subject == "Device offline"
    assert first.at < second.at
    assert {path.name for path in inbox.mailbox.iterdir()} == {first.path.name, second.path.name}


def test_whoever_gets_it_is_named_even_where_the_message_does_not(inbox):
    send(inbox, letter(), to=["a@example.org", "b@example.org"])
    assert inbox.mails()[0].to == "a@example.org, b@example.org"


def test_the_oldest_messages_make_room(inbox):
    send(inbox, *(letter(f"number {number}") for number in range(smtp_server.KEPT + 3)))
    subjects = [mail.subject for mail in inbox.mails()]
    assert subjects == [f"number {number}" for number in range(3, smtp_server.KEPT + 3)]


def test_a_message_that_is_too_large_is_refused(inbox):
    with pytest.raises(smtplib.SMTPException):
        send(inbox, letter(text="x" * (smtp_server.MESSAGE_BYTES + 1)))
    assert inbox.mails() == []


def test_messages_outlive_a_crash_but_not_the_next_stack(inbox, tmp_path):
    send(inbox, letter())
    port = inbox.port
    inbox.kill()
    assert is_free(port)
    inbox.restart()
    assert inbox.port == port
    assert len(inbox.mails()) == 1
    inbox.stop()
    other = Inbox(tmp_path / "other", mailbox=inbox.mailbox)
    other.start()
    assert other.mails() == []
    other.stop()


def test_what_a_terminal_would_obey_is_not_printed(inbox):
    send(inbox, letter("[red]name[/] of \x1b[2Ja device", "line\n\x1b]0;owned\x07 end"))
    file = io.StringIO()
    module.show(inbox.mails(), Console(file=file, width=80))
    assert "\x1b" not in file.getvalue()
    assert "\x07" not in file.getvalue()
    assert "[red]name[/] of" in file.getvalue()


def print_inbox(mailbox):
    command = [sys.executable, "-W", "error", "-m", "local", "inbox", "--mailbox", mailbox]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def test_the_command_prints_them(inbox):
    assert print_inbox(inbox.mailbox).startswith("0 messages in")
    send(inbox, letter(), letter("Device online"))
    said = print_inbox(inbox.mailbox)
    assert said.index("Device offline") < said.index("AABBCCDDEEFF is silent.") < said.index("Device online")
    assert f"2 messages in {inbox.mailbox}" in said


def test_the_settings_of_a_stack_with_an_inbox_bring_mail_to_members_and_to_the_operator(tmp_path):
    stack = MailStack(directory=tmp_path, broker="aedes", mailbox=tmp_path / "mailbox")
    settings = DeliverySettings(
        **{name.lower(): value for name, value in stack.environment().items() if name.startswith("ALERT_")}
    )
    event = Event(
        1, '{"id": "1", "type": "channel.test", "at": "2026-01-01T00:00:00.000Z", "company_id": null}'
    )
    about = {
        "channel_id": "1",
        "name": "Alerts",
        "secrets": (),
        "is_member": True,
        "is_probe": False,
        "claim": "1",
    }
    member = Message(kind="email", target="owner@fleet.example", events=(event,), **about)
    operator = Message(kind="operator", target=None, events=(event,), **about)
    stack.inbox.start()
    try:
        Mail(settings).send(member)
        (url,) = split_urls(settings.alert_urls)
        send_to_operator(operator, url)
        assert [mail.to for mail in stack.inbox.mails()] == ["owner@fleet.example", OPERATOR]
        assert {mail.sender.split()[-1].strip("<>") for mail in stack.inbox.mails()} == {SENDER}
    finally:
        stack.inbox.stop()


def test_a_folder_that_is_not_there_holds_no_messages(tmp_path):
    assert module.read(tmp_path / "nowhere") == []
