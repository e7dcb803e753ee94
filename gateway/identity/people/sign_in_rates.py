"""How often answers of identity providers may be tried: a sign-in once in a process, a source so often a minute.

Whoever has begun a sign-in holds a state that is good for minutes, and may make up codes: each would have this gateway
ask the provider. What failed costs its source as much as ten that did not, as with proofs for tokens.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.clock import SECOND, elapsed_us
from gateway.errors import GatewayError, Unauthenticated
from gateway.identity.tokens.rates import FAILURE_COST, Rate, source_of

TRIED_MAX = 50_000
"""States that are known to have been tried; the oldest are forgotten first, and most have run out by then."""


class TooManySignIns(GatewayError):
    """More sign-ins failed from one place than may in a minute."""

    status = 429
    code = "too_many_failed_sign_ins"
    message = "Too many sign-ins failed from your address."
    next_step = "Wait as `retry-after` says, then sign in again."

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class SignInRates:
    """Which sign-ins were tried, and what is left to each source."""

    def __init__(self, per_source: int, now: Callable[[], int] = elapsed_us) -> None:
        """`per_source` a minute; 0 for no bound, where a balancer hides the addresses."""
        self._sources = Rate(per_source)
        self._now = now
        self._tried: OrderedDict[str, None] = OrderedDict()

    @contextmanager
    def trying(self, state: str, peer: str | None) -> Iterator[None]:
        """Let a sign-in be tried in the block. Raises TooManySignIns, or Unauthenticated for one tried before."""
        now, source = self._now(), source_of(peer)
        wait = self._sources.wait_us(source, now)
        if wait:
            raise TooManySignIns(-(-wait // SECOND))
        self._sources.take(source, now)  # before it is known how it ends: many at once must not all find room
        try:
            self._take(state)
            yield
        except Unauthenticated:
            self._sources.take(source, now, FAILURE_COST - 1)
            raise

    def _take(self, state: str) -> None:
        if state in self._tried:
            raise sign_in_used()
        self._tried[state] = None
        if len(self._tried) > TRIED_MAX:
            self._tried.popitem(last=False)


def sign_in_used() -> Unauthenticated:
    """What somebody is told who comes back a second time."""
    return Unauthenticated("This sign-in was used before.", code="sign_in_used", next_step="Sign in again.")
