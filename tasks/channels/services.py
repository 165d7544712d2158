"""Chat and push services, by the library `apprise`, which is imported when the first message is sent.

Of some 180 services a company may name those below, whose host is fixed, in the forms below alone. An address
of `apprise` can also have parameters (`?verify=no`, `?template=file://…`), a host, a port, or a variable: no
form has room for these. What passes is written anew, with redirects off and timeouts. The operator's own
channels are not restricted.
"""

import logging
import re
from typing import TYPE_CHECKING, Any, Final

from core.errors import NotDelivered
from tasks.channels.message import Message, text, title

if TYPE_CHECKING:
    from apprise import Apprise, AppriseAsset

# sql/repeatable/082_channels.sql has the same list, so that a user hears at once of what is not in it.
ADDRESSES: Final = {
    "discord": r"(discord://|https://discord(app)?\.com/api/webhooks/)[0-9]{5,25}/[A-Za-z0-9_-]{20,120}/?",
    "gchat": r"gchat://[A-Za-z0-9_-]{5,40}/[A-Za-z0-9_-]{20,80}/[A-Za-z0-9_-]{20,120}/?",
    "ntfy": r"(ntfys?://|https://ntfy\.sh/)[A-Za-z0-9_-]{1,64}/?",
    "pbul": r"pbul://[A-Za-z0-9.]{20,64}/?",
    "pover": r"pover://[A-Za-z0-9]{30}@[A-Za-z0-9]{30}/?",
    "slack": r"(slack://|https://hooks\.slack\.com/services/)[A-Z0-9]{5,14}/[A-Z0-9]{5,14}/[A-Za-z0-9]{15,40}/?",
    "tgram": r"tgram://[0-9]{5,15}:[A-Za-z0-9_-]{20,60}/(-?[0-9]{1,20}|@[A-Za-z0-9_]{5,32})/?",
    "wxteams": r"wxteams://[A-Za-z0-9]{80,160}/?",
}
# Where each of them is; tests hold every request against it.
HOSTS: Final = {
    "discord": "discord.com",
    "gchat": "chat.googleapis.com",
    "ntfy": "ntfy.sh",
    "pbul": "api.pushbullet.com",
    "pover": "api.pushover.net",
    "slack": "hooks.slack.com",
    "tgram": "api.telegram.org",
    "wxteams": "api.ciscospark.com",
}
# The scheme under which `apprise` has a service whose own link was given.
_SCHEMES: Final = {"ntfy": "ntfys"}
# Seconds to connect, and between two pieces of an answer.
_PARAMETERS: Final = "redirect=no&verify=yes&cto=4&rto=10"
_PREFIX: Final = re.compile(
    r"[a-z]+://((discord(app)?\.com/api/webhooks|hooks\.slack\.com/services|ntfy\.sh)/)?"
)


def rewrite(address: str) -> str:
    """Return the address of a permitted service, with nothing left open; else raise NotDelivered."""
    for service, form in ADDRESSES.items():
        if re.fullmatch(form, address, re.ASCII):
            rest = _PREFIX.sub("", address, count=1).rstrip("/")
            mode = "&mode=cloud" if service == "ntfy" else ""
            return f"{_SCHEMES.get(service, service)}://{rest}/?{_PARAMETERS}{mode}"
    raise NotDelivered("this is not an address of a permitted service")


def send(message: Message) -> None:
    """Send a message to the service that a company has named; raise NotDelivered."""
    _notify(message, rewrite(message.target or ""))


def send_to_operator(message: Message, url: str) -> None:
    """Send a message to an `apprise` URL of the operator's settings; raise NotDelivered."""
    _notify(message, url)


def _notify(message: Message, url: str) -> None:
    channel = _open(url)
    try:
        taken = channel.notify(body=text(message), title=title(message), body_format="text")
    except Exception as error:
        # Its text may have the URL in it.
        raise NotDelivered(f"the service: {type(error).__name__}") from None
    if not taken:
        raise NotDelivered(
            f"the service did not take the message{_answer(taken)}: is the address still right?"
        )


def _answer(result: Any) -> str:
    """Return the status that the service answered; nothing else of what `apprise` says of it."""
    logs = [str(entry.message) for service in result for attempt in service for entry in attempt.logs]
    found = re.search(r"\berror=([1-5]\d\d)\b", " ".join(logs))
    return f" ({found[1]})" if found else ""


def _open(url: str) -> "Apprise":
    import apprise  # noqa: PLC0415 - a worker that never delivers does without its 30 MB

    # It logs addresses and tokens, and so does what it stands on, at one level or another.
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    channel = apprise.Apprise(asset=_asset(apprise))
    if not channel.add(url):
        raise NotDelivered("apprise does not understand the address")
    for server in channel:
        # By itself it sends what is longer than a service takes, which refuses it whenever it is tried.
        if server.overflow_mode == apprise.OverflowMode.UPSTREAM:
            server.overflow_mode = apprise.OverflowMode.SPLIT
    return channel


def _asset(apprise: Any) -> "AppriseAsset":
    """Return what `apprise` is to do: nothing on disk, no plugins of others, no threads of its own."""
    asset: AppriseAsset = apprise.AppriseAsset(
        app_id="Fleet",
        app_desc="Fleet",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        plugin_paths=[],
        storage_mode="memory",
        storage_path=None,
        secure_logging=True,
    )
    return asset
