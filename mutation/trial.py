"""The trial of a mutant: its file is written into a copy of the tree, where the tests that judge it run."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mutation.judges import REPOSITORY, Stages, stages_of
from mutation.mutant import Mutant

# What is not in git and every process needs.
LINKED: Final = (".venv", "local/node_modules", ".local/templates")
# A mutant may take this many times as long as the tests take without it, and this much longer.
TIMES: Final = 3
EXTRA_S: Final = 20.0
# pytest's exit status when tests failed; any other failure means that nothing could be tested.
PYTEST_FAILED: Final = 1


class Verdict(StrEnum):
    """How a trial ended; a stillborn mutant breaks every import of its module and does not count."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    STILLBORN = "stillborn"


class BaselineError(Exception):
    """The tests fail without any mutant."""


class Court:
    """A copy of the tree and the tests that run in it; a context manager."""

    def __init__(self) -> None:
        self._tree = Path(tempfile.mkdtemp(prefix="mutation-"))
        self._seconds: dict[tuple[str, ...], float] = {}

    def __enter__(self) -> Self:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(REPOSITORY / name, self._tree / name)
        for name in LINKED:
            if (REPOSITORY / name).exists():
                (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
                (self._tree / name).symlink_to((REPOSITORY / name).resolve())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._tree, ignore_errors=True)

    def judge(self, mutant: Mutant) -> Verdict:
        """Run the stages of tests for the mutant until one notices it."""
        stages = stages_of(mutant.path)
        self._measure(stages)
        original = (self._tree / mutant.path).read_text()
        (self._tree / mutant.path).write_text(mutant.text)
        try:
            for tests in stages:
                status = self._run(tests, TIMES * self._seconds[tests] + EXTRA_S)
                if status is None:
                    return Verdict.TIMED_OUT
                if status:
                    return Verdict.KILLED if status == PYTEST_FAILED else Verdict.STILLBORN
            return Verdict.SURVIVED
        finally:
            (self._tree / mutant.path).write_text(original)

    def _measure(self, stages: Stages) -> None:
        """Run each stage once without a mutant; raise BaselineError if it fails."""
        for tests in stages:
            if tests not in self._seconds:
                begun = time.monotonic()
                if self._run(tests, 900):
                    raise BaselineError(f"{' '.join(tests)} fails without any mutant")
                self._seconds[tests] = time.monotonic() - begun

    def _run(self, tests: tuple[str, ...], seconds: float) -> int | None:
        """Return pytest's exit status, or None if the time was up; then its whole process group is killed."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command,
            cwd=self._tree,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
