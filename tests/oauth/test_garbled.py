"""Good requests of every kind, garbled: whatever comes of one, it is an answer of this door, and nobody gets in."""

import os
import random
from typing import Any
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from tests.fakes.forms import form_in
from tests.oauth.conftest import HTML, Counter

GARBLED = 20_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 200

NASTY = [
    "",
    " ",
    "\0",
    "\r\nset-cookie: a=b",
    "%",
    "%00",
    "ü",
    "\u202e",
    "😀" * 50,
    "'\"><script>alert(1)</script>",
    "../../etc/passwd",
    "gateway-cli\0",
    "http://127.0.0.1:1/../x",
    "http://[::1]:1/",
    "null",
    "-1",
    "[]",
    "a" * 3_000,
    "code",
    "S256",
    "allow",
    "look",
    "control",
]
ANSWERS = {200, 303, 400, 401, 403, 404, 405, 413}

pytestmark = pytest.mark.asyncio(loop_scope="module")


def garbled(fields: dict[str, str], chance: random.Random) -> str:
    """A form with some of its fields changed, left out, given twice or put in others' places."""
    listed = list(fields.items())
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(listed)) if listed else 0
        how = chance.randrange(6)
        if how == 0 and listed:
            del listed[place]
        elif how == 1 and listed:
            listed.append(listed[place])
        elif how == 2 and listed:
            listed[place] = (listed[place][0], chance.choice(NASTY))
        elif how == 3 and listed:
            listed[place] = (listed[place][0], chance.choice(listed)[1])
        elif how == 4:
            listed.append((chance.choice(NASTY), chance.choice(NASTY)))
        elif listed:
            text = listed[place][1]
            cut = chance.randint(0, len(text))
            listed[place] = (listed[place][0], text[:cut] + chance.choice(NASTY) + text[cut + 1 :])
    text = urlencode(listed, errors="replace")
    return text if chance.random() < 0.9 else text.replace("%", chance.choice(["%%", "", "%zz"]))


async def test_garbled_requests_get_answers_of_this_door_and_no_tokens(counter: Counter) -> None:
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
        for _ in range(GARBLED):
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
