"""The file of a recording: what is written is read again, and a damaged file is told in one line."""

import gzip
import stat
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operate.field.recording import LONGEST_MS, Recorded, Recording, RecordingError, new_recording

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
MESSAGES = st.lists(
    st.builds(
        Recorded,
        st.integers(0, LONGEST_MS), st.text(max_size=40).filter(str.isprintable), st.binary(max_size=200),
        st.integers(0, 2), st.booleans(),
    ),
    max_size=20,
)  # fmt: skip


def write(path, *messages):
    with new_recording(path, BEGAN) as recording:
        for message in messages:
            recording.add(message)
    return path


@pytest.fixture(params=["field.jsonl", "field.jsonl.gz"])
def path(tmp_path, request):
    return tmp_path / request.param


@given(messages=MESSAGES)
@pytest.mark.parametrize("name", ["field.jsonl", "field.jsonl.gz"])
def test_what_is_written_is_read_again(tmp_path_factory, name, messages):
    recording = Recording(write(tmp_path_factory.mktemp("recording") / name, *messages))
    assert (recording.began_at, list(recording)) == (BEGAN, messages)
    assert list(recording) == messages  # a second time too
    assert not recording.cut_off


def test_its_owner_alone_may_read_it(path):
    assert stat.S_IMODE(write(path).stat().st_mode) == 0o600


def test_nothing_is_overwritten(path):
    write(path)
    with pytest.raises(FileExistsError):
        write(path)


@pytest.mark.parametrize("lost", [1, 3, 20])
def test_one_whose_process_was_killed_is_read_as_far_as_it_goes(path, lost):
    messages = [Recorded(number, "ESP32CAM/A/data", bytes([number]) * 50) for number in range(9)]
    write(path, *messages)
    path.write_bytes(path.read_bytes()[:-lost])
    recording = Recording(path)
    read = list(recording)
    assert recording.cut_off
    assert read == messages[: len(read)]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b"[1]\n", b"no JSON\n", b'{"recording": 1, "began_at": 7}\n', b"\x00" * 99,
     b'{"recording": 1, "began_at": "2026-11-27T12:00:00"}\n', b'{"recording": 1, "began_at": "9999-11-27T12:00:00+00:00"}\n'],
)  # fmt: skip
def test_what_is_no_recording_is_told(tmp_path, content):
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="is no recording"):
        Recording(path)


def test_one_of_a_later_form_is_told(tmp_path):
    path = tmp_path / "later.jsonl"
    path.write_text('{"recording": 2, "began_at": "2030-01-01T00:00:00+00:00"}\n')
    with pytest.raises(RecordingError, match="form 2"):
        Recording(path)


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[]", b"null", b"x", b'{"ms":"1","topic":"t","qos":1,"retain":false,"text":""}',
     b'{"ms":1,"topic":"t","qos":1,"retain":false,"base64":"?"}', b'{"ms":1,"topic":"t","qos":1,"retain":0,"text":""}',
     b'{"ms":1,"topic":"t","qos":1,"retain":false,"text":5}', b'{"ms":-1,"topic":"t","qos":1,"retain":false,"text":""}',
     b'{"ms":9999999999999,"topic":"t","qos":1,"retain":false,"text":""}',
     b'{"ms":1,"topic":"t","qos":3,"retain":false,"text":""}'],
)  # fmt: skip
def test_a_damaged_line_is_named(path, line):
    write(path, Recorded(1, "t", b"x"))
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "ab") as file:
        file.write(line + b"\n")
    with pytest.raises(RecordingError, match="line 3: not a message"):
        list(Recording(path))


def test_no_file_and_no_gzip_are_told(tmp_path):
    with pytest.raises(RecordingError, match="No such file"):
        Recording(tmp_path / "none.jsonl")
    path = tmp_path / "plain.gz"
    path.write_text("plain text")
    with pytest.raises(RecordingError, match=r"plain\.gz"):
        Recording(path)
