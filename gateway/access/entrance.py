"""Who stands at a door: the same for every door, so that none is easier to enter than another."""

from collections.abc import Callable, Iterable

import structlog

from gateway.access.current import Current
from gateway.errors import Unauthenticated, Unavailable
from gateway.identity.callers import Caller
from gateway.identity.credentials import credential_in
from gateway.identity.directory import Directory

log = structlog.get_logger()


class Entrance:
    """Finds out who is asking. Whatever goes wrong in finding out, nobody is let in."""

    def __init__(self, directory: Directory, current: Current, turned_away: Callable[[str], None]) -> None:
        self._directory = directory
        self._current = current
        self._turned_away = turned_away
        """Counts a failure by its reason: failed authentication is counted, not recorded one by one."""

    async def caller(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> Caller:
        """The caller behind a request's headers; `client` is the socket's peer, never what a header says.

        Raises Unauthenticated, or Unavailable where it cannot be known who is in good standing.
        """
        try:
            token = credential_in(headers)
            _, moment = self._current.now()
            return await self._directory.authenticate(token, client[0] if client else None, moment)
        except Unauthenticated as error:
            self._turned_away(error.counted_as)
            raise
        except Unavailable:
            raise
        except Exception as error:
            log.warning("authentication_failed", error=type(error).__name__)
            self._turned_away(Unauthenticated.code)
            raise Unauthenticated from None
