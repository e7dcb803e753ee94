"""Signing in on another device (RFC 8628): what is shown to whom, and what guessing, hurrying and mixing get."""

import re

import httpx
import pytest

from gateway.clock import SECOND
from gateway.identity.callers import Role
from gateway.identity.logins import devices, pacing
from tests.fakes.forms import form_in
from tests.oauth.conftest import HTML, Counter

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EVIL = "<script>alert(1)</script>"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def start(counter: Counter, **form: str) -> httpx.Response:
    return await counter.ask("POST", "/oauth/device_authorization", data={"client_id": "gateway-cli", **form})


async def poll(counter: Counter, device_code: str, **form: str) -> httpx.Response:
    return await counter.token(**{"grant_type": GRANT, "device_code": device_code, **form})


async def entered(counter: Counter, browser: str, code: str) -> httpx.Response:
    """The page after a code was typed."""
    form = form_in((await counter.ask("GET", "/oauth/device", browser)).text)
    return await counter.ask("POST", form.action, browser, data=form.pressed("Go on", user_code=code))


async def decided(counter: Counter, browser: str, code: str, button: str) -> httpx.Response:
    """The page after a decision."""
    form = form_in((await entered(counter, browser, code)).text)
    return await counter.ask("POST", form.action, browser, data=form.pressed(button))


async def test_a_person_enters_the_code_sees_what_asks_and_lets_it_in(counter: Counter) -> None:
    started = (await start(counter, scope="control:read")).json()
    waits = await poll(counter, started["device_code"])
    ada = await counter.sign_in("ada", Role.AUDITOR)

    page = await entered(counter, ada, started["user_code"].lower().replace("-", " "))
    done = await decided(counter, ada, started["user_code"], "Sign in")
    hurried = await poll(counter, started["device_code"])

    assert set(started) == {"device_code", "user_code", "verification_uri", "expires_in", "interval"}
    assert re.fullmatch("[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}", started["user_code"])
    assert started["verification_uri"] == counter.house.installation.issuer.url + "/oauth/device"
    assert (started["expires_in"], started["interval"]) == (600, 5)
    assert (waits.status_code, waits.json()["error"]) == (400, "authorization_pending")
    assert "192.0.2.7" in page.text and started["user_code"] in page.text and "see what you may see" in page.text
    assert done.status_code == 200 and "Go back to your terminal" in done.text
    assert (hurried.status_code, hurried.json()["error"]) == (400, "slow_down")


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However soon it is asked again, it is not too early."""
    monkeypatch.setattr(pacing.Pace, "is_too_early", lambda *_: False)


@pytest.mark.usefixtures("unhurried")
async def test_what_was_allowed_is_redeemed_once_and_a_second_time_ends_it(counter: Counter) -> None:
    started = (await start(counter)).json()
    await decided(counter, await counter.sign_in("ada", Role.AUDITOR), started["user_code"], "Sign in")

    told = (await poll(counter, started["device_code"])).json()
    counter.house.tokens["cli"] = told["access_token"]
    mine = (await counter.house.ask("GET", "/me", "cli")).json()
    again = await poll(counter, started["device_code"])
    over = await counter.house.ask("GET", "/me", "cli")

    assert (mine["roles"], told["scope"]) == (["auditor"], "control")
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (over.status_code, over.json()["code"]) == (401, "session_over")


@pytest.mark.usefixtures("unhurried")
async def test_what_was_denied_gets_nothing_and_its_code_is_over(counter: Counter) -> None:
    started, ada = (await start(counter)).json(), await counter.sign_in()
    page = await decided(counter, ada, started["user_code"], "Cancel")

    answer = await poll(counter, started["device_code"])
    again = await entered(counter, ada, started["user_code"])

    assert page.status_code == 200 and "you said no" in page.text
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")
    assert again.status_code == 400 and "Nothing waits for this code" in again.text


async def test_codes_are_not_guessed(counter: Counter) -> None:
    started, guesser = (await start(counter)).json(), await counter.sign_in("guesser")
    for _ in range(pacing.GUESSES):
        wrong = await entered(counter, guesser, "BBBB-BBBB")
        assert wrong.status_code == 400 and "Nothing waits" in wrong.text

    stopped = await entered(counter, guesser, started["user_code"])
    in_another_browser = await entered(counter, await counter.sign_in("guesser"), started["user_code"])
    ada = await entered(counter, await counter.sign_in("ada"), started["user_code"])

    assert (stopped.status_code, in_another_browser.status_code, ada.status_code) == (429, 429, 200)
    assert "Too many" in stopped.text and "Too many" in in_another_browser.text
    assert 0 < int(stopped.headers["retry-after"]) <= pacing.GUESSES_WITHIN // SECOND
    assert pacing.GUESSES_WITHIN >= devices.LASTS, "no code stands for longer than its guesses are counted"


async def test_nothing_that_a_stranger_wrote_is_shown_and_no_link_enters_a_code(counter: Counter) -> None:
    started, ada = (await start(counter)).json(), await counter.sign_in()

    linked = await counter.ask("GET", f"/oauth/device?user_code={started['user_code']}", ada)
    typed = await entered(counter, ada, EVIL)
    named = await start(counter, client_name=EVIL)
    phishing = await counter.ask(
        "POST",
        "/oauth/device_authorization",
        data={"client_id": "gateway-cli"},
        headers={"user-agent": EVIL, "x-forwarded-for": EVIL, "host": "evil.example"},
    )
    page = await entered(counter, ada, phishing.json()["user_code"])

    assert linked.status_code == 200 and started["user_code"] not in linked.text
    assert typed.status_code == 400 and "alert(1)" not in typed.text
    assert named.status_code == 200 and "evil" not in phishing.text
    assert "alert(1)" not in page.text and "Nobody else has a reason to give you a code" in page.text


async def test_no_decision_is_sent_for_a_code_that_was_not_looked_at(counter: Counter) -> None:
    """Who could send the decision without the look would guess codes without being counted."""
    first, second, ada = (await start(counter)).json(), (await start(counter)).json(), await counter.sign_in()
    form = form_in((await entered(counter, ada, first["user_code"])).text)
    entry = form_in((await counter.ask("GET", "/oauth/device", ada)).text)
    plain = second["user_code"].replace("-", "")

    for fields in (
        form.pressed("Sign in", user_code=plain),
        {**entry.fields, "user_code": plain, "decision": "allow"},
        {"user_code": plain, "decision": "allow"},
        {**form.fields, "user_code": plain, "decision": "look"},
        {**form.fields, "decision": "maybe"},
    ):
        answer = await counter.ask("POST", "/oauth/device", ada, data=fields)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_confirmation_of_another_browser_is_refused(counter: Counter) -> None:
    started, mallory = (await start(counter)).json(), await counter.sign_in("mallory")
    form = form_in((await entered(counter, mallory, started["user_code"])).text)

    answer = await counter.ask("POST", form.action, await counter.sign_in("ada"), data=form.pressed("Sign in"))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_code_that_was_decided_meanwhile_is_told_of_on_a_page(counter: Counter) -> None:
    started, ada = (await start(counter)).json(), await counter.sign_in()
    form = form_in((await entered(counter, ada, started["user_code"])).text)
    first = await counter.ask("POST", form.action, ada, data=form.pressed("Cancel"))

    second = await counter.ask("POST", form.action, ada, data=form.pressed("Sign in"), headers=HTML)

    assert (first.status_code, second.status_code) == (200, 400)
    assert "Nothing waits for this code any more" in second.text


async def test_who_is_not_signed_in_signs_in_first(counter: Counter) -> None:
    for method in ("GET", "POST"):
        answer = await counter.ask(method, "/oauth/device", **({"data": {"a": "1"}} if method == "POST" else {}))
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?fresh=False&back=/oauth/device")


WRONG = {
    "no client": (401, "invalid_client", {"client_id": ""}),
    "another client": (401, "invalid_client", {"client_id": "0" * 12}),
    "a secret": (401, "invalid_client", {"client_secret": "x"}),
    "a scope too wide": (400, "invalid_scope", {"scope": "scim"}),
}


@pytest.mark.parametrize("how", WRONG)
async def test_what_may_not_wait_does_not(counter: Counter, how: str) -> None:
    status, error, changed = WRONG[how]

    answer = await start(counter, **changed)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.usefixtures("unhurried")
async def test_codes_of_the_two_ways_are_not_mixed(counter: Counter) -> None:
    started, ada = (await start(counter)).json(), await counter.sign_in()
    await decided(counter, ada, started["user_code"], "Sign in")
    code = (await counter.answered(ada))["code"]

    mixed = [
        await counter.redeem(started["device_code"]),
        await counter.redeem(started["user_code"]),
        await poll(counter, code),
        await poll(counter, started["user_code"]),
        await counter.token(grant_type="refresh_token", refresh_token=started["device_code"]),
        await counter.token(grant_type="refresh_token", refresh_token=code),
    ]
    nameless = await poll(counter, started["device_code"], client_id="0" * 12)

    assert [(each.status_code, each.json()["error"]) for each in mixed] == [(400, "invalid_grant")] * 6
    assert (nameless.status_code, nameless.json()["error"]) == (401, "invalid_client")
    assert (await counter.redeem(code)).status_code == 200
    assert (await poll(counter, started["device_code"])).status_code == 200


async def test_an_address_cannot_let_everybody_wait(counter: Counter) -> None:
    """The last: others wait already, and nobody can after this."""
    started = [await start(counter) for _ in range(devices.OF_ONE_ADDRESS + 1)]

    answer = started[-1]
    assert started[0].status_code == 200 and (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
