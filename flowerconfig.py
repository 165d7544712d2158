"""Flower's settings, which it reads from this file in the folder where it is started.

Without credentials Flower shows everything to everybody and lets them act on it. So it then listens on
loopback alone, and refuses to start where it is told to listen elsewhere. Environment and command line are
in `options` already when this is read; the command line is applied once more afterwards.
"""

import os
from ipaddress import ip_address

from tornado.options import options


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# A secret that was forgotten arrives as an empty string.
basic_auth = [pair for pair in options.basic_auth or [] if pair.strip()]
address = options.address
if any(not all(pair.partition(":")) for pair in basic_auth):
    raise SystemExit("flower: FLOWER_BASIC_AUTH must be user:password; several are separated by commas")
if not basic_auth and not options.auth:
    address = address or "127.0.0.1"
    if not _is_loopback(address):
        raise SystemExit(
            f"flower: without FLOWER_BASIC_AUTH it would be open to everybody on {address}; "
            "set FLOWER_BASIC_AUTH=user:password"
        )
# The platform says where a web service must listen.
if "PORT" in os.environ and "FLOWER_PORT" not in os.environ:
    port = int(os.environ["PORT"])
# Beyond this the oldest are forgotten; the default of 100,000 would be hundreds of megabytes.
max_tasks = 5000
tasks_columns = "name,args,state,received,runtime,worker,uuid"
