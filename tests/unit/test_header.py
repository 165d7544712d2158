"""The header of a JPEG, marker by marker, as table B.1 of ITU-T T.81 lists them."""

import pytest

from core.errors import CaptureRejected, ErrorCode
from tasks.stations.header import Header, read_header

SOI, EOI, SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"

SEQUENTIAL = (0xC0, 0xC1, 0xC3, 0xC5, 0xC7, 0xC9, 0xCB, 0xCD, 0xCF)
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
WITHOUT_LENGTH = (0x00, 0x01, *(0xD0 + number for number in range(8)), 0xD8)
ENDS = (0xD9, 0xDA)
SEGMENTS = sorted(set(range(0xFF)) - {*SEQUENTIAL, *PROGRESSIVE, *WITHOUT_LENGTH, *ENDS})


def segment(marker, body):
    return bytes([0xFF, marker]) + (2 + len(body)).to_bytes(2, "big") + body


def frame(marker=0xC0, width=640, height=480):
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return segment(marker, b"\x08" + size + b"\x01\x01\x11\x00")


def refused(data):
    with pytest.raises(CaptureRejected) as caught:
        read_header(data)
    assert caught.value.code == ErrorCode.NOT_A_JPEG
    return caught.value


@pytest.mark.parametrize("marker", [*SEQUENTIAL, *PROGRESSIVE])
def test_every_kind_of_frame_tells_the_size_and_whether_one_scan_has_all_of_it(marker):
    assert read_header(SOI + frame(marker) + SCAN) == Header(640, 480, marker in (0xC0, 0xC1))


def test_an_image_with_a_scan_for_each_component_is_not_sequential():
    three = segment(0xC0, b"\x08\x01\xe0\x02\x80\x03" + bytes(9))
    assert read_header(SOI + three + SCAN) == Header(640, 480, sequential=False)
    all_of_it = segment(0xDA, b"\x03" + bytes(9))
    assert read_header(SOI + three + all_of_it) == Header(640, 480, sequential=True)


@pytest.mark.parametrize("marker", SEGMENTS)
def test_a_segment_is_passed_over_whatever_it_holds(marker):
    passed = segment(marker, EOI + frame(width=9000, height=9000) + SCAN + bytes(300))
    assert read_header(SOI + passed + frame() + SCAN) == Header(640, 480, sequential=True)
    refused(SOI + passed + SCAN)


@pytest.mark.parametrize("marker", WITHOUT_LENGTH)
def test_a_marker_without_a_length_hides_nothing(marker):
    assert read_header(SOI + bytes([0xFF, marker]) + frame() + SCAN) == Header(640, 480, sequential=True)


def test_bytes_between_segments_and_fill_bytes_are_passed_over():
    fill = b"\0made by a camera" + b"\xff" * 9
    assert read_header(SOI + fill + frame() + fill + SCAN) == Header(640, 480, sequential=True)


@pytest.mark.parametrize(
    "data",
    [
        SOI + frame() + EOI + b"\0\2" + SCAN,
        SOI + SCAN + frame() + SCAN,
        SOI + frame(),
        SOI + b"\xff" * 1_000_000,
        frame() + SCAN,
        *((SOI + frame() + SCAN)[:length] for length in range(len(SOI + frame()) + 1)),
    ],
)
def test_a_header_that_leads_to_no_scan_of_its_frame_is_refused(data):
    assert refused(data).details["bytes"] == len(data)


@pytest.mark.parametrize("one", [b"\xff\x00", segment(0xFE, b""), b"\xff\xfe\0\0"])
def test_a_header_may_have_some_markers_and_not_millions(one):
    assert read_header(SOI + one * 9_000 + frame() + SCAN) == Header(640, 480, sequential=True)
    assert "markers" in str(refused(SOI + one * 10_000 + frame() + SCAN))


def test_as_many_pixels_as_are_allowed_are_taken():
    data = SOI + frame(width=3000, height=2000) + SCAN
    assert read_header(data) == read_header(data, 6_000_000) == Header(3000, 2000, sequential=True)
    with pytest.raises(CaptureRejected):
        read_header(data, 5_999_999)


@pytest.mark.parametrize(("width", "height"), [(0, 480), (640, 0), (0, 0), (3000, 2001), (65_535, 65_535)])
def test_no_pixels_or_too_many_are_refused(width, height):
    data = SOI + frame(width=width, height=height) + SCAN
    assert refused(data).details == {"bytes": len(data), "width": width, "height": height}
