"""A segment of the ledger, and where each term occurs in it.

A term is a field and its value, hashed to an integer: postings are small whatever anybody writes
into a field, and whoever reads them looks at the entry itself before believing that it matches.
"""

import struct
from collections.abc import Iterator
from hashlib import blake2b
from zlib import crc32

import msgspec

SEGMENT = 4096
"""Entries a segment."""

_BITMAP_BYTES = SEGMENT // 8
_SPARSE_MAX = _BITMAP_BYTES // 2 - 1
"""Positions take two bytes each; from here on a bitmap is smaller, and it alone is as long as it is."""

ID_TERM, CALL_TERM = 0, 1
"""Two postings of another form: a number for every entry, made of its id, and of the call that it is about."""

STAGES_TERM = 2**63 - 3
"""An empty posting, which says that stages have terms in this segment: in older ones they have none.

It is the last in order, and so is written once they are there.
"""

FIELDS = ("organisation", "key", "release", "event", "reason", "stage")
"""What has terms."""


class Body(msgspec.Struct, frozen=True):
    """As much of a body as can be searched for."""

    organisation: str = ""
    key: str = ""
    release: str = ""
    stage: str = ""
    endpoint: str = ""
    reasons: tuple[str, ...] = ()
    admitted: str = ""


class Line(msgspec.Struct, frozen=True):
    """As much of a line as can be searched for; what is read as this can be read as an entry."""

    v: int
    index: int
    id: str
    event: str
    at: int
    uncertainty_us: int
    process: str
    body: Body


_decoder = msgspec.json.Decoder(Line)


def searchable(line: bytes) -> Line | None:
    """What can be searched for in a stored line; None where it was tampered with and says nothing."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None


def term(field: str, value: str) -> int:
    """The term of a field's value: 63 bits, never one of the three reserved."""
    digest = blake2b(f"{field}\0{value}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 | 2


def number(id_: str) -> int:
    """A number of 32 bits for an id; ids that share one are told apart by their entries."""
    return crc32(id_.encode(errors="replace"))


class Postings:
    """Gathers the postings of one segment, entry by entry."""

    def __init__(self) -> None:
        self._positions: dict[tuple[str, str], list[int]] = {}
        self._ids = [0] * SEGMENT
        self._calls = [0] * SEGMENT

    def add(self, position: int, line: bytes) -> None:
        """Take in the entry at this position of the segment."""
        said = searchable(line)
        if said is None:
            return
        body = said.body
        self._ids[position] = own = number(said.id)
        self._calls[position] = number(body.admitted) if body.admitted else own
        note = self._note
        note("event", said.event, position)
        note("organisation", body.organisation, position)
        note("key", body.key, position)
        note("release", body.release, position)
        note("stage", body.stage, position)
        for reason in body.reasons:
            note("reason", reason, position)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Terms with their stored positions."""
        yield ID_TERM, struct.pack(f"<{SEGMENT}I", *self._ids)
        yield CALL_TERM, struct.pack(f"<{SEGMENT}I", *self._calls)
        yield STAGES_TERM, b""
        merged: dict[int, set[int]] = {}
        for (field, value), positions in self._positions.items():
            merged.setdefault(term(field, value), set()).update(positions)
        for hashed, places in merged.items():
            yield hashed, _packed(sorted(places))

    def _note(self, field: str, value: str, position: int) -> None:
        if value:
            held = self._positions.get((field, value))
            if held is None:
                self._positions[field, value] = [position]
            else:
                held.append(position)


def bitmap(stored: bytes) -> int:
    """The positions as bits of one integer."""
    if len(stored) == _BITMAP_BYTES:
        return int.from_bytes(stored, "little")
    bits = 0
    for position in struct.unpack(f"<{len(stored) // 2}H", stored):
        bits |= 1 << position
    return bits


def positions_of(bits: int) -> list[int]:
    """The positions that are set, in order."""
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


def positions_with(stored: bytes, wanted: int) -> Iterator[int]:
    """Positions at which a posting of the other form holds this number."""
    needle = struct.pack("<I", wanted)
    place = stored.find(needle)
    while place >= 0:
        if place % 4 == 0:
            yield place // 4
        place = stored.find(needle, place + 1)


def _packed(positions: list[int]) -> bytes:
    if len(positions) <= _SPARSE_MAX:
        return struct.pack(f"<{len(positions)}H", *positions)
    bits = bytearray(_BITMAP_BYTES)
    for position in positions:
        bits[position >> 3] |= 1 << (position & 7)
    return bytes(bits)
