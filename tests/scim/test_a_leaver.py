"""Somebody is entered by their directory, signs in, works, is put out, and comes back with nothing of what they had."""

from collections.abc import Iterator

import pytest

from gateway.identity.callers import Role
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration
from tests.scim.conftest import Listed

MORE = "    provision: scim\n    link: {externalId: sub}\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as opened:
        yield opened


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[Listed]:
    """A gateway at which nobody signs in who is not on the list."""
    folder = tmp_path_factory.mktemp("leaver")
    (folder / "corporate.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    file.write_text(declaration(provider, more=MORE))
    with open_house(folder, identity_providers=file, port=free_port()) as house:
        eventually(lambda: all(each.metadata for each in house.installation.providers.values()))
        house.enter("directory", "provider", Role.PROVIDER, scopes=("scim",))
        yield Listed(house)


def told(house: House) -> tuple[Browser, int, str]:
    """A sign-in: the browser, and how it ended."""
    browser = Browser(house.url)
    answer = browser.sign_in()
    return browser, answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


def test_a_person_comes_works_is_put_out_and_comes_back_with_nothing(kept: Listed, provider: FakeProvider) -> None:
    house = kept.house
    provider.behave()
    provider.claims |= {"sub": "employee-4711", "groups": ["managers"]}

    assert told(house)[1:] == (403, "not_provisioned")
    user = kept.user(externalId="employee-4711", userName="ada@example.com", displayName="Ada L.")
    browser, status, _ = told(house)
    assert status == 303 and browser.session()["person"]["id"] == user["id"]
    issued = browser.do("/control/keys", {"roles": ["provider"]})
    assert issued.status_code == 201, issued.text
    house.tokens["own"] = issued.json()["token"]
    assert house.ask("GET", "/v1/models", "own").status_code == 200

    out = kept.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": False}})

    assert out.json()["active"] is False
    eventually(lambda: house.ask("GET", "/v1/models", "own").status_code == 401)
    assert browser.go("/control/session").status_code == 401
    assert told(house)[1:] == (401, "person_disabled")

    kept.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": True}})

    back, status, _ = told(house)
    assert status == 303 and back.session()["person"]["id"] == user["id"]
    assert house.ask("GET", "/v1/models", "own").status_code == 401
    assert browser.go("/control/session").status_code == 401

    kept.ask("DELETE", f"/Users/{user['id']}")

    assert told(house)[1:] == (401, "person_disabled")
    again = kept.user(externalId="employee-4711", userName="ada@example.com")
    browser, status, _ = told(house)
    assert status == 303 and browser.session()["person"]["id"] == again["id"] != user["id"]
    said = str(house.entries(limit=200))
    assert user["id"] in said and "ada@example.com" not in said and "employee-4711" not in said and "Ada L." not in said


def test_a_session_keeps_no_list_and_a_cookie_opens_it_not(kept: Listed, provider: FakeProvider) -> None:
    house = kept.house
    provider.behave()
    provider.claims |= {"sub": "employee-1", "groups": ["managers"]}
    kept.user(externalId="employee-1")
    browser, status, _ = told(house)

    answer = browser.go("/scim/v2/Users")

    assert (status, answer.status_code, answer.json()["status"]) == (303, 401, "401")
