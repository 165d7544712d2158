"""A generator of commands that no user should queue: each begins as a good one and goes wrong somewhere."""

import json
from random import Random

from hostile_messages import NAMES, VALUES

TYPES = (
    "capture_image",
    "send_image",
    "next_wake",
    "custom",
    "custom",
    "CUSTOM",
    "",
    "drop table",
    "x" * 300,
)
# What JSON of other languages may hold, and Python's writer does not make.
TEXTS = (
    "null", "true", "[]", "{}", '""', "1", "1e400", "-0", "1E-400", "NaN", "{", "", "0" * 50, '"\\ud800"',
    '{"a": 99999999999999999999999999}', '{"a": 1e308}', '{"a": 18446744073709551616}', '{"a": -9223372036854775809}',
    '{"a": 9223372036854775807}', '{"a": 0.1e-300}', '{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": "\\ud83d"}',
    '{"a":' * 9 + "1" + "}" * 9, '{"a":' * 11 + "1" + "}" * 11, '{"a":' * 600 + "1" + "}" * 600,
    "[" * 5_000 + "]" * 5_000, '{"a": [' + "1," * 1_900 + "1]}", '{"a": [' + "1," * 9_000 + "1]}",
    '{"a": 1' + "0" * 4_000 + "}", '{"a": 1' + "0" * 140_000 + "}", '{"' + "k" * 5_000 + '": 1}',
    '{"next_wake": "9999-12-31T23:59:59-23:59"}', '{"next_wake": "0001-01-01T00:00:00+23:59"}',
    '{"next_wake": "2035-10-07T16:48:00"}', '{"next_wake": "2035-10-07T16:48:00.123456789+05:30"}',
    '{"next_wake": "2035-10-07T24:00:00Z"}', '{"next_wake": "2035-02-30T10:00:00Z"}', '{"next_wake": "infinity"}',
    '{"next_wake": "2035-10-07T16:48:60Z"}', '{"next_wake": {"a": 1}}', '{"next_wake": 20351007}',
)  # fmt: skip


def command(rng: Random) -> tuple[str, str]:
    """Give a type, and a payload as text that may be JSON."""
    kind = rng.choice(TYPES)
    if rng.random() < 0.4:
        return kind, rng.choice(TEXTS)
    fields = {"image_name": rng.choice(NAMES), "next_wake": f"20{rng.randrange(100):02}-10-07T16:48:00Z"}
    for _ in range(rng.randrange(3)):
        key = rng.choice(("image_name", "next_wake", "led", "device_id", "a\tb", "ü", "x" * 100))
        fields[key] = rng.choice(VALUES)
    text = json.dumps(fields)
    if rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = text[:at] + chr(rng.randrange(1, 300)) + text[at + 1 :]
    return kind, text
