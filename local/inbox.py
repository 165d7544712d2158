"""The stack's inbox: an SMTP server for what the service sends by mail, and the messages that came."""

import email
import email.policy
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from core.text import printable
from local.part import REPOSITORY, Part
from local.ports import LOOPBACK

MAILBOX = REPOSITORY / ".local" / "inbox"


@dataclass(frozen=True)
class Mail:
    """One message: the recipients are those that the sending client named, `text` is its plain text.

    All of it can be shown: what a terminal would obey is escaped, as users choose names in messages.
    """

    path: Path
    at: datetime
    sender: str
    to: str
    subject: str
    text: str


class Inbox(Part):
    """An SMTP server on a loopback port without TLS and users.

    `mailbox` is the folder of its messages; those of an earlier stack go at the start.
    """

    name = "inbox"
    title = "SMTP server"

    def __init__(self, directory: Path, port: int | None = None, *, mailbox: Path) -> None:
        super().__init__(directory, port)
        self.mailbox = mailbox.resolve()

    @property
    def address(self) -> str:
        """The host and the port of the server."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Make the folder; at the first start, remove what it holds."""
        self.mailbox.mkdir(parents=True, exist_ok=True)
        if self.process is None:
            for path in self.mailbox.glob("*.eml"):
                path.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """Run smtp_server.py on the port."""
        script = REPOSITORY / "local" / "smtp_server.py"
        return [sys.executable, "-P", str(script), str(self.port), str(self.mailbox)]

    def mails(self, known: Collection[Path] = ()) -> list[Mail]:
        """Return the messages, oldest first, without the known ones."""
        return read(self.mailbox, known)


def read(mailbox: Path, known: Collection[Path] = ()) -> list[Mail]:
    """Return the messages of a folder, oldest first, without the known ones; no folder, no messages."""
    found = []
    for path in sorted(set(mailbox.glob("*.eml")).difference(known)):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue  # the server has removed it meanwhile
        found.append(_mail(path, data))
    return found


def show(mails: Iterable[Mail], console: Console) -> None:
    """Print each message: when it came, for whom, its subject and its text."""
    for mail in mails:
        console.print(
            Text.assemble(
                (f"{mail.at.astimezone():%H:%M:%S}  ", "dim"), f"{mail.to}  ", (mail.subject, "bold")
            )
        )
        console.print(Padding(Text(mail.text), (0, 0, 1, 10), expand=False))


def _mail(path: Path, data: bytes) -> Mail:
    message = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    text = str(body.get_content()) if body else ""
    return Mail(
        path=path,
        at=datetime.fromtimestamp(int(path.stem) / 1e9, UTC),
        sender=printable(str(message["From"] or "")),
        to=printable(str(message["Delivered-To"] or "")),
        subject=printable(str(message["Subject"] or "(no subject)")),
        text="\n".join(printable(line) for line in text.strip().split("\n")),
    )
