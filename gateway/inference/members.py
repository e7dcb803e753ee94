"""Where the members of a JSON object stand in its bytes, so that one can be replaced and the rest left untouched.

Invariant: the text is legal JSON, holds each key once, and a span covers exactly the value's bytes.
"""

import re
from collections.abc import Iterable

import msgspec

from gateway.errors import Invalid

MEMBERS_MAX = 512

Span = tuple[int, int]
"""Where a value begins and where it has ended."""
Edit = tuple[int, int, bytes]
"""A span and what stands there instead; an empty span inserts."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPENING = re.compile(rb"[ \t\n\r]*\{")
_KEY = re.compile(rb'[ \t\n\r]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)
_COMMA = re.compile(rb"[ \t\n\r]*,")
_CLOSING = re.compile(rb"[ \t\n\r]*\}[ \t\n\r]*")


def members(text: bytes) -> dict[str, Span]:
    """Each key of the object, unescaped, with the span of its value. Raises Invalid where the invariant does not hold.

    msgspec reads the whole at C's speed and keeps one value a key; walking along these values shows a
    repeated key, since then the walk and the text part ways. Which of the two a server would read is
    anybody's guess, so such a text is refused.
    """
    values = _values(text)
    if len(values) > MEMBERS_MAX:
        raise Invalid(f"The object has more than {MEMBERS_MAX} members.")
    return _as_clients_write(text, values) or _as_anybody_may(text, values)


def _as_clients_write(text: bytes, values: dict[str, bytes]) -> dict[str, Span] | None:
    """The walk along a text with at most one space behind each colon and comma; None where it is written otherwise."""
    spans: dict[str, Span] = {}
    at = 1
    for key, value in values.items():
        if spans:
            at += 2 if text.startswith(b", ", at) else 1
        lead = b'"%b":' % key.encode()
        if not text.startswith(lead, at):
            return None
        start = at + len(lead)
        start += text.startswith(b" ", start)
        at = start + len(value)
        if not text.startswith(value, start):
            return None
        spans[key] = (start, at)
    return spans if text[at:] == b"}" and text.startswith(b"{") else None


def _as_anybody_may(text: bytes, values: dict[str, bytes]) -> dict[str, Span]:
    """The walk along any spacing and any spelling of keys."""
    opening = _OPENING.match(text)
    if opening is None:
        raise Invalid("The text is not a JSON object.")
    spans: dict[str, Span] = {}
    at = opening.end()
    for key, value in values.items():
        if spans:
            at = _after(_COMMA, text, at)
        start = _after(_KEY, text, at)
        at = start + len(value)
        if text[start:at] != value:
            raise _repeated()
        spans[key] = (start, at)
    if _CLOSING.fullmatch(text, at) is None:
        raise _repeated()
    return spans


def edited(text: bytes, edits: Iterable[Edit]) -> bytes:
    """The text with each edit made; they do not overlap."""
    parts: list[bytes] = []
    at = 0
    for start, end, new in sorted(edits):
        parts += (text[at:start], new)
        at = end
    parts.append(text[at:])
    return b"".join(parts)


def without(text: bytes, spans: dict[str, Span], key: str) -> Edit:
    """The edit that takes out one member of an object with others, its key and one comma with it."""
    start, end = spans[key]
    before = max((other for _, other in spans.values() if other <= start), default=None)
    if before is not None:
        return before, end, b""
    return first_place(text), text.index(b",", end) + 1, b""


def first_place(text: bytes) -> int:
    """Where a new first member would begin."""
    return text.index(b"{") + 1


def _values(text: bytes) -> dict[str, bytes]:
    try:
        if not text.isascii():
            text.decode("utf-8")
        return {key: bytes(value) for key, value in _OBJECT.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("The text is not a JSON object in UTF-8.") from None
    except RecursionError:
        raise Invalid("The JSON is nested too deeply.") from None


def _after(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    if found is None:
        raise _repeated()
    return found.end()


def _repeated() -> Invalid:
    return Invalid("A field is given twice.", next_step="Give each field once.")
