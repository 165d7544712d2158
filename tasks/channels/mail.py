"""E-mail to members of a company, through the operator's SMTP server."""

import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid5

from core.errors import NotDelivered
from core.settings import DeliverySettings
from tasks.channels.message import Message, text, title

# Seconds that each step may take.
STEP_S: Final = 10.0


class Mail:
    """Sends messages for people by e-mail; makes a connection for each."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._url = urlsplit(settings.alert_smtp_url.get_secret_value())
        self._sender = settings.alert_from

    def send(self, message: Message) -> None:
        """Send a message to the address that is its target; raise NotDelivered."""
        if not self._url.hostname:
            raise NotDelivered("the operator of this service has set up no e-mail (ALERT_SMTP_URL)")
        if not message.is_member:
            raise NotDelivered("the address is no member's any more", gone=True)
        to = message.target or ""
        try:
            mail = self._compose(message, to)
            with self._connect() as server:
                server.send_message(mail, parseaddr(self._sender)[1], [to])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise NotDelivered(f"the mail server refuses the address ({code})") from None
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(f"the mail server answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotDelivered(f"the mail server: {type(error).__name__}") from None

    def _connect(self) -> smtplib.SMTP:
        host, port = str(self._url.hostname), self._url.port
        tls = ssl.create_default_context()
        if self._url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=STEP_S, context=tls)
        else:
            server = smtplib.SMTP(host, port or 587, timeout=STEP_S)
        try:
            server.ehlo()
            # A password is never sent in the clear, whatever the server says it offers.
            if self._url.scheme == "smtp" and (self._url.username or server.has_extn("starttls")):
                server.starttls(context=tls)
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _compose(self, message: Message, to: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = title(message)
        mail["Date"] = format_datetime(datetime.now(UTC))
        domain = parseaddr(self._sender)[1].rpartition("@")[2] or "fleet"
        mail["Message-ID"] = f"<{_mark(message)}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{text(message)}\n\n-- \nChannel “{message.name}”\n")
        return mail


def _mark(message: Message) -> str:
    """Return what is the same whenever the same events are sent, so that a repeat can be told.

    Others may have joined them since the last try: a mailbox that drops a repeat would lose these.
    """
    first, *more = (str(event.content["id"]) for event in message.events)
    return str(uuid5(UUID(first), " ".join(more))) if more else first
