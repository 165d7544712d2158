"""An image that lacks many chunks is asked for in portions, and no faster than its device answers."""

import pytest
from capture_lab import DELAY, NOW, REF, describe, metadata, put, review
from store_lab import StoreLab

from core.store.scripts import NACK_AT_MOST

TOTAL = 2 * NACK_AT_MOST + 7


@pytest.fixture
def store(client):
    return StoreLab(client)


def test_a_large_image_comes_in_portions(store):
    describe(store, metadata(total=TOTAL))
    asked, now = [], NOW
    for _ in range(6):
        now += DELAY
        found = review(store, now)
        assert (found.action, len(found.missing) <= NACK_AT_MOST) == ("nack", True)
        asked.append(found.missing)
        now += 1
        status = put(store, *found.missing[:400], now=now, data=b"%d").status
        if status == "complete":
            break
    assert status == "complete"
    assert sorted({number for portion in asked for number in portion}) == list(range(TOTAL))


def test_a_device_that_does_not_answer_is_asked_as_often_as_any_other(store):
    """Metadata that claims very many chunks brings out no more than a few short messages."""
    describe(store, metadata(total=16_384))
    found = [review(store, NOW + number * DELAY) for number in range(1, 9)]
    assert [each.action for each in found] == ["nack"] * 3 + ["wait"] * 5
    assert {len(each.missing) for each in found if each.action == "nack"} == {NACK_AT_MOST}
    assert store.captures.get(REF).nacks == 3


def test_one_that_answers_is_asked_until_its_portions_are_through(store):
    describe(store, metadata(total=TOTAL))
    actions, now = [], NOW
    for number in range(8):
        now += DELAY
        actions.append(review(store, now).action)
        now += 1
        put(store, number, now=now, data=b"%d")
    assert actions == ["nack"] * 5 + ["wait"] * 3
