"""What the console's own tools say of its sources: linter, import rules and types, Vitest, and the size of what is built."""

import pytest

from local import console
from local.ports import StackError


def say(script: str) -> str | None:
    """What a script of the console's package.json complains of."""
    try:
        console.run(script)
    except StackError as error:
        return str(error)
    return None


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_sources_pass(script):
    assert say(script) is None


def test_what_is_built_keeps_to_its_budget():
    console.build()
    assert say("size") is None
