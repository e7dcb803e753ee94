"""A sign-in under way, as the browser that began it keeps it: sealed, so that it is this gateway's own word."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from gateway.clock import MINUTE, Instant, Moment
from gateway.errors import Invalid, Unauthenticated
from gateway.identity.peppers import Peppers

LIFETIME = 10 * MINUTE
"""How long somebody may take to sign in."""


class Pending(msgspec.Struct, frozen=True):
    """A sign-in under way, as its browser keeps it."""

    provider: str
    state: str
    nonce: str
    verifier: str
    return_path: str
    begun_at: Instant
    fresh: bool

    def __repr__(self) -> str:
        return f"Pending({self.provider})"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Pending).decode


def sealed(peppers: Peppers, pending: Pending) -> str:
    """What the browser is to keep."""
    return peppers.seal(urlsafe_b64encode(_encode(pending)).decode().rstrip("="))


def unsealed(peppers: Peppers, kept: str, now: Moment) -> Pending:
    """The sign-in that a browser kept. Raises Invalid for what this gateway never gave, Unauthenticated when over."""
    content = peppers.unsealed(kept) or ""
    try:
        pending = _decode(urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    except (ValueError, msgspec.MsgspecError):
        raise not_begun_here() from None
    if now.maybe_reached(pending.begun_at + LIFETIME):
        raise Unauthenticated("This sign-in took too long.", code="sign_in_expired", next_step="Sign in again.")
    return pending


def not_begun_here() -> Invalid:
    """What somebody is told who comes back to another browser, or after another beginning."""
    return Invalid(
        "This sign-in was not begun in this browser, or was followed by another.",
        code="sign_in_unknown",
        next_step="Sign in again: `/control/session/start`.",
    )
