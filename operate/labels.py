"""The codes on devices' labels, and a page to print the labels from."""

import hashlib
import html
import secrets
from collections.abc import Mapping
from typing import Final

import segno

# Crockford's base 32: no letter that is taken for a digit. 16 characters are 80 random bits, too many to try
# even for who has the hashes. `fleet_private.plain_code` in sql/ undoes what people write differently.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 16

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Labels</title>
<style>
  @page {{ margin: 10mm }}
  body {{ margin: 0; font: 10pt sans-serif; display: flex; flex-wrap: wrap; gap: 4mm }}
  figure {{ margin: 0; width: 58mm; height: 26mm; display: flex; align-items: center; gap: 3mm;
            border: .2mm dashed #999; break-inside: avoid }}
  svg {{ width: 24mm; height: 24mm; flex: none }}
  figcaption b {{ display: block; font-size: 9pt; margin-bottom: 1mm; overflow-wrap: anywhere }}
  code {{ font-size: 11pt }}
</style>
{labels}
</html>
"""
_LABEL: Final = "<figure>{qr}<figcaption><b>{device}</b><code>{code}</code></figcaption></figure>"


def new_code() -> str:
    """Make a code: 16 characters of `ALPHABET`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def hash_of(code: str) -> str:
    """Return the SHA-256 of a code in hex, as the database keeps it."""
    return hashlib.sha256(code.encode()).hexdigest()


def readable(code: str) -> str:
    """Return the code in groups of four, for people."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def page(codes: Mapping[str, str], link: str | None) -> str:
    """Return an HTML page with a label for each device: its id, its code, and the code as a QR code.

    With `link` the QR code leads there, with the code after a #.
    """
    labels = []
    for device, code in codes.items():
        text = f"{link}#code={code}" if link else code
        qr = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=4)
        shown = html.escape(readable(code)).replace("-", "-<wbr>")
        labels.append(_LABEL.format(qr=qr, device=html.escape(device), code=shown))
    return _PAGE.format(labels="\n".join(labels))
