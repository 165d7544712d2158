"""The package: built, installed into an environment of its own, and run in a folder where nothing of the project is."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from local.part import REPOSITORY

# As its own: what a test has in its environment for the service is none of it.
OWN = ("MQTT_", "SUPABASE_", "REDIS_", "CELERY_", "DATABASE_", "PYTHON")


def run(*command, folder, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=inherited | {"COLUMNS": "80"} | environment,
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the source distribution, and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "hatchling", "build", "--directory", folder, "--target")
    made = run(*build, "sdist", folder=REPOSITORY)
    assert made.returncode == 0, made.stderr
    [source] = folder.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", source, "-C", folder], check=True)
    made = run(*build, "wheel", folder=folder / source.name.removesuffix(".tar.gz"))
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The folder of the programs of an environment with the wheel and what is locked for it."""
    folder = tmp_path_factory.mktemp("environment")
    [wheel] = built.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    install = (programs / "python", "-m", "pip", "install", "--quiet", "--no-compile")
    for what in (("--require-hashes", "-r", REPOSITORY / "requirements.lock"), ("--no-deps", wheel)):
        done = run(*install, *what, folder=folder)
        assert done.returncode == 0, done.stderr
    return programs


def test_nothing_is_packed_that_is_no_part_of_it(built):
    [wheel], [source] = built.glob("*.whl"), built.glob("*.tar.gz")
    with tarfile.open(source) as packed:
        names = [name.partition("/")[2] for name in packed.getnames()]
    names += zipfile.ZipFile(wheel).namelist()
    needed = {"sql/install.sql", "core/store/lua/claim.lua", "simulator/photos/", "console/package.json"}
    assert needed | {"fleet/py.typed"} <= {
        *names,
        *(name.rpartition("/")[0] + "/" for name in names),
    }
    parts = {part for name in names for part in name.split("/")}
    assert not parts & {".env", ".local", ".venv", "node_modules", "authority", "__pycache__", "tests"}


def test_it_runs_where_nothing_of_the_project_is(installed, tmp_path):
    listed = run(installed / "fleet", "--help", folder=tmp_path)
    assert listed.returncode == 0 and "doctor" in listed.stdout
    asked = run(installed / "fleet", "doctor", "--settings", folder=tmp_path)
    assert asked.returncode == 1 and "MQTT_HOST is missing" in asked.stdout
    exported = run(
        installed / "fleet",
        "export",
        "--from",
        "2026-01-01",
        "--to",
        "2026-02-01",
        "january",
        folder=tmp_path,
    )
    assert exported.returncode == 1 and exported.stderr.startswith("not set: SUPABASE_URL, ")
    simulated = run(installed / "fleet", "simulate", "--port", "1", folder=tmp_path)
    assert simulated.returncode == 2 and "127.0.0.1:1" in simulated.stderr
    listener = run(installed / "python", "-m", "listener", folder=tmp_path)
    assert listener.returncode == 2 and "MQTT_HOST is missing" in listener.stderr
    worker = run(installed / "celery", "--app", "tasks", "report", folder=tmp_path)
    assert "worker_pool: 'threads'" in worker.stdout
    away = "postgresql://nobody@127.0.0.1:1/none"
    schema = run(installed / "fleet", "schema", "--dry-run", folder=tmp_path, DATABASE_URL=away)
    assert schema.returncode == 1 and "127.0.0.1" in schema.stdout + schema.stderr
    assert not list(tmp_path.iterdir())


def test_the_files_of_the_schema_are_those_of_the_repository(installed):
    script = "from operate.schema.files import read; print(len(read()))"
    there = run(installed / "python", "-c", script, folder=installed)
    here = run(sys.executable, "-c", script, folder=REPOSITORY)
    assert there.stdout == here.stdout != ""
