"""`python -m local.history DIRECTORY ADMIN ANSWER`: writes the history of a stack that does not run yet.

The file ANSWER then holds the token with which the admin joins the company.
"""

import sys
from pathlib import Path

from local.history.make import make
from local.ports import StackError
from local.supabase_lite import SupabaseLite


def main(directory: str, admin: str, answer: str) -> None:
    """Write the history, and then the answer in one step."""
    try:
        token = make(SupabaseLite(Path(directory)), admin)
    except StackError as error:
        sys.exit(str(error))
    written = Path(f"{answer}.part")
    written.touch(mode=0o600)
    written.write_text(token)
    written.rename(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
