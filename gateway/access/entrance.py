"""Who stands at a door: the same for every door, so that none is easier to enter than another."""

from collections.abc import Awaitable, Callable, Iterable

import structlog

from gateway.access.current import Current
from gateway.clock import Moment
from gateway.errors import Forbidden, Unauthenticated, Unavailable
from gateway.identity.break_glass import BreakGlass
from gateway.identity.callers import Caller
from gateway.identity.credentials import CREDENTIALS, credential_in
from gateway.identity.directory import Directory
from gateway.identity.people.cookies import SESSION, Cookies

log = structlog.get_logger()


class Entrance:
    """Finds out who is asking. Whatever goes wrong in finding out, nobody is let in."""

    def __init__(
        self,
        directory: Directory,
        current: Current,
        turned_away: Callable[[str], None],
        *,
        cookies: Cookies | None = None,
        break_glass: BreakGlass | None = None,
    ) -> None:
        self._directory = directory
        self._cookies = cookies
        self._break_glass = break_glass
        self._current = current
        self._turned_away = turned_away
        """Counts a failure by its reason: failed authentication is counted, not recorded one by one."""

    async def caller(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> Caller:
        """The caller behind a request's headers; `client` is the socket's peer, never what a header says.

        Raises Unauthenticated, or Unavailable where it cannot be known who is in good standing.
        """

        async def by_credential(moment: Moment) -> Caller:
            token = credential_in(headers)
            caller = await self._directory.authenticate(token, client[0] if client else None, moment)
            if caller.is_break_glass and self._break_glass is not None:
                await self._break_glass.used(caller, moment)
            return caller

        return await self._let_in(by_credential)

    async def caller_in_browser(
        self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None, method: str
    ) -> Caller:
        """The same for a door that people use in browsers: a session's cookie does, where no key is presented.

        Raises Forbidden besides, for a request that changes something and was not made by the gateway's own pages.
        """
        told = list(headers)
        cookies = self._cookies
        shown = "" if cookies is None or any(name in CREDENTIALS for name, _ in told) else self._shown(told)
        if not shown or cookies is None:
            return await self.caller(told, client)

        async def by_session(moment: Moment) -> Caller:
            caller = await self._directory.in_session(shown, moment)
            cookies.check_own(method, told, shown)
            return caller

        return await self._let_in(by_session)

    def _shown(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        assert self._cookies is not None, "asked where there are some"
        try:
            return self._cookies.found(SESSION, headers)
        except Unauthenticated as error:
            self._turned_away(error.counted_as)
            raise

    async def _let_in(self, find: Callable[[Moment], Awaitable[Caller]]) -> Caller:
        try:
            _, moment = self._current.now()
            return await find(moment)
        except Unauthenticated as error:
            self._turned_away(error.counted_as)
            raise
        except (Unavailable, Forbidden):
            raise
        except Exception as error:
            log.warning("authentication_failed", error=type(error).__name__)
            self._turned_away(Unauthenticated.code)
            raise Unauthenticated from None
