"""How those are told who are not signed in: errors with OAuth's own codes (RFC 6749, 5.2; RFC 8628, 3.5)."""

from gateway.errors import Invalid
from gateway.identity.tokens.rates import TooManyRequests

_AGAIN = "Sign in again: `gateway login`."


class TooManyWrongCodes(TooManyRequests):
    """Somebody has entered as many codes that nothing waits for as anybody may while one stands (RFC 8628, 5.1)."""

    code = "too_many_wrong_codes"
    message = "Too many codes were wrong."
    next_step = "Wait as `retry-after` says, at most ten minutes; then enter the code that your terminal shows by then."


def invalid_grant(message: str = "This was never given here, was given to another, or is over.") -> Invalid:
    """What was presented gets nothing, whatever is wrong with it: why is told only where it helps nobody else."""
    return Invalid(message, code="invalid_grant", next_step=_AGAIN)


def pending() -> Invalid:
    """Nobody has decided yet."""
    return Invalid("Nobody has entered the code yet.", code="authorization_pending")


def slow_down() -> Invalid:
    """It was asked for again before its time."""
    return Invalid("Ask less often: five seconds more between two requests from now on.", code="slow_down")


def expired() -> Invalid:
    """Nobody decided in time."""
    return Invalid("Nobody entered the code in time.", code="expired_token", next_step=_AGAIN)


def denied() -> Invalid:
    """Somebody said no."""
    return Invalid("Whoever was asked said no, or may not sign in here.", code="access_denied")
