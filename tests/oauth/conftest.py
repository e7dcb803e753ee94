"""The door with people before it: a real installation, and browsers that are signed in by hand."""

import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.clock import HOUR, MINUTE, Moment
from gateway.errors import Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.logins.challenges import challenge_of, new_verifier
from gateway.identity.logins.logging_in import LoggingIn
from gateway.identity.organisations import PROVIDER
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.people.turned_away import TurnedAway
from gateway.oauth.browsing import Browser
from gateway.oauth.door import OAuthDoor
from tests.fakes.forms import form_in
from tests.fakes.postgresql import elsewhere
from tests.fakes.premises import PROVIDERS, Premises, furnished_once, premises

LISTENER = "http://127.0.0.1:49152/signed-in"
STATE = "the state of this sign-in"
UNBOUNDED = {"token_requests_per_client": 100_000, "token_requests_per_source": 0, "sign_in_requests_per_source": 0}
HTML = {"accept": "text/html,application/xhtml+xml"}


class Browsers:
    """Who shows what in a cookie; where nobody does, they sign in elsewhere."""

    def __init__(self, house: Premises) -> None:
        self._house = house
        self.providers = ["corporate"]

    async def browser(self, headers: Iterable[tuple[bytes, bytes]], moment: Moment) -> Browser | None:
        shown = next((value.decode() for name, value in headers if name == b"cookie"), "")
        try:
            caller = await self._house.installation.directory.in_session(shown, moment)
        except Unauthenticated:
            return None
        return Browser(caller, 'Ada <b>"Lovelace"</b>', shown.partition(".")[2])

    def ways(self, back: str, *, fresh: bool) -> dict[str, str]:
        return dict.fromkeys(self.providers, f"/sign-in?fresh={fresh}&back={back}")

    def word(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        return next((value.decode() for name, value in headers if name == b"x-word"), "")

    def turned_away(self, word: str, back: str, moment: Moment) -> TurnedAway | None:
        return self._house.installation.turning_away.found(word, back, moment)

    def forgetting(self) -> tuple[bytes, bytes]:
        return b"set-cookie", b"word=; Max-Age=0"


@dataclass
class Counter:
    """What stands before the door."""

    house: Premises
    door: OAuthDoor
    verifier: str
    browsers: Browsers

    async def sign_in(self, subject: str = "ada", *roles: Role, organisation: str = PROVIDER, ago: int = 0) -> str:
        """What the browser of somebody who has signed in so long ago shows."""
        session, secret, digest = mint_session()
        _, now = self.house.installation.current.now()
        arrival = Arrival(
            vouched=Vouched(
                issuer="corporate", subject=subject, user_name=subject, display_name="", signed_in_at=now.latest - ago
            ),
            organisation=organisation,
            roles=roles or (Role.PROVIDER,),
            assertions=(),
            session=session,
            kind=SessionKind.BROWSER,
            digest=digest,
            limits=Limits(idle=30 * MINUTE, absolute=12 * HOUR),
            state=session,
            state_expires_at=now.latest + MINUTE,
        )
        await Registry(self.house.installation.directory, lambda *_: []).arrive(arrival, now)
        return secret.reveal()

    async def ask(self, method: str, path: str, browser: str = "", **given: Any) -> httpx.Response:
        """One request, of a browser that shows this."""
        headers = {**given.pop("headers", {}), **({"cookie": browser} if browser else {})}
        transport = httpx.ASGITransport(app=self.door, client=(given.pop("peer", "192.0.2.7"), 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, headers=headers, **given)

    def asked(self, **changed: str | None) -> dict[str, str]:
        """The parameters of a request for a code."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "gateway-cli",
            "redirect_uri": LISTENER,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "state": STATE,
            **changed,
        }
        return {name: value for name, value in asked.items() if value is not None}

    async def answered(self, browser: str, button: str = "Sign in", **changed: str | None) -> dict[str, str]:
        """What the listener is brought after a button was pressed."""
        page = await self.ask("GET", "/oauth/authorize", browser, params=self.asked(**changed))
        assert page.status_code == 200, page.text
        form = form_in(page.text)
        sent = await self.ask("POST", form.action, browser, data=form.pressed(button))
        assert sent.status_code == 303, sent.text
        where = httpx.URL(sent.headers["location"])
        assert str(where.copy_with(query=None)) == changed.get("redirect_uri", LISTENER)
        return dict(where.params)

    async def token(self, **form: str) -> httpx.Response:
        """What the command line is told."""
        return await self.ask("POST", "/oauth/token", data={"client_id": "gateway-cli", **form})

    async def redeem(self, code: str, **changed: str) -> httpx.Response:
        """The same, for a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": LISTENER}
        return await self.token(**{**form, "code_verifier": self.verifier, **changed})


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> tuple[Path, dict[str, str]]:
    """A furnished gateway's folder, to be copied, and the tokens of its keys."""
    folder = tmp_path_factory.mktemp("furnished")
    shutil.copyfile(migrated_file, folder / "gateway.sqlite")
    return folder, elsewhere(furnished_once(folder))


@asynccontextmanager
async def opened(furnished: tuple[Path, dict[str, str]], folder: Path, **settings: Any) -> AsyncIterator[Counter]:
    """The door in front of a furnished gateway; bounds that only some tests are about are out of the others' way."""
    shutil.copytree(furnished[0], folder, dirs_exist_ok=True)
    async with premises(folder, furnished[1], providers=PROVIDERS, **{**UNBOUNDED, **settings}) as house:
        parts = house.installation
        logging_in = LoggingIn(parts.database, parts.directory, parts.issuer, parts.token_rates)
        browsers = Browsers(house)
        door = OAuthDoor(
            parts.authority, parts.current, parts.metrics, logging_in, browsers, sign_in_rates=parts.sign_in_rates
        )
        yield Counter(house, door, new_verifier(), browsers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(
    furnished: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Counter]:
    """Where those of the other tests of a module were."""
    async with opened(furnished, tmp_path_factory.mktemp("counter")) as shared:
        yield shared
