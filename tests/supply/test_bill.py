"""The bill of materials: valid CycloneDX, and every locked package is on it."""

import json
import re

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from local.part import REPOSITORY
from supply import bill, lock
from supply.__main__ import commands

NAMES = ("python", *lock.NPM, "image")


@pytest.fixture(scope="module")
def bills(tmp_path_factory):
    """What `make sbom` writes: name → the file's text."""
    folder = tmp_path_factory.mktemp("sbom")
    answer = CliRunner().invoke(commands, ["sbom", "--output", str(folder)])
    assert answer.exit_code == 0
    assert answer.output.split() == [str(folder / f"{name}.cdx.json") for name in NAMES]
    return {name: (folder / f"{name}.cdx.json").read_text() for name in NAMES}


@pytest.fixture(scope="module")
def components(bills):
    return {name: json.loads(text)["components"] for name, text in bills.items()}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_valid(bills, name):
    version = SchemaVersion.from_version(json.loads(bills[name])["specVersion"])
    assert JsonStrictValidator(version).validate_str(bills[name]) is None
    broken = bills[name].replace('"library"', '"tool shed"')
    assert JsonStrictValidator(version).validate_str(broken) is not None


def locked(file):
    """Name, version and hashes of each package, read line by line."""
    text = (REPOSITORY / file).read_text()
    blocks = re.findall(
        r"^([a-z0-9.-]+)==(\S+?)(?: ;.*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", text, re.M
    )
    assert len(blocks) == text.count("==") - text.count(" == '")
    return {(name, version): set(re.findall("[0-9a-f]{64}", hashes)) for name, version, hashes in blocks}


@pytest.mark.parametrize(("file", "scopes"), [
    ("requirements.lock", {"required"}), ("requirements-dev.lock", {"required", "excluded"}),
])  # fmt: skip
def test_every_locked_package_of_python_is_named_with_version_and_hashes(components, file, scopes):
    named = {
        (each["name"], each["version"]): {
            digest["content"] for digest in each["externalReferences"][0]["hashes"]
        }
        for each in components["python"]
        if each["scope"] in scopes
    }
    assert named == locked(file)


def test_a_licence_is_named_wherever_the_package_is_installed_here(components):
    open_ = {each["name"] for each in components["python"] if "licenses" not in each}
    assert open_ <= {"async-timeout", "colorama", "contourpy", "numpy", "pymdown-extensions", "tzdata"}, (
        "of other platforms or versions"
    )
    by_name = {each["name"]: each for each in components["python"]}
    assert by_name["redis"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert by_name["psycopg"]["licenses"][0]["license"]["id"].startswith("LGPL-3.0")


def test_it_tells_who_needs_whom(bills):
    needs = {each["ref"]: each.get("dependsOn", []) for each in json.loads(bills["python"])["dependencies"]}
    assert any(ref.startswith("pkg:pypi/celery@") for ref in needs["fleet"])
    [celery] = [ref for ref in needs if ref.startswith("pkg:pypi/celery@")]
    assert any(ref.startswith("pkg:pypi/kombu@") for ref in needs[celery])


def test_every_folder_of_npm_is_looked_at():
    folders = {
        file.parent for pattern in ("*", "*/*") for file in REPOSITORY.glob(f"{pattern}/package-lock.json")
    }
    assert {folder for folder in folders if "node_modules" not in folder.parts} == set(lock.NPM.values())


@pytest.mark.parametrize("name", lock.NPM)
def test_every_locked_package_of_npm_is_named_with_version_and_licence(components, name):
    packages = json.loads((lock.NPM[name] / "package-lock.json").read_text())["packages"]
    wanted = {
        (path.rpartition("node_modules/")[2], each["version"]) for path, each in packages.items() if path
    }
    assert {(each["name"], each["version"]) for each in components[name]} == wanted
    assert all(each["licenses"] for each in components[name])


def test_the_image_is_its_base_and_what_is_installed_into_it(components):
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert "apt" not in dockerfile, "then its packages belong here"
    kinds = {
        kind: [each for each in components["image"] if each["type"] == kind]
        for kind in ("container", "library")
    }
    inside = {(each["name"], each["version"]) for each in kinds["library"]}
    elsewhere = {"colorama", "tzdata", "async-timeout"}
    assert {name for name, _ in locked("requirements.lock")} - {name for name, _ in inside} == elsewhere
    assert len(inside) == len({name for name, _ in inside}), "one version of each"
    [base] = [each for each in kinds["container"] if each["scope"] == "required"]
    assert f"FROM {base['name']}:{base['version']}" in dockerfile
    assert base["properties"] == [{"name": "fleet:incomplete", "value": bill._UNLISTED}]
    beside = {
        f"{each['name']}:{each['version']}" for each in kinds["container"] if each["scope"] == "optional"
    }
    compose = (REPOSITORY / "docker-compose.yml").read_text()
    images = {image for image in re.findall(r"^ +image: (\S+)$", compose, re.M) if ":" in image}
    console = (REPOSITORY / "console" / "Dockerfile").read_text()
    assert beside == images | set(re.findall(r"^FROM (\S+)", console, re.M))
