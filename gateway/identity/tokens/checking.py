"""What a token's claims must say before it is believed (RFC 7519, 4.1; RFC 9068, 4), once its signature stands. Pure.

Times are whole or broken seconds since 1970. A token is over as soon as the latest possible now has reached its `exp`:
no leeway is given there. One from a moment to come is taken for an issuer's clock that runs ahead, within LEEWAY.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from gateway.clock import DAY, SECOND, Instant, Moment
from gateway.errors import TokenInvalid

LEEWAY = 10 * SECOND
"""How far an issuer's clock may run ahead of the database's."""

LIFETIME_MAX = 1 * DAY
"""How long a token may live, where nothing else was declared."""

LIFETIME_LIMIT = 31 * DAY
"""The longest that can be declared."""

_SECONDS_MAX = 2**38
_AUDIENCES_MAX = 32

_SENDER_CONSTRAINED = (
    "This token is bound to a key of its holder (`cnf`), which this gateway cannot check: it takes neither DPoP nor "
    "mTLS-bound tokens, and does not take them for plain ones."
)


class Expected(msgspec.Struct, frozen=True):
    """What tokens of one issuer look like."""

    issuer: str
    audiences: tuple[str, ...]
    """One of these must be named."""
    kinds: frozenset[str]
    """Each a `typ` as `reading` gives it; the empty one lets a token say none."""
    lifetime_max: int = LIFETIME_MAX


class Times(msgspec.Struct, frozen=True):
    """When a token was issued, and when it ends."""

    issued_at: Instant
    expires_at: Instant


def check(kind: str, claims: dict[str, Any], expected: Expected, moment: Moment) -> Times:
    """When the token was issued and ends. Raises TokenInvalid with what is wrong, to whoever holds it."""
    if kind not in expected.kinds:
        raise TokenInvalid("The token's type (`typ`) is not that of an access token.")
    if claims.get("iss") != expected.issuer:
        raise TokenInvalid("The token's issuer is not the one whose key signed it.")
    if "cnf" in claims:
        raise TokenInvalid(_SENDER_CONSTRAINED, code="token_bound", next_step="Ask the issuer for a bearer token.")
    _check_audience(claims.get("aud"), expected.audiences)
    expires_at, issued_at = _instant(claims, "exp"), _instant(claims, "iat")
    not_before = _instant(claims, "nbf") if "nbf" in claims else issued_at
    if max(issued_at, not_before) > moment.earliest + LEEWAY:
        raise TokenInvalid("The token is not valid yet.", next_step="Check the clock of its issuer.")
    if moment.maybe_reached(expires_at):
        raise expired()
    if not 0 < expires_at - issued_at <= expected.lifetime_max:
        raise TokenInvalid("The token lives longer than tokens of its issuer may.", next_step="Ask for a shorter one.")
    return Times(issued_at, expires_at)


def expired() -> TokenInvalid:
    """What the holder of a token that is over is told."""
    return TokenInvalid("The token has expired.", code="token_expired", next_step="Get a new one from its issuer.")


def text_of(claims: dict[str, Any], name: str, most: int = 255) -> str:
    """A claim that must be one line of text. Raises TokenInvalid."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise TokenInvalid(f"The token's `{name}` is missing, or is not one line of text.")
    return value


def _check_audience(named: Any, audiences: Collection[str]) -> None:
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or len(listed) > _AUDIENCES_MAX:
        raise TokenInvalid("The token names no audience.")
    if not any(isinstance(each, str) and each in audiences for each in listed):
        raise TokenInvalid("The token is for another audience than this gateway.")


def _instant(claims: dict[str, Any], name: str) -> Instant:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _SECONDS_MAX:
        raise TokenInvalid(f"The token's `{name}` is missing, or is no time.")
    return int(value * SECOND)
