"""`/control/session`: how often one address may begin a sign-in and come back from one."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.identity.tokens.rates import FAILURE_COST
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

FAILURES = 3


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as provider:
        provider.claims["groups"] = ["managers"]
        yield provider


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("sign-in-rates")
    (folder / "corporate.secret").write_text(SECRET)
    (folder / "providers.yaml").write_text(declaration(provider))
    declared = {"identity_providers": folder / "providers.yaml", "port": free_port()}
    with open_house(folder, **declared, sign_in_requests_per_source=FAILURES * FAILURE_COST) as opened:
        eventually(lambda: opened.installation.providers["corporate"].metadata is not None)
        yield opened


def check_told(late: httpx.Response) -> None:
    """Whoever came too often is told so as this door tells it, and until when."""
    assert late.status_code == 429 and late.json()["code"] == "too_many_sign_in_requests", late.text
    assert 0 < int(late.headers["retry-after"]) <= 60 and "sign in again" in late.json()["next_step"]


def test_an_address_begins_so_many_sign_ins_whatever_it_says_of_where_it_is(house: House) -> None:
    answers = [
        house.ask("GET", "/control/session/start", headers={"x-forwarded-for": f"198.51.100.{number}"})
        for number in range(FAILURES * FAILURE_COST + 1)
    ]

    assert {answer.status_code for answer in answers[:-1]} == {303}
    check_told(answers[-1])
    assert house.ask("GET", "/control/me", "developer").status_code == 200, "whoever is known goes on"


def test_who_comes_back_with_what_was_never_begun_is_stopped_before_the_provider_is_asked(
    house: House, provider: FakeProvider
) -> None:
    one = Browser(house.url)
    begun = one.go("/control/session/start")
    back = one.go(begun.headers["location"]).headers["location"]
    made_up = "/control/session/callback?code=x&state=y&iss=" + provider.url

    guesses = [house.ask("GET", made_up).status_code for _ in range(FAILURES)]
    late = one.go(back)

    assert guesses[:2] == [400, 400], "the third finds less room than a failure costs"
    check_told(late)
    assert not provider.exchanged


def test_people_who_sign_in_one_after_the_other_are_not_bounded(house: House) -> None:
    for _ in range(FAILURES * FAILURE_COST // 2):
        assert Browser(house.url).sign_in().status_code == 303
