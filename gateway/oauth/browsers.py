"""The browsers in which people are signed in for `/control`: the same session asks them here, and nothing else does."""

from collections.abc import Iterable
from urllib.parse import urlencode

from gateway.clock import Moment
from gateway.errors import Unauthenticated
from gateway.identity.directory import Directory
from gateway.identity.people.cookies import SESSION, TURNED_AWAY, Cookies
from gateway.identity.people.registry import Registry
from gateway.identity.people.turned_away import TurnedAway, TurningAway
from gateway.oauth.answers import Headers
from gateway.oauth.browsing import Browser

START = "/control/session/start"


class SessionBrowsers:
    """Finds who shows a session's cookie, and sends everybody else to sign in by the providers that were declared."""

    def __init__(
        self,
        directory: Directory,
        registry: Registry,
        cookies: Cookies,
        turning_away: TurningAway,
        providers: Iterable[str],
    ) -> None:
        self._directory = directory
        self._registry = registry
        self._cookies = cookies
        self._turning_away = turning_away
        self._providers = tuple(providers)

    async def browser(self, headers: Headers, moment: Moment) -> Browser | None:
        """The browser that sends these headers; None where nobody is signed in in it."""
        shown = self._cookies.found(SESSION, headers)
        try:
            caller = await self._directory.in_session(shown, moment)
        except Unauthenticated:
            return None
        person = await self._registry.person(caller, caller.person)
        return Browser(caller, person.display_name or person.user_name, shown)

    def ways(self, back: str, *, fresh: bool) -> dict[str, str]:
        """Where to sign in, by the name of each provider, to come back to a path of this gateway."""
        more = {"fresh": "true"} if fresh else {}
        return {name: f"{START}?{urlencode({'provider': name, 'return': back, **more})}" for name in self._providers}

    def word(self, headers: Headers) -> str:
        """What the browser keeps of a sign-in that came to nothing, sealed; empty where nothing."""
        return self._cookies.found(TURNED_AWAY, headers)

    def turned_away(self, word: str, back: str, moment: Moment) -> TurnedAway | None:
        """What that says to the page to which somebody comes back; None where nothing."""
        return self._turning_away.found(word, back, moment)

    def forgetting(self) -> tuple[bytes, bytes]:
        """The header by which the browser forgets it: it is told once."""
        return b"set-cookie", self._cookies.forgotten(TURNED_AWAY)
