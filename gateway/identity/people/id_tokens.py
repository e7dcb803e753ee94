"""An ID token as it comes back for a code (OpenID Connect Core 1.0, 3.1.3.7): verified, checked, and then its claims.

The signature is verified as every token's is: by a key of the declared provider, and an algorithm of that key. What is
particular to ID tokens (`nonce`, `azp`, `at_hash`) is checked by Authlib, and by it alone nothing is believed.
"""

from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken

from gateway.clock import SECOND, Instant, Moment
from gateway.errors import GatewayError, Unauthenticated
from gateway.identity.people.code_flow import TEXT_MAX, Tokens, refused
from gateway.identity.people.providers import Provider
from gateway.identity.tokens.checking import LEEWAY, Expected, check, text_of
from gateway.identity.tokens.fetching import Address, Unfetched, fetch_object
from gateway.identity.tokens.reading import read
from gateway.identity.tokens.verifying import verify

_KINDS = frozenset({"", "jwt"})
NEVER_KNOWN: Instant = 0
"""When somebody last proved themself, where their provider does not say."""


class Asked(msgspec.Struct, frozen=True):
    """What a sign-in asked for, which the ID token must answer."""

    nonce: str
    begun_at: Instant
    max_age: int
    """How long ago they may have proved themself, in microseconds."""
    fresh: bool
    """Whether the person was to prove themself anew, however lately they had."""


class Claimed(msgspec.Struct, frozen=True):
    """Who a provider says that somebody is."""

    subject: str
    signed_in_at: Instant
    """`auth_time`, never later than now; NEVER_KNOWN where it says none."""
    claims: dict[str, Any]


async def claims_of(provider: Provider, tokens: Tokens, asked: Asked, moment: Moment) -> Claimed:
    """What the provider claims of whoever came back. Raises Unauthenticated for a token that is not to be believed."""
    try:
        claims = _verified(provider, tokens, asked, moment)
        subject = text_of(claims, "sub")
    except GatewayError as error:
        raise refused(error.message) from None
    except Exception as error:  # Authlib's and joserfc's own: nobody is let in on a guess
        raise refused(type(error).__name__) from None
    signed_in_at = _signed_in_at(claims, asked, moment)
    if provider.asks_userinfo:
        claims = {**await _userinfo(provider, tokens, subject), **claims}
    return Claimed(subject, signed_in_at, claims)


def _verified(provider: Provider, tokens: Tokens, asked: Asked, moment: Moment) -> dict[str, Any]:
    unverified = read(tokens.id_token, TEXT_MAX)
    key = provider.key(unverified.key_id, moment)
    if key is None:
        raise refused("unknown_key")
    verify(unverified.text, unverified.algorithm, key)
    check(unverified.kind, unverified.claims, Expected(provider.issuer, (provider.client_id,), _KINDS), moment)
    params = {"nonce": asked.nonce, "client_id": provider.client_id, "access_token": tokens.access_token}
    token = CodeIDToken(unverified.claims, {"alg": unverified.algorithm}, params=params)
    token.validate(now=moment.earliest // SECOND, leeway=LEEWAY // SECOND)
    return unverified.claims


def _signed_in_at(claims: dict[str, Any], asked: Asked, moment: Moment) -> Instant:
    """When they proved themself. Raises Unauthenticated where that was to be now, and was not."""
    said = claims.get("auth_time")
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < 2**38:
        at = NEVER_KNOWN
    else:
        at = min(int(said * SECOND), moment.latest)
    if asked.fresh and at < asked.begun_at - LEEWAY:
        raise Unauthenticated(
            "Your identity provider did not ask you to prove yourself anew.",
            code="sign_in_not_fresh",
            next_step="Sign out at the provider, then sign in again; or ask its keepers for `max_age` and `auth_time`.",
        )
    if at != NEVER_KNOWN and at < moment.earliest - asked.max_age - LEEWAY:
        raise refused("signed_in_too_long_ago")
    return at


async def _userinfo(provider: Provider, tokens: Tokens, subject: str) -> dict[str, Any]:
    """More claims. They are this person's or nobody's (OpenID Connect Core 1.0, 5.3.2)."""
    metadata = provider.metadata
    if metadata is None or not metadata.userinfo:
        raise refused("no_userinfo")
    try:
        claims = await fetch_object(Address(metadata.userinfo, provider.ca_file), proof=tokens.access_token)
    except Unfetched as error:
        raise refused(str(error)) from None
    if claims.get("sub") != subject:
        raise refused("userinfo_of_another")
    return claims
