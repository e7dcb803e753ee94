"""Which sign-ins were tried here: each tries one code, whatever becomes of it.

Else whoever has begun one could have codes of their own making passed on to a provider while its state is good.
Kept in this process's memory: nothing is written for somebody who is not known.
"""

from collections import OrderedDict

from gateway.errors import Unauthenticated

TRIED_MAX = 50_000
"""States that are known to have been tried; the oldest are forgotten first, and most have run out by then."""


class Tried:
    """States whose code was passed on, whatever came of that."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, None] = OrderedDict()

    def take(self, state: str) -> None:
        """Let this one be tried now. Raises Unauthenticated where it was before."""
        if state in self._states:
            raise Unauthenticated("This sign-in was used before.", code="sign_in_used", next_step="Sign in again.")
        self._states[state] = None
        if len(self._states) > TRIED_MAX:
            self._states.popitem(last=False)

    def __len__(self) -> int:
        return len(self._states)
