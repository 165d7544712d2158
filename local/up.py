"""Keeps the stack and the service running on known ports, for a simulated fleet or somebody's own cameras."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from local import alert_story
from local.company import Account, service
from local.console import ConsoleServer, build
from local.history.fleet import COMPANY
from local.history.writing import Writing
from local.home import Home
from local.living import Living
from local.news import News
from local.part import REPOSITORY
from local.ports import check_free
from local.process import Process
from local.running import Running, started
from local.services import Services
from local.stack import MailStack, Stack

ENVIRONMENT_FILE = REPOSITORY / ".local" / "env"


def run_up(
    console: Console,
    stack: MailStack,
    *,
    flower_port: int,
    console_port: int,
    env_file: Path = ENVIRONMENT_FILE,
    fleet: bool = True,
    alert: bool = True,
    own: bool = False,
) -> None:
    """Start everything, print the addresses, and keep running; print alerts and mail as they come.

    With `fleet` a simulated one has three weeks of history, and goes on; with `alert` the story of one
    follows the addresses. With `own` there is instead one owner, whose each device is that is heard. Raises
    PortInUseError if a port is taken, and StartError if a process does not become ready.
    """
    # Checked first, before history and servers take their time.
    for part in stack.parts:
        part.check_port()
    check_free("Flower", flower_port)
    check_free("the console", console_port)
    with ExitStack() as closing:
        writing = closing.enter_context(Writing(stack, alert_story.ADMIN)) if fleet else None
        build()
        token = writing.token(console) if writing else None
        running = closing.enter_context(started(console, stack, flower_port=flower_port))
        home = Home(stack) if own else None
        people = _words(alert_story.prepare(stack, token)) if home is None else home.words()
        page = ConsoleServer(stack.directory, stack.supabase, console_port)
        closing.callback(page.stop)
        page.start()
        closing.callback(env_file.unlink, missing_ok=True)
        write_environment(stack, env_file)
        living = closing.enter_context(Living(stack)).processes if fleet else []
        _print_addresses(console, stack, running.services, page, people, env_file)
        news = News(console, service(stack), stack.inbox)
        news.skip()
        if alert:
            alert_story.Story(running, news).play()
        _stay(console, running, living, news, home)


def _stay(
    console: Console, running: Running, living: Sequence[Process], news: News, home: Home | None
) -> None:
    """Keep running until a signal comes; print the news, and each process that has ended by itself."""
    told: list[Process] = []
    while True:
        ended = [*running.ended(), *(process for process in living if not process.running)]
        for process in ended:
            if process not in told:
                console.print(f"{process.name} has ended; see {process.log}", highlight=False, soft_wrap=True)
        told = ended
        news.look()
        if home is not None:
            home.look(news)
        time.sleep(1)


def write_environment(stack: Stack, path: Path) -> None:
    """Write a file for `--env-file`; only its owner may read it, as it contains the service's key."""
    settings = {**stack.environment(), "SUPABASE_PUBLISHABLE_KEY": stack.supabase_publishable_key}
    lines = [f"{name}='{value}'\n" for name, value in settings.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(lines))


def _words(people: Mapping[str, Account]) -> dict[str, str]:
    """Say of which company these are, and how each signs in."""
    return {
        "company": COMPANY,
        **{role: f"{who.email}, password {who.password}" for role, who in people.items()},
    }


def _print_addresses(
    console: Console,
    stack: MailStack,
    services: Services,
    page: ConsoleServer,
    people: Mapping[str, str],
    env_file: Path,
) -> None:
    broker, entry = f"{stack.mqtt_host}:{stack.mqtt_port} ({stack.broker.name}, no TLS", stack.broker.entry
    rows = {
        "console": page.url,
        **people,
        "Flower": services.flower_url,
        "Supabase": stack.supabase_url,
        "MQTT broker": f"{broker}, {'two logins' if entry.logins else 'no users'})",
        "Redis": stack.redis_url,
        "SMTP server": f"{stack.inbox.address}, mail in {stack.inbox.mailbox}",
        "read mail": ".venv/bin/fleet inbox",
        "logs": str(stack.logs),
        "settings and keys": f"--env-file {env_file}",
    }
    if not entry.logins:
        rows["a fleet"] = f".venv/bin/fleet simulate --host {stack.mqtt_host} --port {stack.mqtt_port}"
    for name, value in rows.items():
        console.print(f"{name:>18}  {value}", highlight=False, soft_wrap=True, markup=False)
    end = f"everything is kept in {stack.directory}" if stack.is_kept else "all data goes; DATA=dir keeps it"
    console.print(f"Ctrl-C stops everything, and {end}.", highlight=False, soft_wrap=True, markup=False)
