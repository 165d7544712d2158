"""The command of the whole project."""

import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from fleet.__main__ import COMMANDS, app, load
from local.part import REPOSITORY


def test_what_people_type_is_listed():
    """Every module of `operate` that is a command, and no other."""
    modules = [*(REPOSITORY / "operate").glob("*.py"), *(REPOSITORY / "operate").glob("*/__main__.py")]
    commands = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for path in modules
        if "\napp = typer.Typer(" in path.read_text()
    }
    assert {each.module for each in COMMANDS.values() if each.module.startswith("operate.")} == commands
    listed = CliRunner().invoke(app, ["--help"])
    assert listed.exit_code == 0
    for name, command in COMMANDS.items():
        assert name in listed.stdout and command.summary in listed.stdout
    assert all(len(line) <= 80 for line in listed.stdout.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name):
    assert load(name).help
    told = CliRunner().invoke(app, [name, "--help"], prog_name="fleet")
    assert told.exit_code == 0 and f"fleet {name}" in told.stdout
    assert all(len(line) <= 80 for line in told.stdout.splitlines())


def test_what_does_not_exist_is_an_error():
    wrong = CliRunner().invoke(app, ["nothing"])
    assert wrong.exit_code == 2 and "nothing" in wrong.output


def test_a_checkout_has_it_beside_its_python(tmp_path):
    """It is that of the checkout, wherever it is called from and whatever lies there."""
    programs = tmp_path / "a checkout" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "a checkout" / "fleet").symlink_to(REPOSITORY / "fleet")
    shutil.copy(REPOSITORY / "fleet" / "command.sh", programs / "fleet")
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    (tmp_path / "fleet.py").write_text("raise SystemExit('another')")
    on_path = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    for command, environment in (("a checkout/.venv/bin/fleet", None), ("fleet", on_path)):
        told = subprocess.run(
            [command, "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert told.returncode == 0 and "Usage: fleet [OPTIONS]" in told.stdout, told.stderr


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile", "render.yaml"])
def test_whatever_installs_what_is_locked_puts_it_there(file):
    text = (REPOSITORY / file).read_text()
    installed = text.count("--require-hashes -r") or text.count(": fleet/command.sh |")
    assert text.count("cp fleet/command.sh .venv/bin/fleet") + text.count("cp $< $@") == installed > 0


def test_a_simulated_fleet_ends_with_a_line_and_a_status():
    command = [sys.executable, "-m", "fleet", "simulate", "--port", "1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "127.0.0.1:1" in done.stderr


def test_it_is_listed_without_loading_anything():
    """So the shell completes it at once."""
    script = "import sys, fleet.__main__ as one; one._Commands().list_commands(None); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert not {"supabase", "celery", "redis", "paho", "core", "operate"} & set(loaded)
