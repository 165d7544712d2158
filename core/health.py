"""The health check of a container, `python -m core.health`: status 0 where Redis can be asked, else 1."""

import sys

from redis import RedisError

from core import chunk_store
from core.settings import Settings, SettingsError, load


def main() -> int:
    """Ask Redis once and give the exit status."""
    try:
        with chunk_store.connect(load(Settings), connections=1) as redis:
            redis.ping()
    except (SettingsError, RedisError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
