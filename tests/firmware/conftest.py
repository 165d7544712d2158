"""Builds what of the firmware runs on a computer; without compiler or libraries these tests are skipped."""

import shutil
import subprocess

import pytest

from local.part import REPOSITORY

HEADERS = ("mosquitto.h", "cjson/cJSON.h", "mbedtls/md.h")


def _missing():
    missing = [tool for tool in ("make", "g++") if shutil.which(tool) is None]
    if missing:
        return missing
    return [
        header
        for header in HEADERS
        if subprocess.run(
            ["g++", "-E", "-x", "c++", "-"],
            input=f"#include <{header}>\n",
            text=True,
            capture_output=True,
            check=False,
        ).returncode
    ]


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """Make a target of firmware/Makefile and return its path."""
    if missing := _missing():
        pytest.skip(
            f"the firmware needs {', '.join(missing)}: apt install g++ libmosquitto-dev libcjson-dev libmbedtls-dev"
        )
    folder = tmp_path_factory.mktemp("firmware")

    def make(target):
        made = subprocess.run(
            ["make", "-C", REPOSITORY / "firmware", f"BUILD={folder}", target.format(folder)],
            capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        return target.format(folder)

    return make
