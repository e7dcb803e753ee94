"""What people and their command lines ask of this door is bounded by address and by session, and says until when."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.identity.tokens.rates import FAILURE_COST
from tests.fakes.forms import form_in
from tests.oauth.conftest import HTML, Counter, opened

PER_SESSION, FAILURES = 3, 2
BOUNDS = {
    "token_requests_per_client": PER_SESSION,
    "token_requests_per_source": FAILURES * FAILURE_COST,
    "sign_in_requests_per_source": FAILURES * FAILURE_COST,
}
GRANTS: dict[str, dict[str, str]] = {
    "code": {
        "grant_type": "authorization_code",
        "code": "rsgc_" + "A" * 43,
        "redirect_uri": "http://127.0.0.1:1/",
        "code_verifier": "A" * 43,
    },
    "refresh": {"grant_type": "refresh_token", "refresh_token": "rsgr_" + "A" * 43},
    "device": {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "rsgd_" + "A" * 43},
}
WHAT = {"code": "code", "refresh": "refresh_token", "device": "device_code"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bounded(
    furnished: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Counter]:
    """A door that is strict; every test comes from an address of its own."""
    async with opened(furnished, tmp_path_factory.mktemp("bounded"), **BOUNDS) as counter:
        yield counter


async def form(counter: Counter, path: str, peer: str, **fields: str) -> httpx.Response:
    """What a command line sends."""
    return await counter.ask("POST", path, data={"client_id": "gateway-cli", **fields}, peer=peer)


def check_told(late: httpx.Response) -> None:
    """Whoever came too often is told so as OAuth tells it, and until when."""
    assert late.status_code == 429 and late.json()["error"] == "temporarily_unavailable"
    assert 0 < int(late.headers["retry-after"]) <= 60 and late.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("place", "grant"), list(enumerate(GRANTS)))
async def test_what_was_never_given_is_not_looked_for_without_end(
    bounded: Counter, monkeypatch: pytest.MonkeyPatch, place: int, grant: str
) -> None:
    peer, looked_up = f"198.51.100.{place}", []
    look_up = bounded.house.installation.directory.look_up

    async def noted(work: Any) -> Any:
        looked_up.append(work)
        return await look_up(work)

    monkeypatch.setattr(bounded.house.installation.directory, "look_up", noted)
    guesses = [GRANTS[grant] | {WHAT[grant]: GRANTS[grant][WHAT[grant]] + str(number)} for number in range(5)]
    answers = [await form(bounded, "/oauth/token", peer, **guess) for guess in guesses[: FAILURES + 2]]
    elsewhere = await form(bounded, "/oauth/token", f"198.51.101.{place}", **guesses[-1])

    assert [answer.status_code for answer in answers] == [400] * FAILURES + [429] * 2
    assert len(looked_up) <= FAILURES + 1
    check_told(answers[-1])
    assert elsewhere.status_code == 400, "another address has its own"


async def test_command_lines_that_wait_come_from_an_address_so_often_and_no_oftener(bounded: Counter) -> None:
    answers = [
        await form(bounded, "/oauth/device_authorization", "198.51.100.10") for _ in range(FAILURES * FAILURE_COST + 1)
    ]

    assert {answer.status_code for answer in answers[:-1]} == {200}
    check_told(answers[-1])
    check_told(await form(bounded, "/oauth/revoke", "198.51.100.10", token="rsgr_x"))


async def test_one_who_waits_as_told_is_not_kept_from_it_by_the_bound(bounded: Counter) -> None:
    """That nobody has entered the code yet is no failure: it costs what any question does."""
    started = (await form(bounded, "/oauth/device_authorization", "198.51.100.11")).json()
    asked = {**GRANTS["device"], "device_code": started["device_code"]}

    answers = [await form(bounded, "/oauth/token", "198.51.100.11", **asked) for _ in range(FAILURES + 3)]

    assert {answer.json()["error"] for answer in answers} == {"authorization_pending", "slow_down"}


async def test_the_session_of_a_command_line_is_given_so_many_tokens(bounded: Counter) -> None:
    ada, bob = await bounded.sign_in("ada"), await bounded.sign_in("bob")
    tokens = (await bounded.redeem((await bounded.answered(ada))["code"])).json()
    told: list[httpx.Response] = []
    for _ in range(PER_SESSION + 1):
        answer = await bounded.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        tokens = answer.json() if answer.status_code == 200 else tokens
        told.append(answer)

    assert [answer.status_code for answer in told] == [200] * PER_SESSION + [429]
    check_told(told[-1])
    assert await bounded.answered(bob), "another person has their own"


async def test_a_session_is_given_so_many_codes(bounded: Counter) -> None:
    carol = await bounded.sign_in("carol")
    given = [await bounded.answered(carol) for _ in range(PER_SESSION)]
    page = await bounded.ask("GET", "/oauth/authorize", carol, params=bounded.asked(), peer="203.0.113.9")
    consent = form_in(page.text)

    late = await bounded.ask("POST", consent.action, carol, data=consent.pressed("Sign in"), peer="203.0.113.9")

    assert all("code" in each for each in given)
    check_told(late)


@pytest.mark.parametrize(("place", "path"), [(0, "/oauth/authorize"), (1, "/oauth/device")])
async def test_the_pages_are_bounded_and_say_so_to_people(bounded: Counter, place: int, path: str) -> None:
    peer = f"203.0.113.{place}"
    asked: dict[str, Any] = {"params": bounded.asked()} if path == "/oauth/authorize" else {}
    answers = [await bounded.ask("GET", path, peer=peer, **asked) for _ in range(FAILURES * FAILURE_COST + 1)]
    page = await bounded.ask("GET", path, peer=peer, headers=HTML, **asked)

    assert {answer.status_code for answer in answers[:-1]} == {303}
    check_told(answers[-1])
    assert page.status_code == 429 and int(page.headers["retry-after"]) > 0
    assert "Too many sign-ins" in page.text and page.text.startswith("<!doctype html>")
