"""docs/security.md lists attacks and promises: each promise is the name of a test."""

import re

import pytest

from local.part import REPOSITORY

TESTS = REPOSITORY / "tests"
SECTION = re.compile(r"^## Attacks and promises\n(.*?)^## ", re.M | re.S)
ROW = re.compile(r"^\| (?P<attack>.*?) ?\| (?P<promise>.+?) \| `(?P<file>test_\w+\.py)` \|$", re.M)
[LISTED] = SECTION.findall((REPOSITORY / "docs" / "security.md").read_text())
ROWS = [(match["promise"], match["file"]) for match in ROW.finditer(LISTED)]


def names_in(file):
    """The tests of a file, in words."""
    [path] = TESTS.rglob(file)
    return {name.replace("_", " ") for name in re.findall(r"^def test_(\w+)\(", path.read_text(), re.M)}


@pytest.mark.parametrize(("promise", "file"), ROWS)
def test_a_promise_is_the_name_of_a_test(promise, file):
    assert promise in names_in(file)


def test_no_line_of_the_list_is_passed_over():
    lines = [
        line for line in LISTED.splitlines() if line.startswith("| ") and not line.startswith("| attack")
    ]
    assert len(lines) - 5 == len(ROWS) > 50, "five tables, each with a rule below its head"


def test_every_attack_of_the_hostile_tests_is_in_the_list():
    listed = {file for _, file in ROWS}
    here = {path.name for path in (TESTS / "hostile").glob("test_*.py")}
    assert here - listed == {"test_promises.py", "test_memory_in_redis.py"}
