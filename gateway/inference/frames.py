"""Server-sent events as they pass: whole frames only, with the usage read and its frame kept back where unasked.

Invariant: what passes is the input up to and with `[DONE]`, in order and untouched, minus the usage frame
where it is withheld, however the input was cut into pieces. A `"usage": null` that a server writes into
every frame because it was asked for usage passes: clients read it as absent.
"""

import re

import msgspec

from gateway.inference.usage import Usage

FRAME_BYTES_MAX = 64 * 1024
"""A frame beyond this is no usage frame: it passes unread, piece by piece."""

NO_TOKENS = 2
"""Frames in a stream with no token in them: the one that names the role, and the one that says why it ended."""

_END = re.compile(rb"\r?\n\r?\n")
_NO_CHOICES = re.compile(rb"\[[ \t\r\n]*\]")
_LINE = re.compile(rb"\r?\n")


class _Frame(msgspec.Struct, frozen=True):
    choices: msgspec.Raw = msgspec.Raw(b"null")
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


_FRAME = msgspec.json.Decoder(_Frame)
_USAGE = msgspec.json.Decoder(Usage)


class Frames:
    """The frames of one stream. Feed pieces as they come; each call says what may pass on."""

    __slots__ = ("_held", "_oversized", "_seen", "_withhold", "done", "erred", "usage", "usage_is_final")

    def __init__(self, *, withhold_usage: bool) -> None:
        self._withhold = withhold_usage
        self._held = b""
        self._oversized = False
        self._seen = 0
        """Frames of content that passed, or fewer: those that came together count once, where they pass unread."""
        self.usage: Usage | None = None
        """As last reported, unless more of the answer has come since."""
        self.usage_is_final = False
        """Whether it was reported for the whole answer, in a frame of its own."""
        self.done = False
        """Whether `[DONE]` has passed. Nothing passes after it."""
        self.erred = False
        """Whether the upstream reported an error inside the stream."""

    def feed(self, piece: bytes) -> bytes:
        """What of everything so far may pass on now."""
        return piece if self.passes_whole(piece) else self._feed_slowly(piece)

    def passes_whole(self, piece: bytes) -> bool:
        """Whether the piece is whole frames with nothing in them to read: then it may pass, and is done with.
        Otherwise nothing has happened, and it must be fed."""
        if (
            not piece.endswith(b"}\n\n")
            or self._held
            or self._oversized
            or self.done
            or self.usage is not None
            or b"[DONE]" in piece
            or b'"error"' in piece
            or (b'"usage"' in piece and piece.count(b'"usage"') != piece.count(b'"usage":null'))
        ):
            return False
        self._seen += 1
        return True

    def rest(self) -> bytes:
        """What is held when the stream ends without the frame's end; it passes as it is."""
        held, self._held = self._held, b""
        return b"" if self.done else held

    @property
    def tokens_min(self) -> int:
        """How many tokens of output there were at least: a frame has one or more, but for those that open and close."""
        return max(0, self._seen - NO_TOKENS)

    @property
    def at_boundary(self) -> bool:
        """Whether what has passed ends with a whole frame, so that another may follow."""
        return not self._oversized

    def _feed_slowly(self, piece: bytes) -> bytes:
        passing: list[bytes] = []
        text = self._held + piece
        # The end of a frame may straddle two pieces, which two bytes of the one before show.
        at, look = 0, max(0, len(self._held) - 2)
        while not self.done and (end := _END.search(text, look)) is not None:
            frame = text[at : end.end()]
            at = look = end.end()
            if self._oversized or len(frame) > FRAME_BYTES_MAX:
                self._forget()
                passing.append(frame)
            elif self._passes(frame):
                passing.append(frame)
            self._oversized = False
        self._held = b"" if self.done else text[at:]
        if self._oversized or len(self._held) > FRAME_BYTES_MAX:
            passing.append(self._release())
        return b"".join(passing)

    def _release(self) -> bytes:
        """Let go of a frame too long to hold, but for what may be the beginning of its end."""
        self._oversized = True
        kept = len(self._held) - len(self._held.rstrip(b"\r\n"))
        kept = min(kept, 3)
        released = self._held[: len(self._held) - kept]
        self._held = self._held[len(released) :]
        return released

    def _passes(self, frame: bytes) -> bool:
        """Read one whole frame; False where it is to be kept back."""
        if b"[DONE]" in frame and _content(frame) == b"[DONE]":
            self.done = True
            return True
        if self.usage is None and b'"usage"' not in frame and b'"error"' not in frame:
            self._seen += b'"choices"' in frame
            return True
        content = _content(frame)
        try:
            read = _FRAME.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if content:
                self._forget()
            return True
        self.erred = self.erred or bytes(read.error) != b"null"
        alone = _NO_CHOICES.fullmatch(read.choices) is not None
        if bytes(read.usage) == b"null":
            if not alone and bytes(read.choices) != b"null":
                self._forget()
            return True
        try:
            self.usage = _USAGE.decode(read.usage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Counts that cannot be believed are no report; what was reported before is out of date too.
            self.usage = None
        self.usage_is_final = alone and self.usage is not None
        return not (self._withhold and alone)

    def _forget(self) -> None:
        """What was reported is not the cost of the whole: more of the answer has come."""
        self.usage, self.usage_is_final = None, False


def _content(frame: bytes) -> bytes:
    """The event's data: its `data:` lines without their names, joined."""
    lines = [line[5:].removeprefix(b" ") for line in _LINE.split(frame) if line.startswith(b"data:")]
    return b"\n".join(lines)
