"""Who could not sign in tells what waits for them, and nobody else's: what a forged, strange or guessed word gets."""

import httpx
import pytest

from gateway.errors import Forbidden, GatewayError, Unavailable
from gateway.identity.logins import pacing
from gateway.identity.people.pending import Pending, sealed
from gateway.oauth.browsing import AUTHORIZE, DEVICE
from tests.fakes.forms import form_in
from tests.oauth.conftest import HTML, STATE, Counter
from tests.oauth.test_device import poll, start

NO_ROLE = Forbidden("You have no role here.", code="no_role_mapped", next_step="Ask <b>whoever</b> runs it.")
AWAY = Unavailable("The identity provider is away.", next_step="Try again.")

pytestmark = pytest.mark.asyncio(loop_scope="module")


def word(counter: Counter, error: GatewayError, back: str = DEVICE) -> dict[str, str]:
    """What the browser of somebody shows whose sign-in ended so."""
    parts = counter.house.installation
    _, now = parts.current.now()
    found = parts.turning_away.setting_out(back, error, now)
    assert found is not None
    return {**HTML, "x-word": found}


async def stopped(counter: Counter, headers: dict[str, str], code: str) -> tuple[int, str]:
    """What the form of the page gets, by which a command line is told."""
    page = await counter.ask("GET", "/oauth/device", headers=headers)
    form = form_in(page.text)
    answer = await counter.ask("POST", form.action, headers=HTML, data=form.pressed("Stop waiting", user_code=code))
    return answer.status_code, answer.text


async def test_the_device_that_waits_is_denied_by_its_code_and_the_word_is_forgotten(counter: Counter) -> None:
    started = (await start(counter)).json()
    headers = word(counter, NO_ROLE)

    page = await counter.ask("GET", "/oauth/device", headers=headers)
    status, text = await stopped(counter, headers, started["user_code"])
    polled = await poll(counter, started["device_code"])

    assert page.status_code == 403 and page.headers["set-cookie"].endswith("Max-Age=0")
    assert "You have no role here. Ask &lt;b&gt;whoever" in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert (status, "The command line was told" in text) == (200, True)
    assert (polled.status_code, polled.json()["error"]) == (400, "access_denied")


async def test_the_listener_is_told_in_oauths_words(counter: Counter) -> None:
    told = {}
    for error in (NO_ROLE, AWAY):
        asked = counter.asked()
        first = await counter.ask("GET", "/oauth/authorize", params=asked)
        back = first.headers["location"].partition("back=")[2]
        assert back.startswith(AUTHORIZE)
        answer = await counter.ask("GET", "/oauth/authorize", params=asked, headers=word(counter, error, back))
        location = answer.headers["location"]
        assert answer.status_code == 303 and location.startswith("http://127.0.0.1:49152/signed-in?")
        told[error.code] = dict(httpx.URL(location).params)

    assert told["no_role_mapped"]["error"] == "access_denied"
    assert told["no_role_mapped"]["error_description"] == NO_ROLE.sentence()
    assert told["unavailable"]["error"] == "temporarily_unavailable"
    assert {each["state"] for each in told.values()} == {STATE}
    assert {each["iss"] for each in told.values()} == {counter.house.installation.issuer.url}


async def test_a_word_of_another_page_a_forged_one_and_one_of_another_kind_are_not_heard(counter: Counter) -> None:
    parts = counter.house.installation
    _, now = parts.current.now()
    good = word(counter, NO_ROLE)["x-word"]
    pending = Pending(
        provider="a", state="s", nonce="n", verifier="v", return_path=DEVICE, begun_at=now.earliest, fresh=False
    )
    words = [
        word(counter, NO_ROLE, AUTHORIZE)["x-word"],
        good[:-4],
        good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        sealed(parts.turning_away._peppers, pending),
        "",
        "x.y.z",
    ]
    for each in words:
        page = await counter.ask("GET", "/oauth/device", headers={**HTML, "x-word": each})
        sent = await counter.ask("POST", "/oauth/device", data={"turned_away": each, "user_code": "BBBB-BBBB"})
        assert page.status_code == 303 and page.headers["location"].startswith("/sign-in")
        assert sent.status_code in {303, 400}


async def test_nobody_stops_anything_whom_no_provider_has_vouched_for(counter: Counter) -> None:
    started = (await start(counter)).json()
    headers = word(counter, AWAY)

    page = await counter.ask("GET", "/oauth/device", headers=headers)
    sent = await counter.ask(
        "POST", "/oauth/device", data={"turned_away": headers["x-word"], "user_code": started["user_code"]}
    )
    polled = await poll(counter, started["device_code"])

    assert "is away" in page.text and "<form" not in page.text
    assert sent.status_code == 400
    assert polled.json()["error"] == "authorization_pending"


async def test_codes_are_not_guessed_by_who_may_not_sign_in(counter: Counter) -> None:
    started, headers = (await start(counter)).json(), word(counter, NO_ROLE)

    for _ in range(pacing.GUESSES):
        assert (await stopped(counter, headers, "BBBB-BBBB"))[0] == 400
    status, text = await stopped(counter, headers, started["user_code"])
    polled = await poll(counter, started["device_code"])

    assert status == 429 and "wrong" in text
    assert polled.json()["error"] == "authorization_pending"
