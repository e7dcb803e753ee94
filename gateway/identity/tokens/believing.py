"""Whose tokens are believed, and what one of them says once it is verified."""

from collections.abc import Iterable
from typing import Protocol

from gateway.clock import Moment
from gateway.errors import TokenInvalid
from gateway.identity.callers import AccessToken
from gateway.identity.tokens.checking import Expected, Times, check
from gateway.identity.tokens.reading import Unverified, read
from gateway.identity.tokens.verifying import VerifyingKey, verify


class Issuer(Protocol):
    """Somebody whose tokens are believed: this gateway, or one that the operator declared."""

    @property
    def expected(self) -> Expected:
        """What its tokens look like."""

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:
        """The key of this id that is believed now; without waiting, and never anything that a token sent along."""

    def token(self, unverified: Unverified, times: Times, key: VerifyingKey) -> AccessToken:
        """What a token says that was verified by this key and checked. Raises TokenInvalid for too little."""


class Believed:
    """All of them, by the name that their tokens give."""

    def __init__(self, issuers: Iterable[Issuer] = ()) -> None:
        self._issuers = {issuer.expected.issuer: issuer for issuer in issuers}

    def verified(self, text: str, moment: Moment) -> AccessToken:
        """The token that this text is. Raises TokenInvalid for everything else, whatever it is instead."""
        unverified = read(text)
        issuer = self._issuers.get(unverified.claim("iss"))
        key = None if issuer is None else issuer.key(unverified.key_id, moment)
        if issuer is None:
            raise TokenInvalid
        if key is None:
            raise TokenInvalid(
                "The token names a key that is not known here, or not yet.",
                next_step="Send it again in half a minute: keys are asked for meanwhile. Else get another one.",
            )
        verify(text, unverified.algorithm, key)
        times = check(unverified.kind, unverified.claims, issuer.expected, moment)
        return issuer.token(unverified, times, key)

    def still_believes(self, token: AccessToken, moment: Moment) -> bool:
        """Whether the very key that signed it would still be believed: it may have been taken back since."""
        issuer = self._issuers.get(token.issuer)
        key = None if issuer is None else issuer.key(token.key_id, moment)
        return key is not None and key.thumbprint == token.thumbprint
