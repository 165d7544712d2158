"""A JPEG of which only the first bytes came: its top stays exactly as it is, and what is missing is hatched.

Nothing is decoded to pixels and encoded anew. The Huffman codes of the scan (ITU-T T.81, F.2.2) are walked
through up to the last MCU, a unit of some 16 × 8 px, that is there with all its bits. Its bits and those
before it stay; behind them come the codes of MCUs that have one shade each. So the picture that is made is an
ordinary JPEG of full size, and any decoder shows the same pixels as in the whole picture.

Pure, and without an import of ours: the process that decodes uses it (tasks/decoder.py), whose time is
bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_SOF: Final = (0xC0, 0xC1)
_OTHER_FRAMES: Final = frozenset(range(0xC2, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DHT, _SOS, _DQT, _DRI, _EOI = 0xC4, 0xDA, 0xDB, 0xDD, 0xD9
_MARKER: Final = re.compile(rb"\xff([^\xff])")
# What ends a scan: any marker, and the first half of one.
_END_OF_SCAN: Final = re.compile(rb"\xff(?:[^\x00]|$)", re.DOTALL)
_COEFFICIENTS: Final = 64
# What an end of block skips: more than any run of zeros in a block that is right.
_END_OF_BLOCK: Final = 128
_CODE_BITS: Final = 16
# The two shades of the hatching (luma, 0 to 255), and how many of its stripes a side has room for.
_SHADES: Final = (112, 176)
_STRIPES: Final = 24


class Hatched(NamedTuple):
    """A JPEG of full size whose first `rows` rows of pixels are exact, and whose rest is hatched."""

    image: bytes
    rows: int


class Unusable(ValueError):
    """Nothing can be shown of these bytes; the message says why."""


def hatch(prefix: bytes) -> Hatched:
    """Complete the first bytes of a JPEG that has one sequential scan, as cameras send it.

    Raises Unusable if not even the first row of MCUs is there, or if the format has something that no camera
    of the fleet writes: restart markers, or Huffman tables without the codes that the hatching needs.
    """
    head = _Head.read(prefix)
    end = _END_OF_SCAN.search(prefix, head.scan)
    data = prefix[head.scan : end.start() if end else len(prefix)].replace(b"\xff\x00", b"\xff")
    came = _walk(head, data)
    rows = came.mcus // head.across * head.mcu_height
    if rows == 0:
        raise Unusable("less than its first row of blocks came")
    # Where the colours have fewer rows than the pixels, the last row is mixed with the colours below it.
    if rows < head.height and head.mixes_rows:
        rows -= 1
    first, left = divmod(came.bits, 8)
    begun = f"{data[first]:08b}"[:left] if left else ""
    bits = begun + "".join(_stripes(head, came))
    bits += "1" * (-len(bits) % 8)
    scan = data[:first] + int(bits or "0", 2).to_bytes(len(bits) // 8, "big")
    image = prefix[: head.scan] + scan.replace(b"\xff", b"\xff\x00") + b"\xff\xd9"
    return Hatched(image, min(rows, head.height))


@dataclass
class _Codes:
    """A Huffman table. `steps` says of each 16 bits that may come next how many to take, and what they mean.

    An entry is `bits << 8 | value`, with the bits of the code and of the number behind it; 0 is no code. The
    value is the length of the number (DC), or by how many coefficients a block goes on (AC). `words` has the
    code of each symbol in digits of 0 and 1.
    """

    steps: list[int]
    words: dict[int, str]

    @classmethod
    def read(cls, counts: bytes, symbols: bytes, *, is_dc: bool) -> "_Codes":
        steps, words, code, at = [0] * 2**_CODE_BITS, dict[int, str](), 0, 0
        for length, count in enumerate(counts, 1):
            for symbol in symbols[at : at + count]:
                if code >= 1 << length:
                    raise Unusable("its Huffman codes are too many")
                span = 1 << (_CODE_BITS - length)
                step = (length + (symbol & 15)) << 8 | (symbol if is_dc else _skips(symbol))
                steps[code * span : (code + 1) * span] = [step] * span
                words[symbol] = f"{code:0{length}b}"
                code += 1
            at += count
            code <<= 1
        return cls(steps, words)


def _skips(symbol: int) -> int:
    zeros, size = symbol >> 4, symbol & 15
    return zeros + 1 if size or zeros == 15 else _END_OF_BLOCK


class _Component(NamedTuple):
    """One colour of the image: its blocks across and down in an MCU, the divisor of their means, codes."""

    across: int
    down: int
    divisor: int
    dc: _Codes
    ac: _Codes


@dataclass
class _Head:
    """What stands before the scan, which begins at byte `scan`; sizes in px, `across` and `down` in MCUs."""

    scan: int
    width: int
    height: int
    components: list[_Component]

    @classmethod
    def read(cls, prefix: bytes) -> "_Head":
        divisors: dict[int, int] = {}
        codes: dict[int, _Codes] = {}
        size, frame = (0, 0), dict[int, bytes]()
        for marker, body, end in _segments(prefix):
            if marker == _DQT:
                divisors |= _divisors(body)
            elif marker == _DHT:
                codes |= _tables(body)
            elif marker == _DRI and any(body[:2]):
                raise Unusable("it has restart markers")
            elif marker in _SOF:
                if body[:1] != b"\x08":
                    raise Unusable("its samples have no 8 bits")
                size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
                frame = {body[at]: body[at + 1 : at + 3] for at in range(6, len(body) - 2, 3)}
            elif marker in _OTHER_FRAMES:
                raise Unusable("it is not sequential")
            elif marker == _SOS:
                return cls(end, *size, _in_scan(body, frame, divisors, codes))
        raise Unusable("its scan has not begun")

    def __post_init__(self) -> None:
        if not (self.width and self.height):
            raise Unusable("it has no size")
        most = max(c.across for c in self.components), max(c.down for c in self.components)
        self.mcu_width, self.mcu_height = 8 * most[0], 8 * most[1]
        self.across, self.down = -(-self.width // self.mcu_width), -(-self.height // self.mcu_height)
        self.mixes_rows = any(c.down < most[1] for c in self.components)


def _segments(prefix: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, contents and end of each segment that is there as a whole, up to the first scan."""
    at = 2
    while found := _MARKER.search(prefix, at):
        marker, at = found[1][0], found.end()
        if marker in (0x00, 0x01) or 0xD0 <= marker <= _EOI:
            continue
        end = at + int.from_bytes(prefix[at : at + 2], "big")
        if end > len(prefix):
            return
        yield marker, prefix[at + 2 : end], end
        at = end


def _divisors(body: bytes) -> dict[int, int]:
    found, at = dict[int, int](), 0
    while at < len(body):
        wide = 2 if body[at] >> 4 else 1
        found[body[at] & 15] = int.from_bytes(body[at + 1 : at + 1 + wide], "big")
        at += 1 + _COEFFICIENTS * wide
    return found


def _tables(body: bytes) -> dict[int, _Codes]:
    found, at = dict[int, _Codes](), 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        end = at + 17 + sum(counts)
        found[body[at]] = _Codes.read(counts, body[at + 17 : end], is_dc=body[at] < 16)
        at = end
    return found


def _in_scan(
    body: bytes, frame: dict[int, bytes], divisors: dict[int, int], codes: dict[int, _Codes]
) -> list[_Component]:
    """Return the components in the order of the scan; `frame` has the factors and the divisor of each."""
    found = []
    try:
        for at in range(1, 1 + 2 * body[0], 2):
            factors, divisor = frame[body[at]]
            dc, ac = codes[body[at + 1] >> 4], codes[16 | body[at + 1] & 15]
            # Of one component alone an MCU is a block, whatever its factors are.
            across, down = (factors >> 4, factors & 15) if len(frame) > 1 else (1, 1)
            found.append(_Component(across, down, divisors[divisor], dc, ac))
    except LookupError as error:
        raise Unusable("a table of it is missing") from error
    if not found or len(found) != len(frame):
        raise Unusable("it has several scans")
    if not all(c.across and c.down and c.divisor for c in found):
        raise Unusable("a factor or a divisor is 0")
    return found


class _Came(NamedTuple):
    """How many MCUs came, the bits that they take, and the last mean of each component."""

    mcus: int
    bits: int
    means: list[int]


def _walk(head: _Head, data: bytes) -> _Came:
    """Go through the codes of a scan up to the last MCU that is there with all its bits and makes sense."""
    blocks = [
        (number, component.dc.steps, component.ac.steps)
        for number, component in enumerate(head.components)
        for _ in range(component.across * component.down)
    ]
    bits, data = len(data) * 8, data + bytes(8)
    at, means = 0, [0] * len(head.components)
    came = _Came(0, 0, [*means])
    for mcu in range(1, head.across * head.down + 1):
        for component, dc, ac in blocks:
            if at >= bits:
                return came
            step = dc[int.from_bytes(data[at >> 3 : (at >> 3) + 3], "big") >> (8 - (at & 7)) & 0xFFFF]
            at += step >> 8
            if size := step & 0xFF:
                if size > 11:
                    return came
                window = int.from_bytes(data[(at - size) >> 3 : ((at - size) >> 3) + 4], "big")
                number = window >> (32 - size - ((at - size) & 7)) & ((1 << size) - 1)
                means[component] += number if number >> (size - 1) else number - (1 << size) + 1
            elif not step:
                return came
            place = 1
            while place < _COEFFICIENTS:
                step = ac[int.from_bytes(data[at >> 3 : (at >> 3) + 3], "big") >> (8 - (at & 7)) & 0xFFFF]
                # What is beyond the data reads as no code, or as zeros: at most one block of them.
                if not step:
                    return came
                at += step >> 8
                place += step & 0xFF
            if _COEFFICIENTS < place < _END_OF_BLOCK:
                return came
        if at > bits:
            return came
        came = _Came(mcu, at, [*means])
    return came


def _stripes(head: _Head, came: _Came) -> Iterator[str]:
    """Yield the bits of the MCUs that are missing, in digits of 0 and 1."""
    width = max(head.width, head.height) // _STRIPES + 1
    shades = [round((shade - 128) * 8 / head.components[0].divisor) for shade in _SHADES]
    means = came.means
    known: dict[tuple[int, int], str] = {}
    for mcu in range(came.mcus, head.across * head.down):
        down, across = divmod(mcu, head.across)
        shade = shades[(across * head.mcu_width + down * head.mcu_height) // width % 2]
        if mcu == came.mcus:
            yield _flat(head, means, shade)
        else:
            key = means[0], shade
            if key not in known:
                known[key] = _flat(head, means, shade)
            yield known[key]
        means = [shade, *[0] * (len(means) - 1)]


def _flat(head: _Head, means: list[int], shade: int) -> str:
    """Return the bits of an MCU of one shade; `means` are those of the MCU before."""
    bits = []
    try:
        for number, component in enumerate(head.components):
            end = component.ac.words[0]
            change = (shade if number == 0 else 0) - means[number]
            size = abs(change).bit_length()
            word = component.dc.words[size]
            if size:
                word += f"{change if change > 0 else change + (1 << size) - 1:0{size}b}"
            more = component.across * component.down - 1
            bits.append(word + end + (component.dc.words[0] + end) * more if more else word + end)
    except LookupError as error:
        raise Unusable("its Huffman tables have no codes for the hatching") from error
    return "".join(bits)
