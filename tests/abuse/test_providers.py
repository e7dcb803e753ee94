"""Providers that are mixed up, that lie, or that are used to do harm: what one of several declared can do by itself."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

CALLBACK = "/control/session/callback"


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[FakeProvider, FakeProvider]]:
    with an_identity_provider() as first, an_identity_provider() as second:
        yield first, second


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, providers: tuple[FakeProvider, FakeProvider]) -> Iterator[House]:
    """A gateway with two providers, neither of which says who it is when it sends people back."""
    folder = tmp_path_factory.mktemp("providers")
    (folder / "corporate.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    file.write_text(declaration(*providers))
    for each in providers:
        each.metadata = {"authorization_response_iss_parameter_supported": None}
    with open_house(folder, identity_providers=file, port=free_port()) as house:
        eventually(lambda: all(each.metadata for each in house.installation.providers.values()))
        yield house


@pytest.fixture
def provider(providers: tuple[FakeProvider, FakeProvider]) -> FakeProvider:
    """The first of the two, which is honest."""
    for each in providers:
        each.behave()
        each.claims["groups"] = ["managers"]
    return providers[0]


@pytest.fixture
def other(providers: tuple[FakeProvider, FakeProvider], provider: FakeProvider) -> FakeProvider:
    """The second, which need not be."""
    assert providers[0] is provider
    return providers[1]


def without_issuer(url: str) -> str:
    """Where a provider that does not say who it is sends somebody back."""
    told = {name: value for name, value in parse_qsl(urlsplit(url).query) if name != "iss"}
    return f"{url.partition('?')[0]}?{urlencode(told)}"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def test_each_of_several_providers_sends_people_back_to_an_address_of_its_own(
    opened: House, provider: FakeProvider, other: FakeProvider
) -> None:
    for name, asked in (("corporate", provider.asked), ("corporate-1", other.asked)):
        one = Browser(opened.url)
        begun = one.go(f"/control/session/start?provider={name}")
        back = one.go(begun.headers["location"]).headers["location"]

        assert one.go(without_issuer(back)).status_code == 303
        assert asked[-1]["redirect_uri"] == f"{opened.url}{CALLBACK}/{name}"


@pytest.mark.parametrize("back", [f"{CALLBACK}/corporate", CALLBACK])
def test_the_code_of_one_provider_is_not_handed_to_another(
    opened: House, provider: FakeProvider, other: FakeProvider, back: str
) -> None:
    """The other sends whoever would sign in by it on to the first, with its owner's challenge (RFC 9700, 4.4.1)."""
    attacker = Browser(opened.url)
    begun = attacker.go("/control/session/start?provider=corporate")
    theirs = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    provider.registered = {f"{opened.url}{CALLBACK}/corporate", opened.url + back}
    victim = Browser(opened.url)
    begun = victim.go("/control/session/start?provider=corporate-1")
    asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    forwarded = {**asked, **{name: theirs[name] for name in ("code_challenge", "nonce", "client_id")}}

    vouched = victim.go(f"{provider.url}/authorize?{urlencode({**forwarded, 'redirect_uri': opened.url + back})}")
    answer = victim.go(without_issuer(vouched.headers["location"]))

    assert answer.status_code in {400, 401}
    assert other.exchanged == [], "the code of one is shown to no other"


@pytest.mark.parametrize(
    "path",
    [
        CALLBACK,
        f"{CALLBACK}/corporate-1",
        f"{CALLBACK}/other",
        f"{CALLBACK}/Corporate",
        f"{CALLBACK}/corporate%0a",
        f"{CALLBACK}/%63orporate/x",
        f"{CALLBACK}/{'a' * 64}",
    ],
)
def test_whoever_comes_back_by_another_way_is_not_let_in(opened: House, provider: FakeProvider, path: str) -> None:
    one = Browser(opened.url)
    begun = one.go("/control/session/start?provider=corporate")
    back = one.go(begun.headers["location"]).headers["location"]

    answer = one.go(f"{path}?{urlsplit(without_issuer(back)).query}")

    assert answer.status_code in {400, 404}
    assert not provider.exchanged
