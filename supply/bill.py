"""The bill of materials of the service, in CycloneDX: of Python, of npm, and of the container image.

Licences and who needs whom are read from the packages that are installed here; for what is locked for other
platforms only, they stay open.
"""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.node import need_npm
from local.part import REPOSITORY
from local.ports import StackError
from supply import lock
from supply.lock import Locked

VERSION: Final = SchemaVersion.V1_6
_UNLISTED: Final = (
    "the packages of this image are not listed: only what has the image can tell, for example "
    "`syft fleet --output cyclonedx-json`"
)
_BASE: Final = re.compile(r"^FROM (?P<name>\S+):(?P<tag>\S+)", re.M)
_IMAGE: Final = re.compile(r"^ +image: (?P<name>\S+):(?P<tag>\S+)$", re.M)


def python() -> str:
    """Return the bill of all locked Python packages; what production does not need is `excluded`."""
    runtime = lock.read(lock.RUNTIME)
    others = [package for package in lock.read(lock.DEVELOPMENT) if package not in runtime]
    components = [_package(package, ComponentScope.REQUIRED) for package in runtime]
    components += [_package(package, ComponentScope.EXCLUDED) for package in others]
    return _bill(_service(ComponentType.APPLICATION), components)


def image() -> str:
    """Return the bill of the container image: its base, what is installed into it, and the images beside it.

    The Dockerfile installs no package of Debian. What the base brings is not listed.
    """
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    bases = {(found["name"], found["tag"]) for found in _BASE.finditer(dockerfile)}
    compose = (REPOSITORY / "docker-compose.yml").read_text()
    console = (REPOSITORY / "console" / "Dockerfile").read_text()
    beside = {
        (found["name"], found["tag"]) for found in [*_IMAGE.finditer(compose), *_BASE.finditer(console)]
    }
    [python_version] = {re.split(r"[^0-9.]", tag)[0] for name, tag in bases if name == "python"}
    inside = {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "sys_platform": "linux",
        "python_full_version": python_version,
        "python_version": ".".join(python_version.split(".")[:2]),
    }
    components = [_container(*each, ComponentScope.REQUIRED) for each in sorted(bases)]
    components += [_container(*each, ComponentScope.OPTIONAL) for each in sorted(beside)]
    components += [
        _package(package, ComponentScope.REQUIRED)
        for package in lock.read(lock.RUNTIME)
        if package.marker is None or package.marker.evaluate(inside)
    ]
    return _bill(_service(ComponentType.CONTAINER), components)


def npm(folder: Path) -> str:
    """Return npm's own bill of the locked packages of a folder; raises StackError."""
    command, environment = need_npm()
    # All that is locked, also what is not installed everywhere.
    asked = [
        "sbom",
        "--sbom-format=cyclonedx",
        "--sbom-type=application",
        "--package-lock-only",
        "--include=peer",
    ]
    answer = subprocess.run(
        [*command, *asked], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines() or ["nothing"]
        raise StackError(f"npm: `npm sbom` (of npm 10.2 or newer) says: {said[0]}")
    return answer.stdout


def _bill(service: Component, components: list[Component]) -> str:
    bom = Bom(components=components)
    bom.metadata.component = service
    by_name: dict[str, list[Component]] = {}
    for component in components:
        by_name.setdefault(component.name, []).append(component)
    direct = [canonicalize_name(Requirement(text).name) for text in _project()["dependencies"]]
    containers = [each for each in components if each.type is ComponentType.CONTAINER]
    bom.register_dependency(service, [*containers, *(each for name in direct for each in by_name[name])])
    for component in components:
        needed = [each for name in _needs(component) for each in by_name.get(name, ())]
        bom.register_dependency(component, needed)
    return make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=1)


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return project


def _service(kind: ComponentType) -> Component:
    project = _project()
    name, version = project["name"], project["version"]
    return Component(name=name, version=version, type=kind, bom_ref=name, description=project["description"])


def _package(package: Locked, scope: ComponentScope) -> Component:
    purl = PackageURL("pypi", None, package.name, package.version)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes]
    licence = _licence(package)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        scope=scope,
        purl=purl,
        bom_ref=str(purl),
        licenses=[licence] if licence else [],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(f"https://pypi.org/project/{package.name}/{package.version}/#files"),
                hashes=hashes,
            )
        ],
        properties=[Property(name="fleet:installed", value=str(package.marker))] if package.marker else [],
    )


def _container(name: str, tag: str, scope: ComponentScope) -> Component:
    purl = PackageURL.from_string(f"pkg:docker/{name}@{tag}")
    return Component(
        name=name,
        version=tag,
        type=ComponentType.CONTAINER,
        scope=scope,
        purl=purl,
        bom_ref=str(purl),
        properties=[Property(name="fleet:incomplete", value=_UNLISTED)],
    )


def _installed(name: str, version: str | None) -> metadata.Distribution | None:
    """Return what is installed here under this name, if it is this version."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return found if found.version == version else None


def _licence(package: Locked) -> Any:
    """Return the licence that a package tells of itself, None if it is not here or tells none."""
    found = _installed(package.name, package.version)
    if found is None:
        return None
    said = found.metadata
    # Some put the whole text into the older of the two fields.
    names = [said[field] for field in ("License-Expression", "License") if field in said]
    names = [name for name in names if name and "\n" not in name]
    classifiers = said.get_all("Classifier") or []
    names += [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return next(map(LicenseFactory().make_from_string, names), None)


def _needs(component: Component) -> set[str]:
    """Return the names of the packages that one needs without any extra, as far as it is installed here."""
    found = _installed(component.name, component.version) if component.type is ComponentType.LIBRARY else None
    needed = [Requirement(text) for text in (found.requires or ())] if found else []
    return {
        canonicalize_name(each.name)
        for each in needed
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }
