"""Start the listener: `python -m listener`. SIGTERM and SIGINT stop it in good order."""

import logging
import os
import signal
import socket
import sys
import threading

from core import logs
from core.dispatch import Dispatcher, make_app
from core.errors import Misconfigured
from core.settings import ListenerSettings, SettingsError, load
from core.store.clock import RedisClock
from core.store.connection import connect
from listener.connection import BrokerConnection, Deaf, client_id
from listener.listen import Listener
from operate import metrics
from operate.checks import insist
from operate.checks.listeners import check_group
from operate.checks.redis_server import check_redis_servers

log = logging.getLogger("listener")


def main() -> int:
    """Run until stopped; return 0 after a stop, 1 if a restart is needed, 2 for bad settings."""
    try:
        settings = load(ListenerSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up without settings
        return 2
    logs.configure(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    instance = os.environ.get("RENDER_INSTANCE_ID") or f"{socket.gethostname()}{os.getpid()}"
    redis = connect(settings.redis_url)
    clock = RedisClock(redis)
    connection = BrokerConnection(settings, client_id(settings, instance), clock)
    dispatcher = Dispatcher(make_app(), clock)
    listener = Listener(settings, connection, redis, dispatcher, clock)
    try:
        for trouble in insist(check_redis_servers(settings)) + insist(check_group(settings, starting=1)):
            log.warning("%s", trouble)
        metrics.tell(settings, "listener")
        listener.run(stopping)
    except Misconfigured as error:
        log.critical("%s", error)
        return 2
    except Deaf as error:
        log.critical("%s; exiting, so that the platform starts this listener anew", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
