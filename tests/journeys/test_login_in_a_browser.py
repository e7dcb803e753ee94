"""The command line signs people in at a real, certified identity provider, by a real browser: here and elsewhere."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.journeys.test_login import Shell
from tests.journeys.test_signing_in import BROWSERS, PATIENCE_S, PEOPLE, SECRET, TOOLS, declared, oidc_provider


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("real-login"), free_port()
    with oidc_provider(f"http://127.0.0.1:{port}/control/session/callback", folder / "provider.log") as issuer:
        (folder / "client.secret").write_text(SECRET)
        file = folder / "providers.yaml"
        file.write_text(declared(issuer))
        given = {"identity_providers": file, "public_url": f"http://127.0.0.1:{port}"}
        with open_house(folder, port=port, **given) as opened:
            eventually(lambda: opened.installation.providers["staff"].metadata, PATIENCE_S)
            yield opened


def in_a_browser(folder: Path, address: str, person: str, code: str = "") -> dict[str, Any]:
    """What the person saw who followed this address, signed in and said yes."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium is at hand: install Debian's package chromium")
    command = ["node", str(TOOLS / "login.mjs"), browser, address, person, code]
    # Into files: what the browser leaves behind would hold pipes open.
    with (folder / "said").open("wb") as out, (folder / "failed").open("wb") as err:
        ran = subprocess.run(command, check=False, stdout=out, stderr=err, timeout=150)
    assert ran.returncode == 0, (folder / "failed").read_text()
    told: dict[str, Any] = json.loads((folder / "said").read_text())
    return told


def test_a_browser_on_this_computer_brings_the_sign_in_to_the_command_line(house: House, tmp_path: Path) -> None:
    """Its policies hold: the page has its style, and its form leads to the listener, at another port."""
    shell = Shell(house, tmp_path)
    typed = shell.begin("login", "--no-browser")

    told = in_a_browser(tmp_path, typed.wait_for(r"(http://\S+/oauth/authorize\S+)"), "mia")

    assert typed.end() == 0, typed.shown
    assert told["asked"] == "Sign in gateway CLI on this computer as mia of the tests?"
    assert told["done"] == "Go back to your terminal" and "/signed-in?code=" in told["landed"]
    assert told["font"].startswith("system-ui")
    assert not [line for line in told["complaints"] if "Content Security Policy" in line]
    assert (shell.me()["organisation"], shell.me()["roles"]) == PEOPLE["mia"]


def test_a_code_is_entered_in_a_browser_elsewhere(house: House, tmp_path: Path) -> None:
    shell = Shell(house, tmp_path)
    typed = shell.begin("login", "--device")
    code = typed.wait_for(r"code: ([A-Z]{4}-[A-Z]{4})")

    told = in_a_browser(tmp_path, typed.wait_for(r"(http://\S+/oauth/device)"), "ada", code)

    assert typed.end() == 0, typed.shown
    assert told["asked"] == "Sign in gateway CLI as ada of the tests?" and code in told["facts"]
    assert not [line for line in told["complaints"] if "Content Security Policy" in line]
    assert (shell.me()["organisation"], shell.me()["roles"]) == PEOPLE["ada"]
