"""While `make coverage` counts, processes of ours that a test gives an environment of its own are counted, too."""

import os
import subprocess
from typing import Any

NAME = "COVERAGE_PROCESS_CONFIG"


class _Counted(subprocess.Popen[Any]):
    """Passes on what coverage has put into this process's environment for those that it starts."""

    def __init__(self, args: Any, *more: Any, env: Any = None, **options: Any) -> None:
        if env is not None and "-m" in args:
            env = {**env, NAME: os.environ[NAME]}
        super().__init__(args, *more, env=env, **options)


def count_them() -> None:
    """Do so from now on, if coverage counts at all."""
    if NAME in os.environ:
        subprocess.Popen = _Counted  # type: ignore[misc]
