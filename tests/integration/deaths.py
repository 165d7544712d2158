"""A worker that dies at a request to Supabase."""

from contextlib import contextmanager

import pytest

REQUESTS = ("call", "download", "remove", "upload")
# These hand something out for a time, which would otherwise be waited for.
LEASES = ("claim_removals", "claim_smaller_pictures", "claim_timelapse", "note_timelapse")


class KilledError(BaseException):
    """The worker dies here."""


@contextmanager
def dying(supabase, moment, *, done):
    """Let whoever uses the gateway die at a request of it, or at a function that it calls: before, or when it is done."""

    def killed(name):
        original = getattr(supabase, name)

        def stand_in(*arguments, **named):
            if arguments[:1] and arguments[0] in LEASES:
                named["p_lease"] = "0 seconds"
            if moment not in (name, *arguments[:1]):
                return original(*arguments, **named)
            if done:
                original(*arguments, **named)
            raise KilledError

        return stand_in

    with pytest.MonkeyPatch.context() as patch:
        for name in REQUESTS:
            patch.setattr(supabase, name, killed(name))
        yield
