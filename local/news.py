"""Prints what the service says while it runs: alerts that open and resolve, and mail that arrives."""

from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.text import printable
from local.company import Account
from local.inbox import Inbox, Mail

_STYLES = {"alert": "yellow", "critical": "red", "resolved": "green", "mail": "cyan"}
_SHOWN_ALERTS = "100"


class News:
    """Prints each alert when it opens, gets critical and resolves, and each mail when it has come.

    `reader` is the account whose alerts are shown. After each `look`, `alerts` has the rows of the newest
    alerts by their ids, and `mails` all mail.
    """

    def __init__(self, console: Console, reader: Account, inbox: Inbox) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        self.mails: list[Mail] = []
        self._console = console
        self._reader = reader
        self._inbox = inbox

    def skip(self) -> None:
        """Take the alerts of before for told."""
        self.alerts = {alert["alert_id"]: alert for alert in self._newest_alerts()}

    def look(self) -> None:
        """Print what has happened since the last look; while Supabase is away, nothing of alerts."""
        for alert in self._newest_alerts():
            before = self.alerts.get(alert["alert_id"])
            critical = alert["severity"] == "critical"
            if before is None or (critical and before["severity"] != "critical"):
                self.tell("critical" if critical else "alert", alert["message"])
            if alert["resolved_at"] and (before is None or not before["resolved_at"]):
                self.tell("resolved", f"after {_span(alert)}: {alert['message']}")
            self.alerts[alert["alert_id"]] = alert
        for mail in self._inbox.mails(known=[mail.path for mail in self.mails]):
            self.mails.append(mail)
            self.tell("mail", f"delivered to {mail.to}", mail.subject)

    def tell(self, what: str, text: str, more: str = "") -> None:
        """Print the time, one word and a text, and below it what there is more to say, cut to one line."""
        line = Table.grid(padding=(0, 2, 0, 0))
        word = Text(f"{what:8}", _STYLES.get(what, ""))
        line.add_row(Text(f"{datetime.now():%H:%M:%S}", "dim"), word, Text(printable(text)))
        if more:
            line.add_row("", "", Text(printable(more), "dim", no_wrap=True, overflow="ellipsis"))
        self._console.print(line)

    def _newest_alerts(self) -> list[dict[str, Any]]:
        try:
            found = self._reader.rows("alerts", order="opened_at.desc", limit=_SHOWN_ALERTS)
        except httpx.HTTPError:
            return []
        return found[::-1]


def _span(alert: dict[str, Any]) -> str:
    opened, resolved = (datetime.fromisoformat(alert[name]) for name in ("opened_at", "resolved_at"))
    return f"{(resolved - opened).total_seconds():.0f} s"
