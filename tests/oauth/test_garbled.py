"""Good requests of every kind, garbled: whatever comes of one, it is an answer of this door, and nobody gets in."""

import os
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.identity.logins.pacing import Guesses, Pace
from tests.fakes.forms import form_in
from tests.fakes.garbling import garbled
from tests.oauth.conftest import HTML, Counter

GARBLED = 20_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 200

ANSWERS = {200, 303, 400, 401, 403, 404, 405, 413}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.soak
async def test_garbled_requests_get_answers_of_this_door_and_no_tokens(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guesses, "wait_us", lambda *_: 0)  # what is paced would be looked at no more
    monkeypatch.setattr(Pace, "is_too_early", lambda *_: False)
    chance = random.Random(20261124)
    ada = await counter.sign_in()
    browsers = ["", ada, ada[:-1], "session_" + "0" * 24 + "." + "A" * 43]
    consent = form_in((await counter.ask("GET", "/oauth/authorize", ada, params=counter.asked())).text)
    entry = form_in((await counter.ask("GET", "/oauth/device", ada)).text)
    code, device = "rsgc_" + "A" * 43, "rsgd_" + "A" * 43
    redeeming = {"code": code, "redirect_uri": "http://127.0.0.1:1/", "code_verifier": counter.verifier}
    good: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/oauth/authorize", counter.asked()),
        ("POST", "/oauth/authorize", {**consent.pressed("Cancel")}),
        ("GET", "/oauth/device", {"user_code": "BCDF-GHJK"}),
        ("POST", "/oauth/device", entry.pressed("Go on", user_code="BCDF-GHJK")),
        ("POST", "/oauth/token", {"client_id": "gateway-cli", "grant_type": "authorization_code", **redeeming}),
        ("POST", "/oauth/token", {"client_id": "gateway-cli", "grant_type": "refresh_token", "refresh_token": code}),
        (
            "POST",
            "/oauth/token",
            {
                "client_id": "gateway-cli",
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "device_code": device,
            },
        ),
        ("POST", "/oauth/device_authorization", {"client_id": "gateway-cli", "scope": "control"}),
        ("POST", "/oauth/revoke", {"client_id": "gateway-cli", "token": code}),
    ]
    wrong = []
    with capture_logs() as logged:
        for turn in range(GARBLED):
            if turn % 100 == 0:
                await counter.house.follow()  # as every process does, or it would know after five seconds of no time
            method, path, fields = chance.choice(good)
            text = garbled(fields, chance)
            sent: dict[str, Any] = {"headers": dict(HTML) if chance.random() < 0.3 else {}}
            if method == "POST":
                sent["content"] = text.encode("utf-8", "replace")
                sent["headers"]["content-type"] = "application/x-www-form-urlencoded"
            answer = await counter.ask(
                method, f"{path}?{text}" if method == "GET" else path, chance.choice(browsers), **sent
            )
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            gave = "access_token" in answer.text or "rsgc_" in answer.headers.get("location", "")
            if answer.status_code not in ANSWERS or gave or (is_page and "<script" in answer.text):
                wrong.append((method, path, text, answer.status_code))

    assert wrong == []
    assert [line for line in logged if line["event"] == "door_failed"] == []
