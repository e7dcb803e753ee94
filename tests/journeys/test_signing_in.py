"""People sign in at a real, certified identity provider, and land as they are mapped; one of them in a real browser."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import Browser

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "identity-provider"
SECRET = "of the client"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 60.0
OUT_S = 1.0
PEOPLE = {
    "mia": ("provider", ["provider", "staff"]),
    "ada": ("provider", ["approver"]),
    "sam": ("provider", ["analyst"]),
    "otto": ("provider", ["auditor"]),
    "dev": ("acme", ["developer"]),
}


@contextmanager
def oidc_provider(redirect_uri: str, log: Path) -> Iterator[str]:
    """The certified `oidc-provider` on loopback; its issuer."""
    node = shutil.which("node")
    if node is None or not (TOOLS / "node_modules").is_dir():
        pytest.skip("oidc-provider is not at hand: install node and npm, then `make identity-provider`")
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [node, str(TOOLS / "provider.mjs"), str(port), redirect_uri, SECRET], stdout=out, stderr=out
        )
        try:
            eventually(lambda: b"ready at" in log.read_bytes() or process.poll() is not None, PATIENCE_S)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def declared(issuer: str) -> str:
    rules = [
        ("managers", "provider", "provider, staff"),
        ("risk", "provider", "approver"),
        ("security", "provider", "analyst"),
        ("audit", "provider", "auditor"),
        ("acme", "acme", "developer"),
    ]
    return (
        "identity_providers:\n  staff:\n"
        f"    issuer: {issuer}\n    client_id: release-gateway\n    client_secret_file: client.secret\n"
        "    scopes: [openid, profile]\n    userinfo: true\n    people:\n"
    ) + "".join(
        f"      - {{match: {{groups: {group}}}, organisation: {organisation}, roles: [{roles}]}}\n"
        for group, organisation, roles in rules
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("real-provider"), free_port()
    with oidc_provider(f"http://127.0.0.1:{port}/control/session/callback", folder / "provider.log") as issuer:
        (folder / "client.secret").write_text(SECRET)
        file = folder / "providers.yaml"
        file.write_text(declared(issuer))
        with open_house(folder, identity_providers=file, port=port) as opened:
            eventually(lambda: opened.installation.providers["staff"].metadata, PATIENCE_S)
            yield opened


def person_at(house: House, name: str) -> tuple[Browser, httpx.Response]:
    """A browser that filled in the provider's pages in somebody's name, and what it came back with."""
    browser = Browser(house.url)
    browser.client.timeout = httpx.Timeout(PATIENCE_S)
    answer = browser.go("/control/session/start")
    while not answer.url.path.endswith("/callback"):
        if answer.status_code in {302, 303}:
            answer = browser.client.get(answer.next_request.url if answer.next_request else "")
            continue
        assert answer.status_code == 200, answer.text
        action = re.search(r'action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert action and prompt, answer.text
        form = {"prompt": prompt[1], "login": name, "password": name}
        answer = browser.client.post(str(answer.url.join(action[1])), data=form)
    return browser, answer


@pytest.mark.parametrize("name", PEOPLE)
def test_each_person_lands_as_they_are_mapped(house: House, name: str) -> None:
    browser, answer = person_at(house, name)
    session = browser.session()

    assert (answer.status_code, answer.headers["location"]) == (303, "/control/session")
    assert (session["person"]["organisation"], session["roles"]) == PEOPLE[name]
    assert session["person"]["user_name"] == name
    assert session["signed_in_at"] is not None


def test_whom_no_rule_fits_does_not_come_in(house: House) -> None:
    browser, answer = person_at(house, "eve")

    assert (answer.status_code, answer.json()["code"]) == (403, "no_role_mapped")
    assert browser.go("/control/session").status_code == 401


def test_who_is_disabled_is_out_within_a_second_with_all_that_is_theirs(house: House) -> None:
    browser, _ = person_at(house, "dev")
    key = browser.do("/control/keys", {"scopes": ["inference"]}).json()["token"]
    models = {"authorization": f"Bearer {key}"}
    assert house.client.get(f"{house.url}/v1/models", headers=models).status_code == 200
    person = browser.session()["person"]["id"]

    ended = time.monotonic()
    assert house.ask("POST", f"/control/people/{person}/disable", "provider", json={"cause": "left"}).status_code == 200
    while browser.go("/control/session").status_code == 200:
        assert time.monotonic() - ended < OUT_S
    while house.client.get(f"{house.url}/v1/models", headers=models).status_code == 200:
        assert time.monotonic() - ended < OUT_S

    _, again = person_at(house, "dev")
    assert (again.status_code, again.json()["code"]) == (401, "person_disabled")
    house.control(f"/people/{person}/enable")


def test_a_real_browser_signs_in_works_is_attacked_and_signs_out(house: House, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium is at hand: install Debian's package chromium")
    command = ["node", str(TOOLS / "browser.mjs"), browser, house.url, "mia"]
    # Into files: what the browser leaves behind would hold pipes open.
    with (tmp_path / "said").open("wb") as out, (tmp_path / "failed").open("wb") as err:
        ran = subprocess.run(command, check=False, stdout=out, stderr=err, timeout=150)
    assert ran.returncode == 0, (tmp_path / "failed").read_text()
    told: dict[str, Any] = json.loads((tmp_path / "said").read_text())

    assert told["landed"] == f"{house.url}/control/session"
    assert told["session"]["roles"] == ["provider", "staff"]
    assert told["cookie"] == {"name": "release-gateway-session", "httpOnly": True, "sameSite": "Lax", "path": "/"}
    assert told["seenByScripts"] == ""
    assert (told["own"], told["withoutToken"]) == (201, 403)
    assert told["attacks"] == {"localhost": 401, "127.0.0.1": 403}, (
        "another site brings no cookie; another port is seen"
    )
    assert told["stillIn"] == 200
    assert told["askedAnew"] and told["fresh"]["id"] != told["session"]["id"]
    assert told["fresh"]["signed_in_at"] > told["session"]["signed_in_at"]
    assert told["out"] == [200, 401]
