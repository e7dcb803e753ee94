"""A directory that knows callers by key, and says why one is known no more."""

from gateway.errors import Unauthenticated
from gateway.identity.callers import Caller


class FakeDirectory:
    """Whoever it was not told has gone is who it says it is."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.gone: dict[str, str] = {}

    @property
    def drops(self) -> int:
        """Grows with whoever is gone."""
        return len(self.gone)

    async def caller(self, key_id: str, _now: object) -> Caller:
        """The caller, or the reason there is none."""
        if key_id in self.gone:
            raise Unauthenticated(code=self.gone[key_id])
        return self.callers[key_id]

    async def renewed(self, caller: Caller, now: object) -> Caller:
        """The same, of a caller that was let in."""
        return await self.caller(caller.key, now)

    def is_current(self, caller: Caller) -> bool:
        """Whether it was not told otherwise."""
        return caller.key not in self.gone
