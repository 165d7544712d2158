"""The story of a capture as it is kept with its row: what scripts and stations noted, as JSON.

`sql/repeatable/087_story.sql` makes sentences and a timeline of it, and describes its fields. All times but
`at` are milliseconds since `at`, when the first message of the capture came.
"""

from collections.abc import Mapping
from typing import Any, Literal

Station = Literal["assemble", "decode", "upload", "persist", "acknowledge"]
Story = dict[str, Any]


def parse(text: Mapping[str, str]) -> Story:
    """Return the story that the hash of a capture holds (`lua/story.lua`)."""
    first_at, last_at = int(text["first_at"]), int(text["last_at"])
    told: Story = {"at": first_at}
    if "described_at" in text:
        told["metadata"] = int(text["described_at"]) - first_at
    if "chunk_at" in text:
        told["chunks"] = [int(text["chunk_at"]) - first_at, last_at - first_at]
    if "gaps" in text:
        told["gaps"] = [[int(part) for part in gap.split(",")] for gap in _items(text["gaps"])]
    if "story" in text:
        told["events"] = [_event(item) for item in _items(text["story"])]
    for name in ("duplicates", "tries"):
        if name in text:
            told[name] = int(text[name])
    return told


def _items(text: str) -> list[str]:
    return text.split(";")[:-1]


def _event(item: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in item.split(",")]
