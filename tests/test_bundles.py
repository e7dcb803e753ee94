"""The policies in force, as the OPA servers of the installation fetch them, and nobody else."""

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.access.judges.policies import read_policy_set
from gateway.bundles import read_bundle_token
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped
from tests.access.judges.opa_server import opa_binary, unused_port
from tests.fakes.gateway import until
from tests.fakes.house import House, open_house

PATH = "/policies/bundle.tar.gz"
TOKEN = "b" * 40


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the token stands, for the gateway and for OPA."""
    path = tmp_path_factory.mktemp("token") / "bundle-token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, token_file: Path) -> Iterator[House]:
    """A gateway whose policies can be fetched."""
    with open_house(tmp_path_factory.mktemp("house"), bundle_token_file=token_file) as opened:
        yield opened


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_the_bundle_is_of_the_policies_that_judge_and_is_fetched_once(house: House) -> None:
    digest = read_policy_set(shipped("policies")).digest

    first = house.ask("GET", PATH, headers=bearer(TOKEN))
    again = house.ask("GET", PATH, headers=bearer(TOKEN) | {"if-none-match": first.headers["etag"]})
    other = house.ask("GET", PATH, headers=bearer(TOKEN) | {"if-none-match": '"sha256:other"'})

    with tarfile.open(fileobj=io.BytesIO(first.content)) as bundle:
        manifest = bundle.extractfile(".manifest")
        assert manifest is not None and json.load(manifest)["revision"] == digest
    assert (first.status_code, first.headers["etag"]) == (200, f'"{digest}"')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", f'"{digest}"')
    assert other.content == first.content


@pytest.mark.parametrize("shown", ["", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ÿ"])
def test_nobody_else_gets_it(house: House, shown: str) -> None:
    answer = house.ask("GET", PATH, headers={"authorization": shown.encode("latin-1")} if shown else {})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert TOKEN not in answer.text


def test_no_key_opens_it_and_without_a_token_file_nothing_does(house: House, tmp_path: Path) -> None:
    with open_house(tmp_path) as closed:
        told = [each.ask("GET", PATH, by).status_code for each in (house, closed) for by in ("provider", "auditor")]
        told.append(closed.ask("GET", PATH, headers=bearer(TOKEN)).status_code)
        told.append(closed.ask("GET", PATH, headers=bearer("None")).status_code)

    assert set(told) == {401}


@pytest.mark.parametrize(("content", "mode"), [("short", 0o600), ("", 0o600), (TOKEN, 0o644)])
def test_a_token_that_could_be_guessed_or_read_by_others_is_refused(tmp_path: Path, content: str, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(SettingsInvalid, match="bundle token"):
        read_bundle_token(path)


def test_an_opa_that_polls_it_judges_by_it(house: House, token_file: Path, tmp_path: Path) -> None:
    port, digest = unused_port(), read_policy_set(shipped("policies")).digest
    config = {
        "services": {"gateway": {"url": house.url, "credentials": {"bearer": {"token_path": str(token_file)}}}},
        "bundles": {"access": {"service": "gateway", "resource": PATH[1:]}},
    }
    (tmp_path / "opa.json").write_text(json.dumps(config))
    command = [opa_binary(), "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
    command += ["--disable-telemetry", "--config-file", str(tmp_path / "opa.json")]
    url = f"http://127.0.0.1:{port}/v1/data/access/decision?provenance=true"

    def judged_by() -> str:
        try:
            answer = httpx.post(url, json={"input": {}}).json()
        except httpx.TransportError:
            return ""
        return str(answer["provenance"].get("bundles", {}).get("access", {}).get("revision", ""))

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as opa:
        try:
            until(lambda: judged_by() == digest, 20, judged_by)
        finally:
            opa.kill()
