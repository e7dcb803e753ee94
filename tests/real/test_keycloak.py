"""People sign in at a real Keycloak, and land as they are mapped (`make soak`, after `make keycloak`)."""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import Browser
from tests.journeys.test_login import Shell, follow, log_in, press

ROOT = Path(__file__).resolve().parents[2]
KEYCLOAK = Path(os.environ.get("KEYCLOAK_HOME", ROOT / ".tools" / "keycloak"))
SECRET = "of the client"
PATIENCE_S = 300.0
OUT_S = 1.0
PEOPLE = {
    "mia": ("managers", "provider", ["provider", "staff"]),
    "ada": ("risk", "provider", ["approver"]),
    "sam": ("security", "provider", ["analyst"]),
    "dev": ("acme", "acme", ["developer"]),
}


def realm(redirect_uri: str) -> dict[str, Any]:
    """A realm of four people in groups, whose names are their passwords, and this gateway as its client."""
    groups = {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {"claim.name": "groups", "full.path": "false", "id.token.claim": "true"},
    }
    return {
        "realm": "staff",
        "enabled": True,
        "groups": [{"name": group} for group, _, _ in PEOPLE.values()],
        "users": [
            {
                "username": name,
                "enabled": True,
                "firstName": name.title(),
                "lastName": "of the tests",
                "email": f"{name}@example.com",
                "emailVerified": True,
                "groups": [group],
                "credentials": [{"type": "password", "value": name, "temporary": False}],
            }
            for name, (group, _, _) in PEOPLE.items()
        ],
        "clients": [
            {
                "clientId": "release-gateway",
                "secret": SECRET,
                "redirectUris": [redirect_uri],
                "standardFlowEnabled": True,
                "directAccessGrantsEnabled": False,
                "attributes": {"pkce.code.challenge.method": "S256"},
                "protocolMappers": [groups],
            }
        ],
    }


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Keycloak on loopback: its issuer, and the port at which the gateway is to be."""
    if shutil.which("java") is None or not KEYCLOAK.is_dir():
        pytest.skip("Keycloak is not at hand: install java and maven, then `make keycloak`")
    folder, port, own = tmp_path_factory.mktemp("keycloak"), free_port(), free_port()
    shutil.copytree(KEYCLOAK, folder / "keycloak")
    imported = folder / "keycloak" / "data" / "import" / "staff.json"
    imported.parent.mkdir(parents=True)
    imported.write_text(json.dumps(realm(f"http://127.0.0.1:{own}/control/session/callback")))
    command = [folder / "keycloak" / "bin" / "kc.sh", "start-dev", "--import-realm", f"--http-port={port}"]
    log, issuer = folder / "keycloak.log", f"http://127.0.0.1:{port}/realms/staff"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*map(str, command), "--http-host=127.0.0.1"],
            stdout=out,
            stderr=out,
            env={**os.environ, "JAVA_OPTS_APPEND": "-Xmx512m"},
            start_new_session=True,
        )
        try:
            until = time.monotonic() + PATIENCE_S
            while not _answers(f"{issuer}/.well-known/openid-configuration"):
                assert process.poll() is None and time.monotonic() < until, log.read_text()[-4000:]
                time.sleep(1)
            yield issuer, own
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def house(keycloak: tuple[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    issuer, port = keycloak
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "client.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    rules = "".join(
        f"      - {{match: {{groups: {group}}}, organisation: {organisation}, roles: [{', '.join(roles)}]}}\n"
        for group, organisation, roles in PEOPLE.values()
    )
    file.write_text(
        f"identity_providers:\n  keycloak:\n    issuer: {issuer}\n    client_id: release-gateway\n"
        f"    client_secret_file: client.secret\n    people:\n{rules}"
    )
    with open_house(folder, identity_providers=file, port=port) as opened:
        eventually(lambda: opened.installation.providers["keycloak"].metadata, 60)
        yield opened


def person_at(house: House, name: str, query: str = "") -> tuple[Browser, httpx.Response, int]:
    """A browser that filled in the provider's pages in somebody's name, what came of it, and how often it was asked."""
    browser = Browser(house.url)
    browser.client.timeout = httpx.Timeout(60)

    def as_browsers_do_on_loopback(_: httpx.Response) -> None:
        """Keycloak's cookies are `Secure`, and a browser sends them to loopback without TLS too."""
        for cookie in browser.client.cookies.jar:
            cookie.secure = False

    browser.client.event_hooks = {"response": [as_browsers_do_on_loopback]}
    return _sign_in(browser, name, query)


def _sign_in(browser: Browser, name: str, query: str) -> tuple[Browser, httpx.Response, int]:
    answer, asked = browser.go(f"/control/session/start{query}"), 0
    while not answer.url.path.endswith("/callback"):
        if answer.next_request is not None:
            answer = browser.client.get(answer.next_request.url)
            continue
        action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        assert answer.status_code == 200 and action, answer.text[:2000]
        asked += 1
        answer = browser.client.post(html.unescape(action[1]), data={"username": name, "password": name})
    return browser, answer, asked


@pytest.mark.parametrize("name", PEOPLE)
def test_each_person_lands_as_they_are_mapped(house: House, name: str) -> None:
    browser, answer, asked = person_at(house, name)
    session = browser.session()
    _, organisation, roles = PEOPLE[name]

    assert (answer.status_code, answer.headers["location"], asked) == (303, "/control/session", 1)
    assert (session["person"]["organisation"], session["roles"]) == (organisation, roles)
    assert (session["person"]["user_name"], session["person"]["display_name"]) == (name, f"{name.title()} of the tests")
    assert session["signed_in_at"] is not None


def test_who_has_signed_in_there_is_asked_again_only_where_that_is_wanted(house: House) -> None:
    browser, _, first = person_at(house, "mia")
    before = browser.session()
    _, again, silently = _sign_in(browser, "mia", "")
    time.sleep(1.1)
    _, fresh, anew = _sign_in(browser, "mia", "?fresh=true")

    assert (again.status_code, fresh.status_code) == (303, 303)
    assert (first, silently, anew) == (1, 0, 1)
    assert browser.session()["signed_in_at"] > before["signed_in_at"]


def test_who_is_disabled_is_out_within_a_second(house: House) -> None:
    browser, _, _ = person_at(house, "dev")
    person = browser.session()["person"]["id"]

    ended = time.monotonic()
    assert house.ask("POST", f"/control/people/{person}/disable", "provider", json={"cause": "left"}).status_code == 200
    while browser.go("/control/session").status_code == 200:
        assert time.monotonic() - ended < OUT_S

    _, again, _ = person_at(house, "dev")
    assert (again.status_code, again.json()["code"]) == (401, "person_disabled")


def test_the_command_line_signs_in_by_the_browser_here_and_by_a_code_elsewhere(house: House, tmp_path: Path) -> None:
    here, elsewhere = Shell(house, tmp_path / "here"), Shell(house, tmp_path / "elsewhere")
    mia, _, _ = person_at(house, "mia")
    log_in(here, mia)
    ada, _, _ = person_at(house, "ada")
    typed = elsewhere.begin("login", "--device")
    code = typed.wait_for(r"code: ([A-Z]{4}-[A-Z]{4})")
    page = press(ada, follow(ada, typed.wait_for(r"(http://\S+/oauth/device)")), "Go on", user_code=code)
    press(ada, page, "Sign in")

    assert typed.end() == 0, typed.shown
    for shell, name in ((here, "mia"), (elsewhere, "ada")):
        assert (shell.me()["organisation"], shell.me()["roles"]) == PEOPLE[name][1:]
