"""What may go wrong with a call, by what a person can do about it.

ClientError
├── SignInFailed   wrong e-mail or password, or a session that is over
├── NotAllowed     the role does not allow it
├── NotFound       there is no such thing, or not for this user
├── Invalid        what was given will not do; the message says why
├── Damaged        what came is not what the row says
└── Unavailable    Supabase cannot be reached, or cannot do it now: try again later
"""

from typing import Any, Final

import httpx
from supabase import AuthApiError, AuthError

# As a portal, the edge before a hosted project, and a database without a free connection answer.
_PASSING: Final = frozenset({*range(300, 400), 408, 425, 429, *range(500, 600)})


class ClientError(Exception):
    """Something that the client could not do; its text is a line for people."""


class SignInFailed(ClientError):
    """Nobody is signed in: e-mail and password are wrong, or the session is over."""


class NotAllowed(ClientError):
    """The user's role does not allow it."""


class NotFound(ClientError):
    """There is no such thing, or not for this user."""


class Invalid(ClientError):
    """What was given will not do."""


class Damaged(ClientError):
    """The bytes that came have another SHA-256 than the row says."""


class Unavailable(ClientError):
    """Supabase cannot be reached, or cannot do it now."""


def judge(response: httpx.Response) -> None:
    """Raise what an answer of the database or of Storage says, unless it is a good one."""
    if response.is_success or "/auth/v1/" in response.url.path:
        return
    response.read()
    status, said = _read(response)
    if status in _PASSING:
        raise Unavailable(f"Supabase answered {status}: {said}")
    kinds: dict[int, type[ClientError]] = {401: SignInFailed, 403: NotAllowed, 404: NotFound}
    raise kinds.get(status, Invalid)(said)


def _read(response: httpx.Response) -> tuple[int, str]:
    """Return status and text; Storage answers 400 and gives the true status in the body."""
    try:
        told: Any = response.json()
        return int(told.get("statusCode") or response.status_code), str(told["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return response.status_code, f"HTTP {response.status_code}"


def of_sign_in(error: AuthError) -> ClientError:
    """Return what an error of signing in is."""
    # Anything but an answer that says no: the network, a page of a proxy.
    if not isinstance(error, AuthApiError) or error.status in _PASSING:
        return Unavailable(f"signing in: {error}")
    return SignInFailed(f"signing in: {error}")
