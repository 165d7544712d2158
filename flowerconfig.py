"""Flower's settings. Flower reads this file from the folder in which it starts.

Without credentials Flower lets everybody see and control all tasks. In that case it listens on loopback only,
and refuses to start if another address is set. Flower puts environment and command line into `options` before
it reads this file, and applies the command line again afterwards.

With credentials it shows what runs and can stop it, but sends no task: whoever could send one could publish
an ACK for a picture that is not stored, and its device would delete it. Flower has no setting for that.
"""

import os
from ipaddress import ip_address

from flower import urls
from flower.api.tasks import TaskApply, TaskAsyncApply, TaskSend
from flower.views import BaseHandler
from tornado.options import options

from operate.queues import QUEUES

SENDS_TASKS = {TaskApply, TaskAsyncApply, TaskSend}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# A secret that the operator forgot to set arrives as an empty string.
basic_auth = [pair for pair in options.basic_auth or [] if pair.strip()]
address = options.address
if any(not all(pair.partition(":")) or pair.startswith("<") for pair in basic_auth):
    raise SystemExit("flower: FLOWER_BASIC_AUTH must be user:password; several are separated by commas")
if not basic_auth and not options.auth:
    address = address or "127.0.0.1"
    if not _is_loopback(address):
        raise SystemExit(
            f"flower: without FLOWER_BASIC_AUTH it would be open to everybody on {address}; "
            "set FLOWER_BASIC_AUTH=user:password"
        )
# The application is made of this list after this file is read.
urls.handlers[:] = [
    handler for handler in urls.handlers if not (isinstance(handler, tuple) and handler[1] in SENDS_TASKS)
]
# Flower itself knows the queues that its workers serve, and not those in which work waits for nobody.
BaseHandler.get_active_queue_names = lambda _: list(QUEUES)
# A platform such as Render sets PORT to the port on which a web service must listen.
if "PORT" in os.environ and "FLOWER_PORT" not in os.environ:
    port = int(os.environ["PORT"])
# Flower forgets the oldest tasks beyond this number. Its default of 100,000 would take hundreds of megabytes.
max_tasks = 5000
tasks_columns = "name,args,state,received,runtime,worker,uuid"
