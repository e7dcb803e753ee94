"""Ordinary mistakes of whoever runs the gateway: each is one error with a next step, and no secret is in it."""

import ctypes
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

PASSWORD = "pw-canary"
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
LIBC = ctypes.CDLL(None)


def run(*words: str, bound: bool = True, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, as an operator runs it; `bound` by the modes of files, which bind no root."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    given = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=kept | given,
        preexec_fn=bound_by_modes if bound else None,
    )


def bound_by_modes() -> None:
    """Let even root be bound by a folder's mode in the process to come; nothing changes for anybody else."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        LIBC.prctl(PR_CAPBSET_DROP, capability)


def told(ran: subprocess.CompletedProcess[str], *words: str) -> list[str]:
    """What is wrong with how it was told; nothing, where it was told well."""
    said = ran.stdout + ran.stderr
    lacking = [f"{word}: {ran.stderr}" for word in (*words, "error: ", "next: ") if word not in ran.stderr]
    return lacking + [
        fault
        for fault, holds in (
            (f"exit code {ran.returncode}: {said}", ran.returncode in {1, 2}),
            ("a traceback: " + said, "Traceback" not in said),
            ("a secret", PASSWORD not in said),
            (f"more than one error: {said}", said.count("error: ") == 1),
        )
        if not holds
    ]


@pytest.fixture(scope="module")
def nobody_listens() -> Iterator[int]:
    """A port where connections are refused for as long as the tests run."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


COMMANDS = (("db", "upgrade"), ("db", "current"), ("serve",), ("key", "recover"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_postgresql_that_nobody_reaches(words: tuple[str, ...], tmp_path: Path, nobody_listens: int) -> None:
    (tmp_path / "peppers").touch(mode=0o600)
    url = f"postgresql://gateway:{PASSWORD}@127.0.0.1:{nobody_listens}/gateway"

    ran = run(*words, data=str(tmp_path), database_url=url)

    assert told(ran, "cannot be reached: nobody listens there") == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://gateway:{PASSWORD}@127.0.0.1:54x2/gateway", "port"),
        (f"postgresql://gateway:{PASSWORD}@127.0.0.1:99999/gateway", "port"),
        (f"postgresql://gateway:a@{PASSWORD}@127.0.0.1/gateway", "%40"),
        (f"postgresql://gateway:a@b:{PASSWORD}@127.0.0.1/gateway", "%40"),
        (f"postgresql://gateway:{PASSWORD}@no-such-host.invalid/gateway", "cannot be reached"),
        ("sqlite:////no/such/folder/gateway.sqlite", "no such folder"),
        ("sqlite:///", "keeps"),
    ],
)
def test_a_database_url_that_cannot_be(tmp_path: Path, url: str, words: str) -> None:
    assert told(run("db", "upgrade", data=str(tmp_path), database_url=url), words) == []
    assert told(run("serve", data=str(tmp_path), database_url=url), words) == []


def test_a_postgresql_that_lets_nobody_in_or_lacks_the_database(tmp_path: Path, postgresql_url: str) -> None:
    elsewhere = make_url(postgresql_url).set(database="absent").render_as_string(hide_password=False)

    assert (
        told(run("db", "upgrade", bound=False, data=str(tmp_path), database_url=elsewhere), "no database of that name")
        == []
    )


@pytest.mark.parametrize("url", ["notaurl", "ftp://x/v1", "http://x:99999/v1", "http://x/v1?key=1", "http://"])
def test_an_upstream_that_is_no_servers_address_makes_nothing(tmp_path: Path, url: str) -> None:
    data = tmp_path / "data"

    ran = run("serve", "--demo", "--upstream", url, data=str(data))

    assert told(ran, "--upstream names no server", "http://127.0.0.1:8000/v1") == []
    assert not data.exists()


@pytest.mark.parametrize("words", [("db", "upgrade"), ("serve",)], ids=" ".join)
def test_a_data_directory_that_cannot_be_made(words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert told(run(*words, "--data", str(file / "data")), f"{file}/data cannot be used") == []


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that may be read and not written to, by whoever has no special rights."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shut = Path(folder) / "shut"
        shut.mkdir()
        shut.chmod(0o555)
        yield shut
        shut.chmod(0o755)


@pytest.mark.parametrize("below", ["", "data"])
@pytest.mark.parametrize("words", [("db", "upgrade"), ("serve",)], ids=" ".join)
def test_a_folder_that_may_not_be_written_to(words: tuple[str, ...], below: str, closed_folder: Path) -> None:
    assert told(run(*words, "--data", str(closed_folder / below)), "cannot be used") == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "gateway.sqlite").write_bytes(b"no database at all, and longer than a header has to be" * 20)

    assert told(run("db", "upgrade", "--data", str(tmp_path)), "it is no SQLite database") == []
