"""What people have written about a device, as the database keeps it."""

from local.company import Account


def notes_on(account: Account, device: str) -> str | None:
    """Return the notes on a device of the account's company."""
    (row,) = account.rows("devices", device_id=f"eq.{device}", select="notes")
    notes: str | None = row["notes"]
    return notes
