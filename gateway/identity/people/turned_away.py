"""Sign-ins that came to nothing, told where they were to lead: the word is kept by the browser, sealed.

A page that sent somebody to sign in is not where that fails. It is told when the browser comes back to it, and can then
end whatever waits behind it (RFC 6749, 4.1.2.1; RFC 8628, 3.5). The word is for that one page and good for a short
time; what is sealed for a sign-in under way has another shape, so that neither is taken for the other.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import msgspec

from gateway.clock import MINUTE, SECOND, Instant, Moment
from gateway.errors import Forbidden, GatewayError, Unauthenticated, Unavailable
from gateway.identity.people.pending import unsealed as begun
from gateway.identity.peppers import Peppers

LIFETIME = 10 * MINUTE
"""As long as a command line waits for a code to be entered: until then it can be told."""
LIFETIME_S = LIFETIME // SECOND


class TurnedAway(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody could not sign in, and why."""

    told: str
    """What happened and what to do, in this gateway's own words."""
    error: str
    """The same as OAuth names it (RFC 6749, 4.1.2.1)."""
    is_vouched_for: bool
    """Whether a provider has confirmed who it was: they are known, and may not come in."""
    sign_in: str
    """By which the sign-in is known; empty where there was none."""
    page: str
    """Digest of the path that they were to come back to."""
    at: Instant


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(TurnedAway).decode


class TurningAway:
    """Writes the word for a page, and reads it there."""

    def __init__(self, peppers: Peppers) -> None:
        self._peppers = peppers

    def coming_back(self, kept: str, error: GatewayError, now: Moment) -> tuple[str, str] | None:
        """Where whoever came back from a provider was to go, and the word for that page; None where there is none.

        `kept` is what the browser keeps of the sign-in under way.
        """
        try:
            pending = begun(self._peppers, kept, now)
        except GatewayError:
            return None
        word = _word(error, pending.state, pending.return_path, now)
        return None if word is None else (pending.return_path, self._sealed(word))

    def setting_out(self, return_path: str, error: GatewayError, now: Moment) -> str | None:
        """The word for the page from which no sign-in could be begun; None where there is none to tell."""
        word = _word(error, "", return_path, now)
        return None if word is None else self._sealed(word)

    def found(self, kept: str, return_path: str, now: Moment) -> TurnedAway | None:
        """The word for this page that a browser kept; None where there is none, or none any more."""
        content = self._peppers.unsealed(kept) or ""
        try:
            word = _decode(urlsafe_b64decode(content + "=" * (-len(content) % 4)))
        except (ValueError, msgspec.MsgspecError):
            return None
        return None if word.page != _digest(return_path) or now.maybe_reached(word.at + LIFETIME) else word

    def _sealed(self, word: TurnedAway) -> str:
        return self._peppers.seal(urlsafe_b64encode(_encode(word)).decode().rstrip("="))


def _word(error: GatewayError, sign_in: str, return_path: str, now: Moment) -> TurnedAway | None:
    """What an error means to the page that waits; None for one that is about the request, and not the sign-in."""
    if not isinstance(error, Forbidden | Unauthenticated | Unavailable):
        return None
    return TurnedAway(
        told=error.sentence(),
        error=_oauths(error),
        is_vouched_for=isinstance(error, Forbidden) or error.code == "person_disabled",
        sign_in=sign_in,
        page=_digest(return_path),
        at=now.earliest,
    )


def _oauths(error: GatewayError) -> str:
    if not isinstance(error, Unavailable):
        return "access_denied"
    return "server_error" if error.retry_after_s is None else "temporarily_unavailable"


def _digest(return_path: str) -> str:
    return sha256(return_path.encode()).hexdigest()
