"""Every page of the documentation: its commands and targets exist, its blocks of code are read by what reads them."""

import json
import re
import shlex
import subprocess
import tomllib
from fnmatch import fnmatch
from textwrap import dedent

import pytest
from typer.core import TyperGroup

from fleet.__main__ import COMMANDS, load
from local.part import REPOSITORY
from local.site import CONFIGURATION, pages

TEXTS = {str(page): (REPOSITORY / page).read_text(encoding="utf-8") for page in pages()}
FENCE = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^\1```$")


def fences(*kinds):
    """Page and text of each block of these kinds."""
    return [
        (page, dedent(block))
        for page, text in TEXTS.items()
        for _, kind, block in FENCE.findall(text)
        if kind in kinds
    ]


def typed(program):
    """Page and words of each call of a program, in blocks for a shell and within sentences."""
    lines = [(page, line) for page, block in fences("sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += [
        (page, " ".join(code.split()))
        for page, text in TEXTS.items()
        for code in re.findall(r"`([^`]+)`", FENCE.sub("", text))
    ]
    before = r"(?:[A-Z_]+=\S+ |docker compose exec \w+ )*"
    calls = [
        (page, shlex.split(call.removeprefix(found[0]), comments=True))
        for page, line in lines
        for call in re.split(r" && | \| |; ", line)
        if (found := re.match(rf"{before}{program} ", call))
    ]
    return [(page, words) for page, words in calls if not words[0].startswith(("-", "…"))]


def options(command):
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_every_command_and_option_exists():
    calls = typed("fleet")
    assert len(calls) > 80
    for page, (name, *words) in calls:
        assert name in COMMANDS, f"{page}: fleet {name}"
        command = load(name)
        if isinstance(command, TyperGroup) and words and not words[0].startswith("…"):
            assert words[0] in command.commands, f"{page}: fleet {name} {words[0]}"
            command = command.commands[words[0]]
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options(command) | {"--help"}, f"{page}: fleet {name} {words}"


def test_every_target_exists():
    rules = re.findall(r"^([a-z%-]+):", (REPOSITORY / "Makefile").read_text(), re.M)
    calls = typed("make")
    assert len(calls) > 20
    for page, (target, *_) in calls:
        known = any(fnmatch(target, rule.replace("%", "*")) for rule in rules)
        assert known or target.startswith("PYTHON="), f"{page}: make {target}"


def test_every_block_can_be_read():
    readers = {
        "json": json.loads, "python": lambda text: compile(text, "a page", "exec"), "toml": tomllib.loads,
        "sh": lambda text: subprocess.run(["bash", "-n"], input=text, text=True, check=True),
    }  # fmt: skip
    for kind, read in readers.items():
        for page, text in fences(kind):
            try:
                read(text)
            except (ValueError, SyntaxError, subprocess.CalledProcessError) as error:
                pytest.fail(f"{page}: {error}\n{text}")


def test_every_page_is_in_the_navigation():
    def named(entries):
        for entry in entries:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else named(value)

    listed = list(named(tomllib.loads(CONFIGURATION.read_text())["project"]["nav"]))
    decisions = {page for page in TEXTS if re.search(r"adr/\d", page)}
    assert sorted(listed) == sorted(TEXTS.keys() - decisions)
    said = TEXTS["docs/adr/README.md"]
    assert {f"docs/adr/{name}" for name in re.findall(r"\]\((\d[^)]+)\)", said)} == decisions


def test_every_version_says_what_it_asks():
    versions = re.findall(r"^## \[([^]]+)\](?: - \d{4}-\d\d-\d\d)?$", TEXTS["CHANGELOG.md"], re.M)
    assert versions[0] == "Unreleased" and len(versions) > 1
    assert re.findall(r"^## (.*)$", TEXTS["docs/upgrading.md"], re.M) == versions
    assert f'version = "{versions[1]}"' in (REPOSITORY / "pyproject.toml").read_text()
