"""Names of files that are made of what tenants write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.names import safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("North bed", "North bed"), ("Gewächshaus 2", "Gewächshaus 2"), ("日本", "日本"), ("", "_"), ("..", "_"),
        (".hidden", "hidden"), ("../../etc/passwd", "_.._etc_passwd"), ("a/b\\c:d", "a_b_c_d"), ("end. ", "end"),
        ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("com1 .x", "_com1 .x"), ("console", "console"), ("com12", "com12"),
        ("a\x00b\nc\u202ed", "a_b_c_d"), ("ü" * 200, "ü" * 40), ("u\u0308", "ü"),
    ],
)  # fmt: skip
def test_names(text, name):
    assert safe_name(text) == name


@given(st.text(max_size=300))
def test_any_text_becomes_a_name_that_stays_where_it_is(text):
    name = safe_name(text)
    assert name.isprintable() and 0 < len(name.encode()) <= 81
    assert not set('\\/:*?"<>|') & set(name)
    assert name not in (".", "..") and name == name.strip(". ")
    assert safe_name(name) in (name, f"_{name}"), "again it is the same"
