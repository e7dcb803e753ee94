"""The particulars of one call: what obligations are checked against."""

import time
from random import getrandbits

import msgspec

from gateway.access.decisions import Obligations
from gateway.access.reasons import Reason
from gateway.releases.components import Component

OUTPUT_TOKENS_DEFAULT = 4096
"""What a call is taken to ask for where tokens are limited, the strategy sets no most, and the caller named none."""

DAY_SHARE = 4
"""Such a call is given no more than this part of the day's tokens for each answer: a small limit still answers some."""


def new_request_id() -> str:
    """A UUID of version 7 (RFC 9562): unique for ever, sorted by time, taken by every server as an id.

    It is `x-request-id` for the caller and for the upstream, and the ledger's id of the call. It is no
    secret, so it need not be unpredictable: asking the kernel for each would let go of the
    interpreter's lock in the middle of every call.
    """
    digits = f"{(time.time_ns() // 1_000_000 << 80) | 0x7000_8000_0000_0000_0000 | _random_bits():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _random_bits() -> int:
    """74 bits, in the places of a UUID that neither time nor version nor variant takes."""
    bits = getrandbits(74)
    return (bits >> 62 << 64) | (bits & (1 << 62) - 1)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as the gate sees it: sizes and parameters, never text."""

    request_id: str
    endpoint: str
    """The route as declared, never a raw path."""
    draws_on: tuple[Component, ...] = ()
    """Components it asks for beside the one it is admitted for, such as inference.logprobs."""
    bytes_in: int = 0
    tokens_in_max: int | None = 0
    """An upper bound of input tokens; None where there is none, as for a picture behind an address."""
    answers: int = 1
    """How many answers it asks for (`n`, `best_of`); tokens multiply by it."""
    output_tokens: int | None = None
    """The most it asks for in each answer; None where it leaves that open."""
    output_field: str = "max_tokens"
    """How it says so, or would."""
    content_field: str = "messages"
    """Where it says what the model is given."""
    generates: bool = True
    """Whether it asks for output tokens at all; embeddings do not."""
    stream: bool = False
    end_user: str = ""
    content: bytes = b""
    """The request as it came, only to be committed to where the use asks for that; it is never kept."""


class Breach(msgspec.Struct, frozen=True):
    """A particular that the obligations do not allow."""

    reason: Reason
    param: str
    message: str
    next_step: str = ""
    """What to do about this very one; empty where the reason says it."""


class Terms(msgspec.Struct, frozen=True):
    """What an admitted call runs under, worked out from obligations and particulars."""

    tokens_reserved: int
    output_tokens_imposed: int | None
    """The most of each answer, to be written into the request; None where nothing bounds it but the caller."""


def bind(call: Call, obligations: Obligations) -> Terms | Breach:
    """Hold one call's particulars against what its use must keep."""
    for component in call.draws_on:
        if component not in obligations.components:
            return Breach(Reason.COMPONENT_NOT_OFFERED, component, f"The stage now open does not offer `{component}`.")
    most = obligations.max_output_tokens
    if call.output_tokens is not None and most is not None and call.output_tokens > most:
        return Breach(
            Reason.PARAMETER_NOT_ALLOWED,
            call.output_field,
            f"`{call.output_field}` is {call.output_tokens}, and your access allows at most {most}.",
            f"Lower `{call.output_field}`, or leave it out.",
        )
    imposed = None
    if call.generates and (most is not None or obligations.tokens_per_day is not None):
        # The caller's own bound too: it may stand under a name that the upstream does not read.
        imposed = call.output_tokens or _imposed(obligations)
    reserved = 0
    if obligations.tokens_per_day is not None:
        if call.tokens_in_max is None:
            return Breach(
                Reason.PARAMETER_NOT_ALLOWED,
                call.content_field,
                f"`{call.content_field}` holds more than text, such as an image: your tokens are limited here, and what"
                " that comes to is known only afterwards.",
                "Send text alone.",
            )
        reserved = call.tokens_in_max + call.answers * (imposed or 0)
    return Terms(reserved, imposed)


def _imposed(obligations: Obligations) -> int | None:
    """The bound on the output of a call that names none; None where nothing has to bound it."""
    most, a_day = obligations.max_output_tokens, obligations.tokens_per_day
    if a_day is None:
        return most
    return max(1, min(OUTPUT_TOKENS_DEFAULT if most is None else most, a_day // DAY_SHARE))
