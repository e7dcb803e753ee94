"""Where sign-ins are kept: for their owner alone, whole or not at all, one for each gateway."""

import threading
from pathlib import Path

import httpx
import pytest

from gateway.cli.environment import configuration
from gateway.cli.failures import Failure
from gateway.cli.logins import Login, LoginFile
from tests.fakes.terminal import Terminal

URL = "https://gateway.example"


def file_at(tmp_path: Path, url: str = URL) -> LoginFile:
    return LoginFile(url, tmp_path / "config" / "release-gateway")


def a_login(url: str = URL, number: int = 0) -> Login:
    return Login(url=url, access_token=f"a{number}", renew_at=1.0, refresh_token=f"r{number}")


def test_a_sign_in_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file = file_at(tmp_path)
    assert file.read() is None

    file.write(a_login())

    assert file.read() == a_login()
    assert file.path.stat().st_mode & 0o777 == 0o600 and file.path.parent.stat().st_mode & 0o777 == 0o700
    assert "a0" not in repr(file.read())
    file.delete()
    assert file.read() is None
    file.delete()


def test_each_gateway_has_its_own_and_gets_no_others(tmp_path: Path) -> None:
    urls = [URL, URL + ":8443", URL + "/a", "http://gateway.example", URL.replace("gateway", "gateway-")]
    for number, url in enumerate(urls):
        file_at(tmp_path, url).write(a_login(url, number))

    assert [file_at(tmp_path, url).read() for url in urls] == [a_login(url, n) for n, url in enumerate(urls)]
    other = file_at(tmp_path, "https://evil.example")
    other.path.write_bytes(file_at(tmp_path).path.read_bytes())
    other.path.chmod(0o600)
    assert other.read() is None  # put there by hand, it still says whose it is


def test_a_file_that_others_may_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = file_at(tmp_path)
    file.write(a_login())
    file.path.chmod(0o644)

    with pytest.raises(Failure, match="open to others") as refused:
        file.read()
    assert "chmod 600" in refused.value.next_step


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": "https://gateway.example"}'])
def test_a_damaged_file_is_told_of(tmp_path: Path, content: bytes) -> None:
    file = file_at(tmp_path)
    file.write(a_login())
    file.path.write_bytes(content)

    with pytest.raises(Failure, match="damaged") as refused:
        file.read()
    assert "gateway login" in refused.value.next_step


def test_one_at_a_time_holds_the_lock_and_a_reader_never_sees_half(tmp_path: Path) -> None:
    file, inside, most = file_at(tmp_path), [0], [0]

    def renew(number: int) -> None:
        with file_at(tmp_path).locked():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            file_at(tmp_path).write(a_login(number=number))
            assert file_at(tmp_path).read() == a_login(number=number)
            inside[0] -= 1

    threads = [threading.Thread(target=renew, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] and file.read() is not None
    assert sorted(each.suffix for each in file.path.parent.iterdir()) == [".json", ".lock"]


def test_a_relative_configuration_home_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folders = []
    for given in ("here", "", str(tmp_path / "there")):
        monkeypatch.setenv("XDG_CONFIG_HOME", given)
        folders.append(configuration())

    at_home = tmp_path / ".config" / "release-gateway"
    assert folders == [at_home, at_home, tmp_path / "there" / "release-gateway"]


def test_where_nobody_can_sign_in_a_key_is_named_instead(shell: Terminal) -> None:
    told = shell.type("login", by=None)

    assert (told.exit_code, "identity provider" in told.stderr, "GATEWAY_KEY" in told.stderr) == (1, True, True)


def test_who_is_not_signed_in_is_told_how_and_signs_out_without_fault(shell: Terminal) -> None:
    nobody, out = shell.type("whoami", by=None), shell.type("logout", by=None)

    assert nobody.exit_code == 4 and "gateway login" in nobody.stderr and "GATEWAY_KEY" in nobody.stderr
    assert (out.exit_code, out.stdout) == (0, "You were not signed in.\n")


def test_a_damaged_sign_in_is_forgotten_when_told_to(shell: Terminal) -> None:
    folder = shell.house.installation.settings.data.absolute() / "config" / "release-gateway"
    file = LoginFile("http://127.0.0.1:8080", folder)
    file.write(a_login("http://127.0.0.1:8080"))
    file.path.write_bytes(b"{")

    kept, forgotten = shell.type("logout", by=None), shell.type("logout", "--forget", by=None)

    assert (kept.exit_code, forgotten.exit_code, file.path.exists()) == (1, 0, False)


def test_a_sign_in_that_cannot_be_ended_there_stays_here_unless_it_is_to_be_forgotten(shell: Terminal) -> None:
    folder = shell.house.installation.settings.data.absolute() / "config" / "release-gateway"
    file = LoginFile(away := "http://127.0.0.1:9", folder)
    file.write(a_login(away))

    class Away(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

    shell.wire = Away()  # type: ignore[assignment]
    kept = shell.type("--url", away, "logout", by=None)
    still = file.path.exists()
    forgotten = shell.type("--url", away, "logout", "--forget", by=None)

    assert (kept.exit_code, still, forgotten.exit_code, file.path.exists()) == (3, True, 0, False)
    assert "--forget" in kept.stderr and "Forgotten here alone" in forgotten.stdout
