"""The story that `up` tells, with the real processes; and what is printed of it."""

import io
import smtplib

import pytest
from rich.console import Console

from local import alert_story
from local.company import Account, service
from local.inbox import Inbox
from local.news import News
from local.running import Running
from local.services import Services
from local.stack import MailStack


@pytest.mark.timeout(900)
def test_an_alert_is_raised_mailed_and_resolved(tmp_path):
    output = io.StringIO()
    with (
        MailStack(broker="aedes", mailbox=tmp_path / "mailbox") as stack,
        Services(stack, only={"listener", "worker", "beat"}) as services,
    ):
        owner = alert_story.prepare(stack)["admin"]
        news = News(Console(file=output, width=80), service(stack), stack.inbox)

        assert alert_story.Story(Running(stack, services), news).play(), output.getvalue()

        (alert,) = owner.rows("alerts", device_id=f"eq.{alert_story.DEVICE}")
        assert (alert["kind"], alert["severity"]) == ("battery_low", "critical")
        assert alert["resolved_at"]
        mails = stack.inbox.mails()
        assert {mail.to for mail in mails} == {alert_story.ADMIN}
        assert all(alert_story.NAME in mail.text for mail in mails)
    told = output.getvalue()
    places = [told.index(text) for text in ("falls to 8 %", "critical", "is charged", "resolved")]
    assert places == sorted(places)
    first, second = (told.index("delivered to", places[at]) for at in (1, 3))
    assert first < places[2] < second
    assert max(map(len, told.splitlines())) <= 80


def test_news_are_told_once_and_mail_also_while_supabase_is_away(tmp_path):
    output = io.StringIO()
    inbox = Inbox(tmp_path, mailbox=tmp_path / "mailbox")
    inbox.start()
    try:
        nobody = Account("http://127.0.0.1:1", {})
        news = News(Console(file=output, width=80), nobody, inbox)
        with smtplib.SMTP(*inbox.address.split(":")) as client:
            client.sendmail(
                "a@fleet.example", ["b@fleet.example"], "Subject: [red]\x1b[2J" + 90 * "x" + "\n\n"
            )
        news.look()
        told = output.getvalue()
        news.look()
    finally:
        inbox.stop()
    assert output.getvalue() == told
    assert "delivered to b@fleet.example" in told
    assert "[red]" in told
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) <= 80
