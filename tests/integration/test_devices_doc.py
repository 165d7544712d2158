"""The SQL that the documents tell people to run."""

import re

from local.part import REPOSITORY
from local.snapshot import query


def test_the_sql_of_the_conversation_runs(stack):
    blocks = re.findall(r"^```sql\n(.*?)^```", (REPOSITORY / "docs" / "devices.md").read_text(), re.S | re.M)
    *_, commands = query(stack.supabase, "\n".join(blocks))
    assert [row[0] for row in commands.rows].count("capture_image") == 1
    assert len(commands.rows) == 4
