"""A backup of a project in a folder: rows and accounts as dumps of PostgreSQL, and the objects of the bucket.

`folder` knows what is whole in it, `rows` calls PostgreSQL's own tools, `objects` the project's Storage. The
command is `fleet backup`; docs/runbooks.md walks through it.
"""


class BackupError(Exception):
    """The backup cannot be taken or restored; the message says why."""
