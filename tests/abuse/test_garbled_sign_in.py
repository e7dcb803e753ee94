"""Everything by which people come in and go out, with real parts and something wrong: never a fault, and nobody in."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.identity.logins import devices
from gateway.identity.logins.pacing import Guesses, Pace
from tests.abuse.signing_in import CLI, SESSION, SIGN_IN, Desk, where_people_sign_in
from tests.fakes.forms import form_in
from tests.fakes.garbling import NASTY, garbled, respelt
from tests.faults.report import write_report

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
GARBLED = 20_000 if SOAK else 300
ANEW_EVERY = 500
ANSWERS = {200, 204, 303, 400, 401, 403, 404, 405, 409, 413, 415, 431}
FORM = "application/x-www-form-urlencoded"
FAULTS = {"door_failed", "unforeseen", "authentication_failed"}


@dataclass(frozen=True)
class Real:
    """A request that would be good as it stands."""

    name: str
    method: str
    path: str
    fields: dict[str, str]
    proofs: frozenset[str] = frozenset()
    """Without any of these fields as it is nobody may come in, or be put out, by this."""
    carried: dict[str, str] = field(default_factory=dict)
    """Headers; each is a proof too."""


@dataclass(frozen=True)
class Hostile:
    """What becomes of it."""

    real: Real
    text: str
    carried: dict[str, str]

    @property
    def is_good_still(self) -> bool:
        """Whether everything by which it would be let in is there as it was: then it is no attack."""
        said = parse_qs(self.text, keep_blank_values=True, max_num_fields=100)
        real = self.real
        return self.carried == real.carried and all(real.fields[name] in said.get(name, ()) for name in real.proofs)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with where_people_sign_in(tmp_path_factory.mktemp("garbled")) as opened:
        yield opened


def real_ones(desk: Desk) -> list[Real]:
    """Every request there is of people who sign in or out, made anew of what they hold now."""
    sealed, back = desk.begun()
    shown = {"cookie": f"{SESSION}={desk.session}"}
    csrf = desk.browser.session()["csrf_token"]
    consent, entry = desk.consent(), form_in(desk.browser.go("/oauth/device").text)
    waiting, tokens, redeeming = desk.waiting(), desk.logged_in(), desk.redeeming()
    looked = form_in(desk.post(entry.action, entry.pressed("Go on", user_code=waiting["user_code"])).text)
    polling = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": waiting["device_code"]}
    renewing = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    said, decided = consent.pressed("Sign in"), looked.pressed("Sign in")
    csrf_too = {**shown, "x-csrf-token": csrf, "origin": desk.house.url}  # one sign of where it comes from is enough
    own = {"client_id": CLI}
    return [
        Real("start", "GET", "/control/session/start", {"provider": "corporate", "return": "/control/me"}),
        Real("callback", "GET", "/control/session/callback", back, frozenset(back), {"cookie": f"{SIGN_IN}={sealed}"}),
        Real("logout", "POST", "/control/session/end", {}, carried=csrf_too),
        Real("authorize", "GET", "/oauth/authorize", desk.asked(), carried=shown),
        Real("consent", "POST", "/oauth/authorize", said, frozenset(said) - {"scope"}, shown),
        Real("device", "GET", "/oauth/device", {"user_code": waiting["user_code"]}, carried=shown),
        Real("code entered", "POST", "/oauth/device", entry.pressed("Go on", user_code="BCDF-GHJK"), carried=shown),
        Real("device allowed", "POST", "/oauth/device", decided, frozenset(decided), shown),
        Real("code redeemed", "POST", "/oauth/token", redeeming, frozenset(redeeming)),
        Real("renewed", "POST", "/oauth/token", own | renewing, frozenset(own | renewing)),
        Real("polled", "POST", "/oauth/token", own | polling, frozenset(own | polling)),
        Real("waiting", "POST", "/oauth/device_authorization", own | {"scope": "control"}),
        Real("revoked", "POST", "/oauth/revoke", own | {"token": tokens["refresh_token"]}, frozenset({*own, "token"})),
    ]


def hostile(chance: random.Random, real: Real) -> Hostile:
    """The request with something wrong in it that matters."""
    while True:
        text = garbled(real.fields, chance) if real.fields and chance.random() < 0.8 else garbled({"a": "b"}, chance)
        carried = dict(real.carried)
        for name in carried:
            if chance.random() < 0.3:
                value = respelt(chance, carried[name], chance.randrange(5))
                carried[name] = chance.choice([value, value, chance.choice(NASTY)])
        made = Hostile(real, text, {name: plain(value) for name, value in carried.items()})
        if not made.is_good_still or not (real.proofs or real.carried):
            return made


def plain(value: str) -> str:
    """A header that a client can send at all; what cannot be is for the tests of raw bytes."""
    return "".join(letter for letter in value if " " < letter <= "~")


def sent(desk: Desk, made: Hostile) -> httpx.Response:
    """The answer to it. Nothing that an answer sets is kept."""
    client, url = desk.house.client, desk.house.url + made.real.path
    headers = {name: value for name, value in made.carried.items() if value}
    headers |= {"accept": "text/html"} if len(made.text) % 3 == 0 else {}
    if made.real.method == "GET":
        answer = client.get(f"{url}?{made.text}", headers=headers)
    else:
        content = made.text.encode("utf-8", "replace")
        answer = client.post(url, content=content, headers={"content-type": FORM, **headers})
    client.cookies.clear()
    return answer


def gave(answer: httpx.Response) -> bool:
    """Whether somebody came in by this answer, in whatever way."""
    kept = [value for value in answer.headers.get_list("set-cookie") if value.startswith(f"{SESSION}=")]
    is_in = any(not value.startswith((f"{SESSION}=;", f'{SESSION}="";')) for value in kept)
    return (
        is_in
        or "access_token" in answer.text
        or "rsgc_" in answer.headers.get("location", "")
        or "Go back to your terminal</p>" in answer.text
        or "<title>Signed in</title>" in answer.text
    )


def test_the_requests_that_are_garbled_are_good_before(desk: Desk) -> None:
    """Else nothing would be proved by what comes of them."""
    desk.sign_in()
    good = {real.name: Hostile(real, urlencode(real.fields), real.carried) for real in real_ones(desk)}
    letting_in = ("callback", "consent", "device allowed", "polled", "code redeemed", "renewed")

    answers = {name: sent(desk, good.pop(name)) for name in letting_in}
    others = {name: sent(desk, made) for name, made in good.items() if name != "logout"}
    was_in = desk.is_in()
    out = sent(desk, good["logout"])

    assert [name for name, answer in answers.items() if not gave(answer)] == []
    assert [name for name, answer in others.items() if gave(answer)] == []
    assert _is_provider(desk, others["start"]) and others["revoked"].status_code == 200
    assert was_in and out.status_code == 200 and not desk.is_in()


@pytest.mark.soak
def test_garbled_sign_ins_get_no_fault_and_let_nobody_in_or_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for whose, what, value in (
        (Guesses, "wait_us", lambda *_: 0),
        (Pace, "is_too_early", lambda *_: False),
        (devices, "OF_ONE_ADDRESS", 1_000_000),
        (devices, "OF_ALL", 1_000_000),
    ):
        monkeypatch.setattr(whose, what, value)
    chance, met, wrong = random.Random(20261125), Counter[str](), []
    held: list[Any] = []
    before = len(desk.house.entries(event="session:started"))

    with capture_logs() as logged:
        for turn in range(GARBLED):
            if turn % ANEW_EVERY == 0:
                desk.sign_in()
                reals = real_ones(desk)
                held.append((desk.browser, next(each.fields for each in reals if each.name == "renewed")))
            made = hostile(chance, chance.choice(reals))
            answer = sent(desk, made)
            met[f"{answer.status_code}"] += 1
            is_astray = made.real.name == "start" and answer.is_redirect and not _is_provider(desk, answer)
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            if answer.status_code not in ANSWERS or gave(answer) or is_astray or (is_page and "<script" in answer.text):
                wrong.append((made.real.name, made.text, made.carried, answer.status_code))

    assert wrong == []
    assert [line for line in logged if line["event"] in FAULTS] == []
    assert [browser.go("/control/session").status_code for browser, _ in held] == [200] * len(held), (
        "nobody was put out"
    )
    renewed = [desk.house.client.post(f"{desk.house.url}/oauth/token", data=form) for _, form in held]
    assert [answer.status_code for answer in renewed] == [200] * len(held)
    started = len(desk.house.entries(event="session:started")) - before
    assert started == 2 * len(held), "each one's browser and command line, and nobody else"
    if SOAK:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(met.items()))
        told = {
            "requests with something wrong": f"{met.total()}, of which 0 let anybody in or out",
            "answers": statuses,
        }
        write_report("Signing in and out, garbled", told)


def _is_provider(desk: Desk, answer: httpx.Response) -> bool:
    return answer.headers["location"].startswith(f"{desk.provider.url}/")
