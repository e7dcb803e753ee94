"""People sign the command line in: real commands, a real gateway, an identity provider, and a browser beside them.

`gateway login` runs as its user runs it, on a terminal of its own; whoever sits before the browser follows the address
that it prints, signs in at the provider, reads the page and presses the button.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.control.test_people import release
from tests.fakes.forms import form_in
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

ROOT = Path(__file__).resolve().parents[2]
COMMAND_S = 60
HTML = {"accept": "text/html,application/xhtml+xml"}
SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
"""Ten commands race, and four people sign in, where there is time for it."""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as answering:
        yield answering


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    (folder / "corporate.secret").write_text(SECRET)
    (folder / "providers.yaml").write_text(declaration(provider))
    given = {"identity_providers": folder / "providers.yaml", "public_url": f"http://127.0.0.1:{port}"}
    with open_house(folder, port=port, **given) as opened:
        eventually(lambda: httpx.get(f"{opened.url}/control/session/start").status_code == 303)
        yield opened


class Shell:
    """Where somebody types commands: on a terminal, with a home of their own and no key."""

    def __init__(self, house: House, home: Path) -> None:
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "GATEWAY_URL": house.url,
            "NO_COLOR": "1",
        }
        self.kept = home / ".config" / "release-gateway"

    def type(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", *words],
            env={**self.environment, **more},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def begin(self, *words: str) -> "Typed":
        """One command that waits for something."""
        return Typed([sys.executable, "-m", "gateway.cli.main", *words], self.environment)

    def me(self) -> dict[str, object]:
        """What `gateway whoami` says."""
        told = self.type("whoami", "--json")
        assert told.returncode == 0, told.stderr
        shown: dict[str, object] = json.loads(told.stdout)
        return shown


class Typed:
    """A command under way, and all that its terminal has shown."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def _read(self, ours: int) -> None:
        try:
            while piece := os.read(ours, 4096):
                self.shown += piece.decode()
        except OSError:
            pass  # the other end is closed
        finally:
            os.close(ours)

    def wait_for(self, pattern: str) -> str:
        """What a pattern finds in what is shown, once it is."""
        eventually(lambda: re.search(pattern, self.shown), COMMAND_S)
        found = re.search(pattern, self.shown)
        assert found is not None
        return found[1]

    def interrupt(self) -> None:
        """Type Ctrl-C, and wait."""
        self._process.send_signal(signal.SIGINT)
        self.end()

    def end(self) -> int:
        """The exit code, once all is shown."""
        code = self._process.wait(COMMAND_S)
        self._reader.join(5)
        return code


def be(provider: FakeProvider, subject: str, group: str, name: str) -> None:
    """Who sits before the browser from now on."""
    provider.claims = {"sub": subject, "preferred_username": subject, "name": name, "groups": [group]}


def follow(browser: Browser, address: str, **headers: str) -> httpx.Response:
    """Go there, and wherever one is sent."""
    answer = browser.go(address, **headers)
    while answer.status_code == 303:
        answer = browser.go(answer.headers["location"], **headers)
    return answer


def press(browser: Browser, page: httpx.Response, button: str, **typed: str) -> httpx.Response:
    """Press a button of a page, as a browser does."""
    form = form_in(page.text)
    headers = {"origin": browser.base, "sec-fetch-site": "same-origin"}
    return browser.client.post(browser.base + form.action, data=form.pressed(button, **typed), headers=headers)


def log_in(shell: Shell, browser: Browser, *words: str) -> Typed:
    """`gateway login`, and the person in the browser says yes."""
    typed = shell.begin("login", "--no-browser", *words)
    page = follow(browser, typed.wait_for(r"(http://\S+/oauth/authorize\S+)"))
    assert page.status_code == 200, page.text
    sent = press(browser, page, "Sign in")
    brought = browser.client.get(sent.headers["location"])
    assert brought.status_code == 200 and "Go back to your terminal" in brought.text
    assert typed.end() == 0, typed.shown
    return typed


def test_people_sign_in_by_a_browser_with_the_roles_that_are_theirs(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    people = {
        "managers": ["provider", "staff"],
        "acme": ["developer"],
        "risk": ["approver"],
        "audit": ["auditor"],
    }
    for group, roles in list(people.items())[: None if SOAK else 2]:
        be(provider, f"person of {group}", group, f"Somebody of {group}")
        shell = Shell(house, tmp_path / group)
        typed = log_in(shell, Browser(house.url))
        me = shell.me()

        assert f"Signed in as Somebody of {group}" in typed.shown
        assert me["roles"] == roles and me["organisation"] == ("acme" if group == "acme" else "provider")
        (kept,) = shell.kept.glob("*.json")
        assert kept.stat().st_mode & 0o777 == 0o600


def test_who_signs_in_for_models_too_gets_a_token_that_clients_take(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "dora", "acme", "Dora")
    shell = Shell(house, tmp_path)
    nobody = shell.type("token", "get")
    log_in(shell, Browser(house.url), "--scope", "inference")

    got, narrowed = shell.type("token", "get"), shell.type("token", "get", "--scope", "inference")
    told = json.loads(shell.type("token", "get", "--json").stdout)

    assert (nobody.returncode, narrowed.returncode, got.returncode) == (4, 2, 0)
    assert "gateway login" in nobody.stderr and "gateway login --scope" in narrowed.stderr
    assert got.stdout.strip() == told["access_token"] and 0 < told["expires_in"] <= 600
    answer = httpx.get(f"{house.url}/v1/models", headers={"authorization": f"Bearer {told['access_token']}"})
    assert house.models["api"] in {each["id"] for each in answer.json()["data"]}


def test_who_has_no_role_here_is_told_so_in_the_browser_and_the_command_ends_at_once(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "nobody", "others", "Nobody")
    typed, browser = Shell(house, tmp_path).begin("login", "--no-browser"), Browser(house.url)

    begun = time.monotonic()
    page = follow(browser, typed.wait_for(r"(http://\S+/oauth/authorize\S+)"), **HTML)

    assert page.status_code == 200 and "You were not signed in" in page.text and "given you no role" in page.text
    assert typed.end() == 4 and time.monotonic() - begun < 30
    assert "given you no role here" in typed.shown and "within five minutes" not in typed.shown


def test_who_has_no_role_here_stops_what_waits_on_another_device(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "nobody", "others", "Nobody")
    typed, browser = Shell(house, tmp_path).begin("login", "--device"), Browser(house.url)
    code = typed.wait_for(r"code: ([A-Z]{4}-[A-Z]{4})")

    refused = follow(browser, typed.wait_for(r"(http://\S+/oauth/device)"), **HTML)
    wrong = press(browser, refused, "Stop waiting", user_code="BBBB-BBBB")
    stopped = press(browser, wrong, "Stop waiting", user_code=code)

    assert refused.status_code == 403 and "given you no role" in refused.text
    assert wrong.status_code == 400 and "Nothing waits for this code" in wrong.text
    assert stopped.status_code == 200 and "The command line was told" in stopped.text
    assert typed.end() == 4 and "may not sign in here" in typed.shown


def test_who_was_disabled_is_told_so_where_they_sign_in_again(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "erin", "audit", "Erin")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    house.control(f"/people/{shell.me()['person']['id']}/disable", cause="left")  # type: ignore[index]
    typed = shell.begin("login", "--no-browser")

    follow(Browser(house.url), typed.wait_for(r"(http://\S+/oauth/authorize\S+)"), **HTML)

    assert typed.end() == 4 and "taken off the list" in typed.shown


def test_a_provider_that_is_away_ends_the_command_at_once(
    house: House, provider: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(house.installation.providers["corporate"]), "metadata", None)
    typed = Shell(house, tmp_path).begin("login", "--no-browser")
    follow(Browser(house.url), typed.wait_for(r"(http://\S+/oauth/authorize\S+)"), **HTML)
    page = Browser(house.url).go("/control/session/start", **HTML)

    assert typed.end() == 1 and "cannot be reached now" in typed.shown
    assert page.status_code == 503 and "cannot be reached now" in page.text and page.text.startswith("<!doctype")


def test_who_says_no_is_told_so(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell, browser = Shell(house, tmp_path), Browser(house.url)
    typed = shell.begin("login", "--no-browser")
    page = follow(browser, typed.wait_for(r"(http://\S+/oauth/authorize\S+)"))
    browser.client.get(press(browser, page, "Cancel").headers["location"])

    assert typed.end() == 4 and "You said no in the browser" in typed.shown
    assert shell.type("whoami").returncode == 4


def test_a_person_signs_in_on_another_device(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "bob", "risk", "Bob")
    shell, browser = Shell(house, tmp_path), Browser(house.url)
    typed = shell.begin("login", "--device")
    code = typed.wait_for(r"code: ([A-Z]{4}-[A-Z]{4})")

    entry = follow(browser, typed.wait_for(r"(http://\S+/oauth/device)"))
    page = press(browser, entry, "Go on", user_code=code)
    assert code in page.text and "127.0.0.1" in page.text and "as Bob?" in page.text
    assert "Go back to your terminal" in press(browser, page, "Sign in").text

    assert typed.end() == 0, typed.shown
    assert shell.me()["roles"] == ["approver"]


def test_who_is_disabled_is_out_within_a_second_and_is_told_what_to_do(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "carol", "managers", "Carol")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    person = shell.me()["person"]
    (kept,) = shell.kept.glob("*.json")
    token = json.loads(kept.read_text())["access_token"]
    issued = shell.type("key", "issue", "--scope", "inference")
    own = issued.stdout.strip()
    models = httpx.get(f"{house.url}/v1/models", headers={"authorization": f"Bearer {own}"})
    assert issued.returncode == 0 and models.status_code == 200

    begun = time.monotonic()
    house.control(f"/people/{person['id']}/disable", cause="left")  # type: ignore[index]
    for credential in (token, own):
        headers = {"authorization": f"Bearer {credential}"}
        assert httpx.get(f"{house.url}/control/me", headers=headers).status_code == 401
    assert time.monotonic() - begun < 1
    told = shell.type("whoami")

    assert told.returncode == 4 and "gateway login" in told.stderr
    assert not kept.exists()


def test_signing_out_ends_the_token_and_forgets_it(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    (kept,) = shell.kept.glob("*.json")
    token = json.loads(kept.read_text())["access_token"]

    away = shell.type("logout", GATEWAY_URL="http://127.0.0.1:9")
    out = shell.type("logout")
    again = shell.type("logout", "--json")

    assert (away.returncode, out.returncode, again.returncode) == (0, 0, 0) and "not signed in" in away.stdout
    assert "Signed out" in out.stdout and json.loads(again.stdout)["ended"] is False
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{house.url}/control/me", headers=headers).json()["code"] == "session_over"
    assert not kept.exists() and shell.type("whoami").returncode == 4


def test_signing_in_again_ends_the_sign_in_before(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell, browser = Shell(house, tmp_path), Browser(house.url)
    provider.auth_time = int(time.time()) - 3600
    log_in(shell, browser)
    provider.auth_time = None
    (kept,) = shell.kept.glob("*.json")
    before = json.loads(kept.read_text())["access_token"]
    log_in(shell, browser, "--fresh")

    headers = {"authorization": f"Bearer {before}"}
    assert httpx.get(f"{house.url}/control/me", headers=headers).status_code == 401
    assert shell.me()["roles"] == ["auditor"]
    assert provider.asked[-1]["prompt"] == "login"


def test_what_cannot_be_undone_is_approved_after_signing_in_anew(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    house.apply(release(lasting=False))
    planned = house.control("/changes", file=release(lasting=True), documents={})["change"]
    be(provider, "ada", "risk", "Ada")
    shell, browser = Shell(house, tmp_path), Browser(house.url)
    approve = ("change", "approve", planned["id"], "--cannot-be-undone")
    provider.auth_time = int(time.time()) - 3600
    log_in(shell, browser)
    stale = shell.type(*approve)
    provider.auth_time = None

    log_in(shell, browser, "--fresh")
    fresh = shell.type(*approve)

    assert planned["irreversible"] and stale.returncode == 4 and "gateway login --fresh" in stale.stderr
    assert fresh.returncode == 0, fresh.stderr
    given = house.entries(event="change:approved", limit=1)[0]["body"]
    assert given["person"] == shell.me()["person"]["id"] and given["client"] == "gateway-cli"  # type: ignore[index]


def test_commands_at_once_renew_once(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    (kept,) = shell.kept.glob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "renew_at": 0}))
    since = house.newest()

    racing = [shell.begin("whoami", "--json") for _ in range(10 if SOAK else 4)]
    ended = [each.end() for each in racing]

    assert ended == [0] * len(racing), [each.shown for each in racing]
    issued = [entry for entry in house.entries(event="token:issued") if entry["index"] > since]
    assert len(issued) == 1


def test_a_token_that_is_over_before_its_time_is_renewed_by_the_way(
    house: House, provider: FakeProvider, tmp_path: Path
) -> None:
    be(provider, "ada", "audit", "Ada")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    token = shell.me()["key"]["token"]  # type: ignore[index]

    house.control(f"/tokens/{token}/revoke", cause="leaked")

    assert shell.me()["key"]["token"] != token  # type: ignore[index]


def test_a_key_goes_before_a_sign_in_and_that_is_said(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))

    signed_in = shell.type("whoami")
    by_key = shell.type("whoami", GATEWAY_KEY=house.tokens["developer"])

    assert "Ada (ada at corporate)" in signed_in.stdout and "signed in" in signed_in.stdout
    assert "GATEWAY_KEY" not in signed_in.stderr
    assert "Ada" not in by_key.stdout and "GATEWAY_KEY is set and goes before your sign-in" in by_key.stderr


def test_a_browser_is_opened_where_there_is_one(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "ada", "audit", "Ada")
    shell, opened = Shell(house, tmp_path), tmp_path / "opened"
    shell.environment["BROWSER"] = f"{sys.executable} -c \"import sys; open('{opened}', 'w').write(sys.argv[1])\" %s"
    typed = shell.begin("login")
    eventually(lambda: opened.exists() and opened.read_text(), COMMAND_S)
    browser = Browser(house.url)
    sent = press(browser, follow(browser, opened.read_text()), "Sign in")
    browser.client.get(sent.headers["location"])

    assert typed.end() == 0 and "in the browser that opened" in typed.shown


def test_a_gateway_that_is_reached_in_plain_over_a_network_takes_no_sign_in(house: House, tmp_path: Path) -> None:
    told = Shell(house, tmp_path).type("login", GATEWAY_URL="http://gateway.example")

    assert told.returncode == 1 and "https" in told.stderr


def test_what_the_record_says_of_it(house: House, provider: FakeProvider, tmp_path: Path) -> None:
    be(provider, "dora", "managers", "Dora")
    shell = Shell(house, tmp_path)
    log_in(shell, Browser(house.url))
    me = shell.me()["person"]
    made = shell.type("organisation", "create", "umbra", "Umbra")
    assert made.returncode == 0, made.stderr

    entry = house.entries(event="organisation:created", limit=1)[0]["body"]
    began = next(e["body"] for e in house.entries(event="session:started") if e["body"]["subject"] == me["session"])  # type: ignore[index]
    assert (entry["person"], entry["session"]) == (me["id"], me["session"])  # type: ignore[index]
    assert entry["client"] == "gateway-cli" and began["detail"]["kind"] == "cli"
