"""Somebody who signs in calls a model whose audience asks what their provider vouches for: by login, and by own key."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from gateway.identity.logins.challenges import challenge_of
from tests.fakes.forms import form_in
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

RELEASE = "demo/known-1"
FILE = f"""\
release: {RELEASE}
serves:
  inference: {{upstream: simulated, model: general}}
audiences: {{known: {{kyc@3: ">= K3", on_unknown: deny}}}}
stages:
  - name: general
    opens: 2026-01-05T00:00:00Z
    access: api
    to: [known]
    offers: [inference.text]
"""
LISTENER = "http://127.0.0.1:49152/signed-in"
VERIFIER = "v" * 43


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("people-call-models")
    (folder / "corporate.secret").write_text(SECRET)
    (folder / "providers.yaml").write_text(declaration(provider))
    with open_house(folder, identity_providers=folder / "providers.yaml", port=free_port()) as opened:
        eventually(lambda: opened.installation.providers["corporate"].metadata)
        opened.control("/releases", file=FILE, documents={}, adopt=True)
        yield opened


@pytest.fixture
def developer(house: House, provider: FakeProvider) -> Browser:
    """The browser of somebody at acme, of whom the provider says K3 with assurance 3."""
    provider.behave()
    provider.claims |= {"sub": "dora", "preferred_username": "dora", "groups": ["acme"]}
    browser = Browser(house.url)
    assert browser.sign_in().status_code == 303
    return browser


def called(house: House, credential: str) -> tuple[int, str]:
    """Status and code of a call by this, and that lists and calls agree."""
    headers = {"authorization": f"Bearer {credential}"}
    body = {"model": RELEASE, "messages": [{"role": "user", "content": "hello"}]}
    answer = house.client.post(f"{house.url}/v1/chat/completions", json=body, headers=headers)
    listed = house.client.get(f"{house.url}/v1/models", headers=headers).json()["data"]
    assert (RELEASE in {each["id"] for each in listed}) == (answer.status_code == 200)
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]


def login(browser: Browser, scope: str) -> dict[str, str]:
    """What `gateway login` is given."""
    asked = {
        "response_type": "code",
        "client_id": "gateway-cli",
        "redirect_uri": LISTENER,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "state": "s",
        "scope": scope,
    }
    page = browser.go(f"/oauth/authorize?{urlencode(asked)}")
    assert page.status_code == 200, page.text
    form = form_in(page.text)
    own = {"origin": browser.base, "sec-fetch-site": "same-origin"}
    sent = browser.client.post(browser.base + form.action, data=form.pressed("Sign in"), headers=own)
    code = dict(parse_qsl(urlsplit(sent.headers["location"]).query))["code"]
    redeeming = {"grant_type": "authorization_code", "code": code, "redirect_uri": LISTENER, "code_verifier": VERIFIER}
    answer = httpx.post(f"{browser.base}/oauth/token", data={"client_id": "gateway-cli", **redeeming})
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()
    return told


def test_the_token_of_a_login_calls_what_its_person_may_call_and_only_where_it_reaches(
    house: House, developer: Browser
) -> None:
    wide, narrow = login(developer, "control inference"), login(developer, "control")

    assert wide["scope"] == "control inference"
    assert called(house, wide["access_token"]) == (200, "")
    assert called(house, narrow["access_token"]) == (403, "scope_too_narrow")


def test_a_renewed_token_reaches_what_the_first_one_did(house: House, developer: Browser) -> None:
    first = login(developer, "inference")
    form = {"client_id": "gateway-cli", "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = httpx.post(f"{house.url}/oauth/token", data=form).json()

    assert second["scope"] == "inference"
    assert called(house, second["access_token"]) == (200, "")
    headers = {"authorization": f"Bearer {second['access_token']}"}
    refused = httpx.post(f"{house.url}/control/keys", json={}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_too_narrow")


def test_a_persons_own_key_calls_it_while_they_are_signed_in(house: House, developer: Browser) -> None:
    key = developer.do("/control/keys", {"roles": ["developer"], "label": "mine"}).json()["token"]
    house.enter("team", "acme")
    while_in = called(house, key)
    explained = house.client.get(
        f"{house.url}/control/access/{RELEASE}/explain?component=inference.text",
        headers={"authorization": f"Bearer {key}"},
    )
    assert explained.json()["admitted"] is True, explained.text
    assert [each["name"] for each in explained.json()["facts"]] == ["kyc"]

    person = developer.session()["person"]["id"]
    for each in house.ask("GET", f"/control/people/{person}/sessions", "provider").json()["sessions"]:
        house.control(f"/people/{person}/sessions/{each['id']}/end", cause="signed out")
    after = called(house, key)
    assert Browser(house.url).sign_in().status_code == 303

    assert (while_in, after) == ((200, ""), (403, "attribute_unknown"))
    assert called(house, key) == (200, "")
    assert called(house, house.tokens["team"]) == (403, "attribute_unknown"), "it is theirs, not the organisation's"


def test_what_a_provider_vouches_for_is_shown_to_its_person_and_to_overseers_alone(
    house: House, developer: Browser
) -> None:
    made = developer.do("/control/keys", {"roles": ["developer"], "label": "mine"}).json()
    house.enter("colleague", "acme")
    path = f"/control/access/{RELEASE}/explain?component=inference.text&of={made['key']['id']}"

    colleague = house.ask("GET", path, "colleague")
    themself, overseer = developer.go(path), house.ask("GET", path, "provider")

    assert (colleague.status_code, "kyc" in colleague.text) == (404, False)
    assert "only they can ask" in colleague.json()["detail"]
    assert [[each["value"] for each in told.json()["facts"]] for told in (themself, overseer)] == [["K3"], ["K3"]]
