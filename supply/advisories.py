"""What is known against the locked packages: asked of the advisory databases of PyPI and npm.

No answer is never taken for a good one: pip-audit ends well where it could look up nothing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.node import need_npm
from supply import lock

PIP_AUDIT: Final = (sys.executable, "-m", "pip_audit", "--format=json", "--require-hashes", "--disable-pip")


class Unanswered(Exception):
    """A database did not answer for all packages; the message is one line."""


def of_python() -> list[str]:
    """Return a line for each advisory on a locked Python package; raises Unanswered."""
    files = [f"--requirement={file}" for file in (lock.RUNTIME, lock.DEVELOPMENT)]
    return python_lines(_output([*PIP_AUDIT, "--progress-spinner=off", *files]))


def of_npm(folder: Path) -> list[str]:
    """Return a line for each npm package of a folder with an advisory; raises Unanswered or StackError."""
    command, environment = need_npm()
    return npm_lines(_output([*command, "audit", "--json", "--package-lock-only"], environment, folder))


def _output(
    command: list[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    # Both end with 1 where they have found something, too, so what they say decides.
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if answer.stdout.lstrip().startswith("{"):
        return answer.stdout
    said = answer.stderr.strip().splitlines() or ["it says nothing"]
    raise Unanswered(said[-1])


def python_lines(report: str) -> list[str]:
    """Read what pip-audit says in JSON."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    if skipped or not packages:
        why = f": {skipped[0]['skip_reason']}" if skipped else ""
        raise Unanswered(f"{len(skipped)} of {len(packages)} packages could not be looked up{why}")
    found = {
        (package["name"], package["version"], known["id"], ", ".join(known["fix_versions"]) or "nothing yet")
        for package in packages
        for known in package["vulns"]
    }
    return [
        f"{name} {version}: {advisory}, mended by {mended}"
        for name, version, advisory, mended in sorted(found)
    ]


def npm_lines(report: str) -> list[str]:
    """Read what `npm audit` says in JSON."""
    said: dict[str, Any] = json.loads(report)
    if "vulnerabilities" not in said:
        raise Unanswered(str(said.get("message") or said.get("error") or "it says nothing"))
    return [
        f"{name} {package['range']}: {', '.join(map(_title, package['via']))} ({package['severity']})"
        for name, package in sorted(said["vulnerabilities"].items())
    ]


def _title(reason: str | dict[str, Any]) -> str:
    """Say why a package is listed: an advisory of its own, or another package that it needs."""
    return f"by {reason}" if isinstance(reason, str) else f"{reason['title']} {reason['url']}"
