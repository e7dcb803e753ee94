"""Tokens as an upstream counted them: believed where they are plain, bounded numbers, and not otherwise."""

from typing import Annotated

import msgspec

from gateway.inference.connector.faults import BrokenAnswer

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class Usage(msgspec.Struct, frozen=True):
    """What one answer cost."""

    prompt_tokens: _Count
    completion_tokens: _Count = 0
    """Absent where nothing is generated, as with embeddings."""


class _Whole(msgspec.Struct, frozen=True):
    usage: Usage | None = None


_WHOLE = msgspec.json.Decoder(_Whole)


def read_usage(answer: bytes) -> Usage | None:
    """Usage of a plain answer; None where it reports none to be believed. Raises BrokenAnswer where it is no JSON."""
    try:
        return _WHOLE.decode(answer).usage
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenAnswer("it is not JSON") from None
