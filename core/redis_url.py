"""The URLs of Redis: of one server, or of a cluster, with those of its nodes that are asked for the others.

redis://user:password@one:6379/0
rediss+cluster://user:password@one:6379,two:6379,three:6379/0?ssl_ca_certs=/etc/ca.pem
"""

import re
from typing import Final

_CLUSTER: Final = "+cluster"


def is_cluster(url: str) -> bool:
    """Say whether this is the URL of a Redis Cluster."""
    return url.partition("://")[0].endswith(_CLUSTER)


def node_urls(url: str) -> list[str]:
    """Return the URL of each node that is named, as of a server of its own; for one server its own URL."""
    if not is_cluster(url):
        return [url]
    scheme, _, rest = url.partition("://")
    authority, tail = re.split("(?=[/?#])", f"{rest}/", maxsplit=1)
    login, at, hosts = authority.rpartition("@")
    return [f"{scheme.removesuffix(_CLUSTER)}://{login}{at}{host}{tail[:-1]}" for host in hosts.split(",")]
