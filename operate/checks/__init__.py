"""Checks of a configuration against the real services: the doctor runs all, each process the essential ones.

`broker`, `redis_server` and `supabase` each check one service. A check is `wrong` if only an operator can
correct the cause: then a process exits at its start. It is `unreachable` if the cause may pass by itself:
then the process starts and waits, because a restart loop does not end an outage and adds load after it.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from core.errors import Misconfigured

Grade = Literal["ok", "warning", "unreachable", "wrong"]


class Check(NamedTuple):
    """The result of one check: what was checked, its grade, the details, and the remedy if it is not `ok`."""

    name: str
    grade: Grade
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}" + (f"; {self.remedy}" if self.remedy else "")


def insist(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that are not `ok`; raise Misconfigured, with a one-line message, at a `wrong` one."""
    troubles = [check for check in checks if check.grade != "ok"]
    for check in troubles:
        if check.grade == "wrong":
            raise Misconfigured(str(check))
    return troubles
