"""Names of files and folders made of what tenants write: it may hold anything, and leads nowhere else."""

import re
import unicodedata
from typing import Final

# What some system does not let stand in a name, or what leads elsewhere.
_REFUSED: Final = re.compile(r'[\\/:*?"<>|]+')
# Windows takes these for devices, with any ending.
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d) *(\.|$)", re.IGNORECASE)
# Most file systems give a name 255 bytes; some of it is for what stands behind.
_MOST_BYTES: Final = 80


def safe_name(text: str) -> str:
    """Return a text as a part of the name of a file or folder that every system takes, of some 80 bytes.

    Different texts may have the same name: put what tells them apart behind it.
    """
    normal = unicodedata.normalize("NFC", text)
    shown = "".join(sign if sign.isprintable() else "_" for sign in normal)
    cut = _REFUSED.sub("_", shown).strip(". ").encode()[:_MOST_BYTES].decode(errors="ignore").strip(". ")
    return f"_{cut}" if _DEVICES.match(cut) or not cut else cut
