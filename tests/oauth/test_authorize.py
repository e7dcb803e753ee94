"""Signing the command line in by a browser on the same computer, and everything that would get in by it otherwise."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from gateway.identity.logins.challenges import challenge_of, new_verifier
from gateway.oauth.browsing import FRESH
from tests.fakes.forms import form_in
from tests.identity.logins.test_redirects import ELSEWHERE
from tests.oauth.conftest import HTML, LISTENER, STATE, Counter

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def me(counter: Counter, token: str) -> httpx.Response:
    counter.house.tokens["cli"] = token
    return await counter.house.ask("GET", "/me", "cli")


async def test_a_person_lets_the_command_line_in_and_it_does_what_they_may(counter: Counter) -> None:
    ada = await counter.sign_in()
    answer = await counter.answered(ada)
    told = (await counter.redeem(answer["code"])).json()

    assert (answer["state"], answer["iss"]) == (STATE, counter.house.installation.issuer.url)
    assert set(told) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (told["token_type"], told["scope"], told["expires_in"]) == ("Bearer", "control", 600)
    mine = (await me(counter, told["access_token"])).json()
    assert (mine["organisation"], mine["roles"]) == ("provider", ["provider"])
    made = await counter.house.ask("POST", "/organisations", "cli", json={"id": "umbra", "name": "Umbra"})
    assert made.status_code == 201, made.text


async def test_a_token_of_a_person_opens_the_control_door_alone(counter: Counter) -> None:
    told = (await counter.redeem((await counter.answered(await counter.sign_in()))["code"])).json()
    transport = httpx.ASGITransport(app=counter.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        headers = {"authorization": f"Bearer {told['access_token']}"}
        models = await client.get("/v1/models", headers=headers)
        call = {"model": "acme/open", "messages": [{"role": "user", "content": "?"}]}
        called = await client.post("/v1/chat/completions", headers=headers, json=call)
        refreshed = await client.get("/v1/models", headers={"authorization": f"Bearer {told['refresh_token']}"})

    assert (models.json()["data"], called.json()["error"]["code"]) == ([], "scope_too_narrow")
    assert (called.status_code, refreshed.status_code) == (403, 401)


async def test_a_token_to_read_by_reads_alone(counter: Counter) -> None:
    answer = await counter.answered(await counter.sign_in(), scope="control:read")
    told = (await counter.redeem(answer["code"])).json()

    assert (await me(counter, told["access_token"])).status_code == 200
    made = await counter.house.ask("POST", "/organisations", "cli", json={"id": "umbra", "name": "Umbra"})
    assert (told["scope"], made.status_code, made.json()["code"]) == ("control:read", 403, "scope_too_narrow")


async def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_same(counter: Counter) -> None:
    answer = await counter.ask("GET", "/oauth/authorize", params=counter.asked())

    back = answer.headers["location"].removeprefix("/sign-in?fresh=False&back=")
    assert answer.status_code == 303 and back.startswith("/oauth/authorize?")
    assert (await counter.ask("GET", back, await counter.sign_in())).status_code == 200


async def test_who_is_to_prove_themselves_anew_does_and_whoever_just_has_does_not_again(counter: Counter) -> None:
    asked = counter.asked(prompt="login")

    nobody = await counter.ask("GET", "/oauth/authorize", params=asked)
    long_ago = await counter.ask("GET", "/oauth/authorize", await counter.sign_in(ago=FRESH), params=asked)
    just_now = await counter.ask("GET", "/oauth/authorize", await counter.sign_in(), params=asked)
    answer = await counter.answered(await counter.sign_in(), prompt="login")

    for sent in (nobody, long_ago):
        assert sent.headers["location"].startswith("/sign-in?fresh=True&back=/oauth/authorize?prompt=login")
    assert just_now.status_code == 200 and "code" in answer


async def test_where_several_providers_are_declared_one_is_chosen(counter: Counter) -> None:
    counter.browsers.providers = ["corporate", "<b>partner</b>"]
    try:
        page = await counter.ask("GET", "/oauth/authorize", params=counter.asked())
    finally:
        counter.browsers.providers = ["corporate"]

    assert page.status_code == 200 and page.text.count("/sign-in?fresh=False&amp;back=/oauth/authorize") == 2
    assert "&lt;b&gt;partner" in page.text and "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_who_says_no_is_not_signed_in(counter: Counter) -> None:
    answer = await counter.answered(await counter.sign_in(), "Cancel")

    assert answer == {
        "error": "access_denied",
        "error_description": "You said no in the browser. Start again: `gateway login`.",
        "state": STATE,
        "iss": counter.house.installation.issuer.url,
    }


async def test_the_page_says_who_and_runs_nothing_and_is_framed_by_nobody(counter: Counter) -> None:
    page = await counter.ask("GET", "/oauth/authorize", await counter.sign_in(), params=counter.asked())

    policy = page.headers["content-security-policy"]
    assert "Sign in gateway CLI on this computer as Ada &lt;b&gt;&quot;Lovelace&quot;&lt;/b&gt;?" in page.text
    assert "<b>" not in page.text and form_in(page.text).method == "post"
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src" not in policy
    assert policy.endswith("form-action 'self' http://127.0.0.1:49152")
    assert page.headers["x-frame-options"] == "DENY" and page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"


async def test_a_listener_on_the_other_protocol_is_let_through_by_the_page_too(counter: Counter) -> None:
    answer = await counter.answered(await counter.sign_in(), redirect_uri="http://[::1]:49152/signed-in")

    assert "code" in answer


# Codes.


async def test_a_code_is_good_for_once_and_the_second_time_ends_what_the_first_got(counter: Counter) -> None:
    code = (await counter.answered(await counter.sign_in()))["code"]
    told = (await counter.redeem(code)).json()
    assert (await me(counter, told["access_token"])).status_code == 200

    again = await counter.redeem(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    over = await me(counter, told["access_token"])
    renewed = await counter.token(grant_type="refresh_token", refresh_token=told["refresh_token"])
    assert (over.status_code, over.json()["code"]) == (401, "session_over")
    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")


MISUSED: dict[str, tuple[int, str, dict[str, str]]] = {
    "another verifier": (400, "invalid_grant", {"code_verifier": new_verifier()}),
    "a verifier out of form": (400, "invalid_grant", {"code_verifier": "short"}),
    "no verifier": (400, "invalid_request", {"code_verifier": ""}),
    "another redirect": (400, "invalid_grant", {"redirect_uri": "http://127.0.0.1:1/signed-in"}),
    "no redirect": (400, "invalid_request", {"redirect_uri": ""}),
    "no code": (400, "invalid_request", {"code": ""}),
    "no client": (401, "invalid_client", {"client_id": ""}),
    "another client": (401, "invalid_client", {"client_id": "0" * 12}),
    "a secret besides": (401, "invalid_client", {"client_secret": "x"}),
    "an assertion besides": (401, "invalid_client", {"client_assertion": "a.b.c"}),
    "as what renews": (400, "invalid_request", {"grant_type": "refresh_token"}),
    "as a device's": (
        400,
        "invalid_request",
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
    ),
    "as a client's": (401, "invalid_client", {"grant_type": "client_credentials"}),
    "as a password": (400, "unsupported_grant_type", {"grant_type": "password"}),
}


@pytest.mark.parametrize("how", MISUSED)
async def test_a_code_is_redeemed_as_it_was_asked_for_or_not_at_all(counter: Counter, how: str) -> None:
    status, error, changed = MISUSED[how]
    code = (await counter.answered(await counter.sign_in()))["code"]

    answer = await counter.redeem(**{"code": code, **changed})

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert code not in answer.text and set(answer.json()) == {"error", "error_description"}


async def test_a_proof_of_a_key_is_refused_and_not_taken_for_nothing(counter: Counter) -> None:
    code = (await counter.answered(await counter.sign_in()))["code"]
    form = {"client_id": "gateway-cli", "grant_type": "authorization_code", "code": code, "redirect_uri": LISTENER}

    answer = await counter.ask(
        "POST", "/oauth/token", data={**form, "code_verifier": counter.verifier}, headers={"dpop": "a.b.c"}
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


# Requests for one.


async def test_nothing_is_carried_to_another_address_neither_code_nor_error(counter: Counter) -> None:
    ada = await counter.sign_in()
    form = form_in((await counter.ask("GET", "/oauth/authorize", ada, params=counter.asked())).text)
    for uri in ("", *ELSEWHERE):
        asked = {**counter.asked(), "redirect_uri": uri, "response_type": "token"}
        followed = await counter.ask("GET", f"/oauth/authorize?{urlencode(asked)}", ada)
        pressed = {**form.pressed("Sign in"), "redirect_uri": uri}
        sent = await counter.ask("POST", form.action, ada, data=pressed)

        for answer in (followed, sent):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), uri
            assert "location" not in answer.headers


async def test_people_see_a_page_where_nothing_may_be_carried_on(counter: Counter) -> None:
    asked = counter.asked(redirect_uri="https://evil.example/<script>")

    answer = await counter.ask("GET", "/oauth/authorize", params=asked, headers=HTML)

    assert answer.status_code == 400 and answer.headers["content-type"].startswith("text/html")
    assert "invalid_request" in answer.text and "evil" not in answer.text and "<script" not in answer.text


CARRIED: dict[str, tuple[str, dict[str, str | None]]] = {
    "no challenge": ("invalid_request", {"code_challenge": None, "code_challenge_method": None}),
    "a plain challenge": ("invalid_request", {"code_challenge_method": "plain"}),
    "a challenge without a method": ("invalid_request", {"code_challenge_method": None}),
    "a challenge out of form": ("invalid_request", {"code_challenge": "x"}),
    "no state": ("invalid_request", {"state": None}),
    "a token at once": ("unsupported_response_type", {"response_type": "token"}),
    "an ID token": ("unsupported_response_type", {"response_type": "code id_token"}),
    "a scope too wide": ("invalid_scope", {"scope": "control scim"}),
    "a request object": ("invalid_request", {"request": "ey.ey.x"}),
    "a request by reference": ("invalid_request", {"request_uri": "https://evil.example/"}),
    "another prompt": ("invalid_request", {"prompt": "none"}),
    "another mode": ("invalid_request", {"response_mode": "form_post"}),
}


@pytest.mark.parametrize("how", CARRIED)
async def test_other_errors_are_carried_to_the_listener_and_name_who_answers(counter: Counter, how: str) -> None:
    error, changed = CARRIED[how]

    answer = await counter.ask("GET", "/oauth/authorize", await counter.sign_in(), params=counter.asked(**changed))

    where = httpx.URL(answer.headers["location"])
    assert answer.status_code == 303 and str(where).startswith(LISTENER + "?")
    told = dict(where.params)
    assert (told["error"], told["iss"]) == (error, counter.house.installation.issuer.url)
    assert told.get("state") == (None if changed.get("state", STATE) is None else STATE) and "code" not in told


# Forms that were not given to whoever sends them.


def forged(form: dict[str, str], how: str) -> dict[str, str]:
    changed: dict[str, dict[str, str | None]] = {
        "no token": {"form_token": None},
        "a token made up": {"form_token": "0" * 64},
        "a token that is no ASCII": {"form_token": "ü"},
        "another challenge": {"code_challenge": challenge_of(new_verifier())},
        "another listener": {"redirect_uri": "http://127.0.0.1:1/signed-in"},
        "another state": {"state": "other"},
        "another scope": {"scope": "control:read"},
        "no decision": {"decision": None},
        "another decision": {"decision": "yes"},
    }
    return {name: value for name, value in {**form, **changed[how]}.items() if value is not None}


@pytest.mark.parametrize(
    "how",
    [
        "no token",
        "a token made up",
        "a token that is no ASCII",
        "another challenge",
        "another listener",
        "another state",
        "another scope",
        "no decision",
        "another decision",
    ],
)
async def test_a_form_is_taken_as_it_was_given_or_not_at_all(counter: Counter, how: str) -> None:
    ada = await counter.sign_in()
    form = form_in((await counter.ask("GET", "/oauth/authorize", ada, params=counter.asked())).text)

    answer = await counter.ask("POST", form.action, ada, data=forged(form.pressed("Sign in"), how))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_form_of_another_browser_is_refused_be_it_of_the_same_person(counter: Counter) -> None:
    given = await counter.sign_in("mallory")
    form = form_in((await counter.ask("GET", "/oauth/authorize", given, params=counter.asked())).text)

    for other in (await counter.sign_in("ada"), await counter.sign_in("mallory")):
        answer = await counter.ask("POST", form.action, other, data=form.pressed("Sign in"))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    nobody = await counter.ask("POST", form.action, data=form.pressed("Sign in"))
    assert nobody.status_code == 303 and nobody.headers["location"].startswith(
        "/sign-in?fresh=False&back=/oauth/authorize"
    )


async def test_a_form_of_the_other_page_is_refused(counter: Counter) -> None:
    ada = await counter.sign_in()
    device = form_in((await counter.ask("GET", "/oauth/device", ada)).text)
    form = form_in((await counter.ask("GET", "/oauth/authorize", ada, params=counter.asked())).text)

    mixed = {**form.pressed("Sign in"), "form_token": device.fields["form_token"]}
    answer = await counter.ask("POST", form.action, ada, data=mixed)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


GARBAGE: dict[str, dict[str, Any]] = {
    "parameters given twice": {"method": "GET", "path": "/oauth/authorize?client_id=gateway-cli&client_id=x"},
    "no parameters": {"method": "GET", "path": "/oauth/authorize"},
    "no list": {"method": "GET", "path": "/oauth/authorize?&&&"},
    "no UTF-8": {"method": "GET", "path": "/oauth/authorize?state=%ff"},
    "too many": {"method": "GET", "path": "/oauth/authorize?" + "&".join(f"a{n}=1" for n in range(40))},
    "JSON": {"method": "POST", "path": "/oauth/authorize", "json": {}},
    "an empty form": {"method": "POST", "path": "/oauth/authorize", "data": {}},
    "parameters beside the form": {"method": "POST", "path": "/oauth/device?a=1", "data": {"a": "1"}},
}


@pytest.mark.parametrize("how", GARBAGE)
async def test_what_is_no_request_is_refused_in_oauths_shape(counter: Counter, how: str) -> None:
    given = dict(GARBAGE[how])

    answer = await counter.ask(given.pop("method"), given.pop("path"), await counter.sign_in(), **given)

    assert answer.status_code == 400 and answer.json()["error"] in {"invalid_request", "invalid_client"}


# Once signed in.


async def test_what_renews_is_replaced_each_time_and_a_copy_ends_the_session(counter: Counter) -> None:
    first = (await counter.redeem((await counter.answered(await counter.sign_in()))["code"])).json()

    second = await counter.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    stolen = await counter.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    third = await counter.token(grant_type="refresh_token", refresh_token=second.json()["refresh_token"])

    assert second.status_code == 200 and second.json()["refresh_token"] != first["refresh_token"]
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (third.status_code, third.json()["error"]) == (400, "invalid_grant")
    assert (await me(counter, second.json()["access_token"])).status_code == 401


async def test_renewing_widens_nothing(counter: Counter) -> None:
    told = (
        await counter.redeem((await counter.answered(await counter.sign_in(), scope="control:read"))["code"])
    ).json()

    wider = await counter.token(grant_type="refresh_token", refresh_token=told["refresh_token"], scope="control")
    same = await counter.token(grant_type="refresh_token", refresh_token=told["refresh_token"])

    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    assert same.json()["scope"] == "control:read"


async def test_signing_out_ends_both_tokens_and_needs_no_secret(counter: Counter) -> None:
    told = (await counter.redeem((await counter.answered(await counter.sign_in()))["code"])).json()

    ended = await counter.ask(
        "POST", "/oauth/revoke", data={"client_id": "gateway-cli", "token": told["refresh_token"]}
    )
    nothing = await counter.ask("POST", "/oauth/revoke", data={"client_id": "gateway-cli", "token": "x"})

    assert (ended.status_code, nothing.status_code) == (200, 200)
    assert (await me(counter, told["access_token"])).status_code == 401


async def test_a_client_cannot_end_a_persons_session_by_their_token(counter: Counter) -> None:
    told = (await counter.redeem((await counter.answered(await counter.sign_in()))["code"])).json()
    made = (await counter.house.ask("POST", "/clients", json={"organisation": "acme"})).json()
    client = made["client"]["client"]["id"], made["client_secret"]

    by_client = await counter.ask("POST", "/oauth/revoke", data={"token": told["access_token"]}, auth=client)

    assert (by_client.status_code, by_client.json()["error"]) == (400, "invalid_grant")
    assert (await me(counter, told["access_token"])).status_code == 200


async def test_the_metadata_says_how_people_sign_in_where_they_can(counter: Counter) -> None:
    told = (await counter.ask("GET", "/.well-known/oauth-authorization-server")).json()
    plain = counter.house.installation.issuer.document(people=False)

    assert told["authorization_endpoint"].endswith("/oauth/authorize")
    assert told["device_authorization_endpoint"].endswith("/oauth/device_authorization")
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert {"authorization_code", "refresh_token"} < set(told["grant_types_supported"])
    assert "none" in told["token_endpoint_auth_methods_supported"]
    assert plain["grant_types_supported"] == ["client_credentials"] and "authorization_endpoint" not in plain


async def test_no_code_and_no_token_is_in_what_is_logged(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    code = (await counter.answered(await counter.sign_in()))["code"]
    told = (await counter.redeem(code)).json()
    await counter.redeem(code)

    out = "".join(capsys.readouterr())
    assert not any(re.search(re.escape(secret), out) for secret in (code, told["refresh_token"], told["access_token"]))
