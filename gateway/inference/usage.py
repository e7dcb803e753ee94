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
    usage: msgspec.Raw = msgspec.Raw(b"null")


_WHOLE = msgspec.json.Decoder(_Whole)
_USAGE: msgspec.json.Decoder[Usage | None] = msgspec.json.Decoder(Usage | None)
_ANYTHING = msgspec.json.Decoder(msgspec.Raw)


def read_usage(answer: bytes) -> Usage | None:
    """Usage of a plain answer; None where it reports none to be believed. Raises BrokenAnswer where it is no JSON.

    The whole is read before the usage is: counts that make no sense excuse nothing behind them.
    """
    try:
        reported = _usage_in(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenAnswer("it is not JSON") from None
    try:
        return _USAGE.decode(reported)
    except msgspec.ValidationError:
        return None


def _usage_in(answer: bytes) -> msgspec.Raw:
    if not answer.isascii():
        answer.decode("utf-8")  # strings that are passed over are not looked into
    try:
        return _WHOLE.decode(answer).usage
    except msgspec.ValidationError:
        _ANYTHING.decode(answer)
        return msgspec.Raw(b"null")  # no object, but JSON
