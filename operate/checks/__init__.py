"""Checks of a configuration against the real services: the doctor runs all, each process the essential ones.

`broker`, `redis_server` and `supabase` each ask one service. They tell apart what only an operator can put
right (`wrong`) and what may pass by itself (`unreachable`): a process that starts refuses the first and
waits out the second, since a restart loop helps against neither an outage nor the load after it.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from core.errors import Misconfigured

Grade = Literal["ok", "warning", "unreachable", "wrong"]


class Check(NamedTuple):
    """One thing looked at: what it is, how it stands, and what to do where it is not well."""

    name: str
    grade: Grade
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}" + (f"; {self.remedy}" if self.remedy else "")


def insist(checks: Iterable[Check]) -> list[Check]:
    """Give the checks that are not well; raise Misconfigured, in one line, at the first that is wrong."""
    troubles = [check for check in checks if check.grade != "ok"]
    for check in troubles:
        if check.grade == "wrong":
            raise Misconfigured(str(check))
    return troubles
