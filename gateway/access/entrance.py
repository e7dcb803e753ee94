"""Who stands at a door: the same for every door, so that none is easier to enter than another."""

from collections.abc import Callable, Iterable

import structlog

from gateway.access.current import Current
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
        sign_in_at: str = "",
        break_glass: BreakGlass | None = None,
    ) -> None:
        self._directory = directory
        self._cookies = cookies
        self._sign_in_at = sign_in_at
        self._break_glass = break_glass
        self._current = current
        self._turned_away = turned_away
        """Counts a failure by its reason: failed authentication is counted, not recorded one by one.

        `sign_in_at` is the path at which people sign in; empty where nobody does.
        """

    async def caller(self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> Caller:
        """The caller behind a request's headers; `client` is the socket's peer, never what a header says.

        Raises Unauthenticated, or Unavailable where it cannot be known who is in good standing.
        """
        try:
            token = credential_in(headers)
            _, moment = self._current.now()
            caller = await self._directory.authenticate(token, client[0] if client else None, moment)
            if caller.is_break_glass and self._break_glass is not None:
                await self._break_glass.used(caller, moment)
        except Exception as error:
            raise self._not_let_in(error) from None
        return caller

    async def caller_in_browser(
        self, headers: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None, method: str
    ) -> Caller:
        """The same for a door that people use in browsers: a session's cookie does, where no key is presented.

        Raises Forbidden besides, for a request that changes something and was not made by the gateway's own pages.
        """
        told, cookies = list(headers), self._cookies
        if cookies is None or any(name in CREDENTIALS for name, _ in told):
            return await self.caller(told, client)
        try:
            shown = cookies.found(SESSION, told)
            if shown:
                _, moment = self._current.now()
                caller = await self._directory.in_session(shown, moment)
                cookies.check_own(method, told, shown)
                return caller
            if self._sign_in_at:
                raise Unauthenticated(
                    "Nobody is signed in, and no API key was presented.",
                    next_step=f"Sign in at `{self._sign_in_at}`, or send a key as `Authorization: Bearer rsg_…`.",
                )
        except Exception as error:
            raise self._not_let_in(error) from None
        return await self.caller(told, client)

    def _not_let_in(self, error: Exception) -> Exception:
        """What is told of whatever went wrong: what nobody foresaw lets nobody in either."""
        if isinstance(error, Unavailable | Forbidden):
            return error
        if not isinstance(error, Unauthenticated):
            log.warning("authentication_failed", error=type(error).__name__)
            error = Unauthenticated()
        self._turned_away(error.counted_as)
        return error
