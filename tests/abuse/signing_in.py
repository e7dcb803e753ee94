"""A gateway at which people sign in, and what one who did holds in a browser and at a command line: to be misused."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from gateway.identity.logins.challenges import challenge_of, new_verifier
from tests.fakes.forms import Form, form_in
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

SESSION = "release-gateway-session"
SIGN_IN = "release-gateway-sign-in"
LISTENER = "http://127.0.0.1:49152/signed-in"
CLI = "gateway-cli"
UNBOUNDED = {"token_requests_per_client": 100_000, "token_requests_per_source": 0, "sign_in_requests_per_source": 0}
"""Whoever is told to come later is looked at no more: these tests are about what is looked at."""


@dataclass
class Desk:
    """Where people sign in, and somebody who has."""

    house: House
    provider: FakeProvider
    browser: Browser
    verifier: str = ""

    def sign_in(self) -> None:
        """Sign in in a new browser: the session before goes on."""
        self.browser = Browser(self.house.url)
        assert self.browser.sign_in().status_code == 303

    @property
    def session(self) -> str:
        """What the browser shows."""
        return self.browser.client.cookies[SESSION]

    def is_in(self) -> bool:
        """Whether the browser's session goes on."""
        return self.browser.go("/control/session").status_code == 200

    def begun(self) -> tuple[str, dict[str, str]]:
        """What another browser keeps that has begun to sign in, and what it is sent back with."""
        other = Browser(self.house.url)
        back = other.go(other.go("/control/session/start").headers["location"]).headers["location"]
        return other.client.cookies[SIGN_IN], dict(parse_qsl(urlsplit(back).query))

    def asked(self) -> dict[str, str]:
        """What a command line asks on this computer."""
        self.verifier = new_verifier()
        return {
            "response_type": "code",
            "client_id": CLI,
            "redirect_uri": LISTENER,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "state": "the state of this sign-in",
        }

    def consent(self) -> Form:
        """The form that the person is shown then."""
        return form_in(self.browser.go(f"/oauth/authorize?{urlencode(self.asked())}").text)

    def code(self) -> str:
        """What is brought to the listener once they said yes."""
        form = self.consent()
        sent = self.post(form.action, form.pressed("Sign in"))
        return dict(parse_qsl(urlsplit(sent.headers["location"]).query))["code"]

    def redeeming(self) -> dict[str, str]:
        """What is redeemed by a code."""
        form = {"code": self.code(), "redirect_uri": LISTENER, "code_verifier": self.verifier}
        return {"client_id": CLI, "grant_type": "authorization_code", **form}

    def logged_in(self) -> dict[str, str]:
        """The tokens of a command line."""
        answer = self.house.client.post(f"{self.house.url}/oauth/token", data=self.redeeming())
        assert answer.status_code == 200, answer.text
        told: dict[str, str] = answer.json()
        return told

    def waiting(self) -> dict[str, Any]:
        """What a command line shows that waits for its code to be entered."""
        answer = self.house.client.post(f"{self.house.url}/oauth/device_authorization", data={"client_id": CLI})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        """A form of the browser's."""
        return self.browser.client.post(self.house.url + path, data=form)


@contextmanager
def where_people_sign_in(folder: Path) -> Iterator[Desk]:
    """A gateway with an identity provider, and a manager who has signed in."""
    (folder / "corporate.secret").write_text(SECRET)
    with an_identity_provider() as provider:
        provider.claims["groups"] = ["managers"]
        (folder / "providers.yaml").write_text(declaration(provider))
        declared = {"identity_providers": folder / "providers.yaml", "port": free_port(), **UNBOUNDED}
        with open_house(folder, **declared) as house:
            eventually(lambda: house.installation.providers["corporate"].metadata is not None)
            desk = Desk(house, provider, Browser(house.url))
            desk.sign_in()
            yield desk
