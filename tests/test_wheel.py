"""The built wheel stands alone: policies, migrations and demonstration releases travel in it."""

import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 60
ALONE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of this checkout, and no setting."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the wheel, and what it depends on from this one; never the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return folder / "bin"


def gateway(installed: Path, *arguments: str) -> list[str | Path]:
    return [installed / "python", "-P", "-m", "gateway.cli.main", *arguments]


def test_what_ships_is_in_the_wheel_and_nothing_that_does_not(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    for what in ("policies/access/decision.rego", "migrations/env.py", "migrations/versions/0001_ledger.py"):
        assert f"gateway/_shipped/{what}" in names
    for what in ("demo", "presets", "templates"):
        assert any(name.startswith(f"gateway/_shipped/{what}/") for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gateway"}


def test_everything_that_ships_from_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    asked = ["git", "ls-files", "policies", "migrations", "examples/presets", "examples/templates"]
    if shutil.which("git") is None:
        pytest.skip("git, which knows what is in the checkout, is not here")
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip("what is in the checkout is not known: this is none")
    names, listed = set(zipfile.ZipFile(wheel).namelist()), told.stdout.split()

    assert listed
    assert {f"gateway/_shipped/{path.removeprefix('examples/')}" for path in listed} <= names


def test_an_installed_gateway_shows_its_presets_without_a_checkout(installed: Path, tmp_path: Path) -> None:
    listed = subprocess.run(
        gateway(installed, "release", "preset", "list", "--json"),
        cwd=tmp_path,
        env=ALONE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert {"gpt-2-1558m", "staged-api"} <= {preset["name"] for preset in msgspec.json.decode(listed)}


def test_an_installed_gateway_says_what_it_can_do(installed: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        gateway(installed, "--help"), cwd=tmp_path, env=ALONE, capture_output=True, text=True, check=True, timeout=60
    )

    assert "serve" in shown.stdout
    assert str(ROOT) not in shown.stdout


def test_an_installed_gateway_is_the_one_that_was_installed(installed: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [installed / "python", "-P", "-c", "import gateway.shipped as s; print(s.shipped('policies'))"],
        cwd=tmp_path,
        env=ALONE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()

    assert found.startswith(str(installed.parent))


def test_an_installed_gateway_serves_its_demonstration_from_an_empty_directory(installed: Path, tmp_path: Path) -> None:
    with serving(installed, tmp_path) as base_url:
        demonstration = msgspec.json.decode((tmp_path / "data" / "demo.json").read_bytes())
        status, answer = ask(base_url, demonstration["keys"]["developer"], demonstration["models"]["api"])

    assert demonstration["base_url"] == base_url
    assert (status, answer["object"]) == (200, "chat.completion")


@contextmanager
def serving(installed: Path, folder: Path) -> Iterator[str]:
    """A gateway that serves its demonstration, on a port of its own; it ends well when it is told to stop."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            gateway(installed, "serve", "--demo", "--data", str(folder / "data"), "--port", "0"),
            cwd=folder,
            env=ALONE,
            stdout=output,
            stderr=output,
        )
    try:
        yield waited_for(process, folder / "data" / "demo.json", log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in {0, -signal.SIGTERM}, log.read_text()
        assert "Application shutdown complete." in log.read_text()
    finally:
        process.kill()
        process.wait()


def waited_for(process: "subprocess.Popen[bytes]", told: Path, log: Path) -> str:
    """The base URL, once the gateway is ready there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        try:
            base_url: str = msgspec.json.decode(told.read_bytes())["base_url"]
            with urllib.request.urlopen(f"{base_url}/readyz", timeout=2) as answer:
                assert answer.status == 200
        except (OSError, msgspec.DecodeError):
            continue
        return base_url
    raise AssertionError(f"the gateway did not come up:\n{log.read_text()}")


def ask(base_url: str, key: str, model: str) -> tuple[int, dict[str, object]]:
    """Status and answer of one chat completion."""
    request = urllib.request.Request(
        f"{base_url}/v1/chat/completions",
        data=msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "Good morning"}]}),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, msgspec.json.decode(answer.read())
