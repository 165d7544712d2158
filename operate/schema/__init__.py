"""Upgrades of the database: the files of `sql/`, which of them are pending, and how each is applied.

`files` reads them, `upgrade` brings a database up to date, `editor` writes all of them as one file. The
command is `fleet schema`; docs/adr/0017-migrations.md gives the reasons.
"""
