"""The logins of devices at the broker: a random password for each, and Mosquitto's file of their hashes.

The name of a login is the id of its device, so that a broker can bind it to the device's topics
(`broker/rights`).
"""

import base64
import csv
import hashlib
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# As mosquitto_passwd does by default; these passwords are random, so more would slow down logins alone.
_ROUNDS: Final = 101
_SALT_BYTES: Final = 12
# 144 bits, in letters that firmware, shells and CSV take as they are.
_PASSWORD_BYTES: Final = 18


def new_password() -> str:
    """Make the password of a device."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def listed(passwords: Mapping[str, str]) -> str:
    """Return the logins as CSV, for whoever writes them to the devices."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("username", "password"))
    rows.writerows(passwords.items())
    return text.getvalue()


def hashed(user: str, password: str) -> str:
    """Return the line of Mosquitto's password file for a login (PBKDF2 with SHA-512)."""
    salt = os.urandom(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    said = "$".join(("7", str(_ROUNDS), base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))
    return f"{user}:${said}\n"


def with_logins(file: Path, passwords: Mapping[str, str]) -> str:
    """Return what the password file says with these logins in it, in place of older ones of their names.

    Raises OSError or UnicodeDecodeError if it cannot be read.
    """
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    kept = [f"{line}\n" for line in lines if line.partition(":")[0] not in passwords]
    return "".join([*kept, *(hashed(user, password) for user, password in passwords.items())])
