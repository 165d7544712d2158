"""The one reader of `.env`: names and values, in the form that Docker Compose and a shell read as the same.

Programs differ on a value like `p$ss w0rd&x#1`: one cuts it, another fills in a variable, a third drops its
spaces. So a line that is not read alike everywhere is refused, by its number and name. Alike are:

    NAME=letters, digits and any of _ . / : @ % + , = ~ -, where no ~ begins it or follows a :
    NAME='anything but a single quote and a backslash'
    NAME="anything but a double quote, a backslash, $ and `"

Lines that are empty or begin with # say nothing. A line that ends as on Windows is refused, and so is a name
that is there twice.
"""

import re
from pathlib import Path
from typing import Final

from core.settings import PLACEHOLDER, SettingsError

_LINE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_VALUE: Final = re.compile(r"""(?!~|.*:~)([\w./:@%+,=~-]*)|'([^'\\]*)'|"([^"\\$`]*)\"""", re.A)


def read(path: Path) -> dict[str, str]:
    """Return what the file says. SettingsError names each line that will not do, without its value."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    try:
        lines = path.read_bytes().decode().split("\n")
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8") from None
    for number, text in enumerate(lines, 1):
        line = text.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if line.endswith("\r"):
            wrong.append(f"{path}:{number}: ends as on Windows, with CR LF: end it with LF alone")
            continue
        said = _LINE.fullmatch(line)
        if said is None:
            wrong.append(f"{path}:{number}: is not NAME=value")
            continue
        name, value = said.groups()
        quoted = _VALUE.fullmatch(value)
        if quoted is None and not PLACEHOLDER.match(value):
            wrong.append(f"{path}:{number}: {name}: {_remedy(value)}")
        elif name in found:
            wrong.append(f"{path}:{number}: {name} is there twice")
        else:
            found[name] = "".join(quoted.groups(default="")) if quoted else value
    if wrong:
        raise SettingsError("\n".join(wrong))
    return found


def _remedy(value: str) -> str:
    bare = value.removeprefix("'").removesuffix("'") if value[:1] == "'" else value
    if "'" not in bare and "\\" not in bare:
        return "put the value into single quotes; without them programs read it in different ways"
    return (
        "no form of this value is read alike by all programs: in single quotes it may have no ' and no \\, "
        'in double quotes no ", no \\, no $ and no `'
    )
