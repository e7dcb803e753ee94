"""Providers that are mixed up, that lie, or that are used to do harm: what one of several declared can do by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.people.discovery import Discovery
from gateway.identity.people.mapping import PersonRule, mapped, proven
from gateway.identity.people.tried import Tried
from gateway.identity.tokens.fetching import Address, Unfetched
from gateway.identity.tokens.mapping import claim_at
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, declaration

CALLBACK = "/control/session/callback"


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


def signed_in(house: House, query: str = "?provider=corporate") -> tuple[Browser, Any]:
    """A browser in which somebody signs in, and what it was answered."""
    one = Browser(house.url)
    begun = one.go(f"/control/session/start{query}")
    return one, one.go(without_issuer(one.go(begun.headers["location"]).headers["location"]))


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


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


# What is made up


def test_a_sign_in_tries_one_code_however_many_are_made_up(opened: House, provider: FakeProvider) -> None:
    one = Browser(opened.url)
    state = dict(parse_qsl(urlsplit(one.go("/control/session/start?provider=corporate").headers["location"]).query))

    told = [
        code_of(one.go(f"{CALLBACK}/corporate?{urlencode({'code': f'made-up-{number}', 'state': state['state']})}"))
        for number in range(50)
    ]

    assert told == [(401, "sign_in_failed")] + [(401, "sign_in_used")] * 49
    assert [form["code"] for form in provider.exchanged] == ["made-up-0"]
    assert signed_in(opened)[1].status_code == 303


def test_sign_ins_that_were_tried_are_kept_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.identity.people.tried.TRIED_MAX", 10)
    tried = Tried()
    for number in range(100):
        tried.take(str(number))

    assert len(tried) == 10
    with pytest.raises(Unauthenticated):
        tried.take("99")


# What is claimed


@pytest.mark.parametrize("verified", [False, "false", None, 0, 1, "True", "", [True], {"a": True}])
@pytest.mark.parametrize("link", ["email", "/email"])
def test_an_address_that_is_not_verified_is_nobodys(verified: Any, link: str) -> None:
    claims = {"sub": "mallory", "email": "ceo@corp.example", "email_verified": verified, "groups": ["managers"]}
    rule = PersonRule(((link, ("ceo@corp.example",)),), "provider", (Role.PROVIDER,), ())

    believed = proven(claims)

    assert claim_at(believed, link) is None and believed["groups"] == ["managers"]
    with pytest.raises(Forbidden):
        mapped([rule], believed)


@pytest.mark.parametrize("verified", [True, "true"])
def test_an_address_that_is_verified_is_theirs(verified: Any) -> None:
    claims = {"sub": "ada", "email": "ada@corp.example", "email_verified": verified}

    assert proven(claims) == claims


def test_nobody_comes_in_as_somebody_listed_by_an_address_that_is_not_verified(
    tmp_path: Path, provider: FakeProvider
) -> None:
    (tmp_path / "corporate.secret").write_text(SECRET)
    file = tmp_path / "providers.yaml"
    file.write_text(declaration(provider, more="    link: {userName: /email}\n    provision: scim\n"))
    with open_house(tmp_path, identity_providers=file, port=free_port()) as house:
        eventually(lambda: house.installation.providers["corporate"].metadata)
        directory = house.control("/keys", roles=["provider"], scopes=["scim"])["token"]
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ceo@corp.example"}
        headers = {"authorization": f"Bearer {directory}", "content-type": "application/scim+json"}
        entered = house.client.post(f"{house.url}/scim/v2/Users", json=body, headers=headers)
        assert entered.status_code == 201, entered.text
        told = []
        for verified in (False, "false", None, True):
            provider.claims |= {"email": "ceo@corp.example", "email_verified": verified, "sub": f"s-{verified}"}
            told.append(code_of(Browser(house.url).sign_in()))

    assert told == [(403, "not_linked")] * 3 + [(303, "")]


@pytest.mark.parametrize("groups", [65, 400])
def test_the_last_of_hundreds_of_groups_gives_its_role(opened: House, provider: FakeProvider, groups: int) -> None:
    others = [f"{number:08d}-0000-0000-0000-000000000000" for number in range(groups)]
    provider.claims |= {"sub": f"in-{groups}", "groups": [*others, "managers"]}

    one, answer = signed_in(opened)

    assert answer.status_code == 303, answer.text
    assert one.session()["roles"] == ["provider", "staff"]


# What a provider says of itself


def test_only_a_port_that_was_declared_is_asked(provider: FakeProvider) -> None:
    host, port = urlsplit(provider.url).hostname, urlsplit(provider.url).port
    elsewhere = f"http://{host}:{free_port()}/token"
    address = Address(f"{provider.url}/.well-known/openid-configuration", None)
    provider.metadata = {"token_endpoint": elsewhere}

    with pytest.raises(Unfetched, match="not declared under `hosts`"):
        asyncio.run(Discovery(provider.url, ()).fetch(address))
    with pytest.raises(Unfetched, match="not declared under `hosts`"):
        asyncio.run(Discovery(provider.url, (str(host), f"{host}:{port}")).fetch(address))
    beside = Discovery(provider.url, (urlsplit(elsewhere).netloc,))
    asyncio.run(beside.fetch(address))
    assert beside.metadata is not None and beside.metadata.token == elsewhere
