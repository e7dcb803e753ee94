"""Weight files: only what is declared leaves, and only while the disk holds exactly that."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.hub.answers import failure
from gateway.hub.weights import Weights, WeightsUnverified
from gateway.releases.shelves import Lying
from gateway.releases.strategies import WeightsTarget
from tests.abuse.logs import captured_logs

CONTENT = b"weights " * 1000


def a_target(digest: str | None = None) -> WeightsTarget:
    return WeightsTarget("m", {"model.bin": f"sha256:{digest or hashlib.sha256(CONTENT).hexdigest()}"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.bin").write_bytes(CONTENT)
    (tmp_path / "m" / "secret.bin").write_bytes(b"not declared")
    return tmp_path


async def test_a_declared_file_is_found_with_its_digest_and_size(root: Path) -> None:
    found = await Weights(root).find(a_target(), "model.bin")

    assert (found.bytes_total, found.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize(
    "path", ["secret.bin", "../m/model.bin", "./model.bin", "/etc/passwd", "MODEL.BIN", "model.bin/"]
)
async def test_what_is_not_declared_letter_for_letter_is_not_there(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        await Weights(root).find(a_target(), path)


async def test_a_file_that_is_not_the_declared_one_is_not_given_out(root: Path) -> None:
    with pytest.raises(WeightsUnverified):
        await Weights(root).find(a_target(digest="0" * 64), "model.bin")


async def test_a_file_changed_after_it_was_checked_is_checked_again(root: Path) -> None:
    weights = Weights(root)
    await weights.find(a_target(), "model.bin")

    (root / "m" / "model.bin").write_bytes(CONTENT[::-1])

    with pytest.raises(WeightsUnverified):
        await weights.find(a_target(), "model.bin")


async def test_a_missing_file_is_the_gateways_fault_and_said_so(root: Path) -> None:
    (root / "m" / "model.bin").unlink()

    with pytest.raises(WeightsUnverified):
        await Weights(root).find(a_target(), "model.bin")


def how_it_lies(root: Path | None, digest: str | None = None) -> dict[str, Lying] | None:
    """How the declared file lies."""
    lying = Weights(root).lying(a_target(digest))
    return None if lying is None else dict(lying)


def test_how_a_file_lies_is_known_before_anybody_asks_for_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert how_it_lies(root) == {"model.bin": Lying.CHECKED}
    assert how_it_lies(root, digest="0" * 64) == {"model.bin": Lying.DIFFERS}
    monkeypatch.setattr("gateway.hub.weights.CHECK_NOW_BYTES", len(CONTENT) - 1)
    assert how_it_lies(root) == {"model.bin": Lying.UNCHECKED}
    (root / "m" / "model.bin").unlink()
    assert how_it_lies(root) == {"model.bin": Lying.MISSING}
    assert how_it_lies(root / "elsewhere") is None
    assert how_it_lies(None) is None


async def test_what_was_checked_once_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights(root)
    await weights.find(a_target(), "model.bin")
    monkeypatch.setattr("gateway.hub.weights.CHECK_NOW_BYTES", 0)

    assert weights.lying(a_target()) == {"model.bin": Lying.CHECKED}


def spoil(file: Path) -> None:
    """Put another file in its place."""
    file.write_bytes(CONTENT[::-1])


@pytest.mark.parametrize("harm", [Path.unlink, spoil], ids=["missing", "differs"])
async def test_nobody_is_told_to_wait_for_a_file_that_waiting_does_not_mend(
    root: Path, harm: Callable[[Path], None]
) -> None:
    harm(root / "m" / "model.bin")

    with pytest.raises(WeightsUnverified) as refused:
        await Weights(root).find(a_target(), "model.bin")

    status, headers, body = failure(refused.value, "req_1")
    assert status == 503 and b"retry-after" not in dict(headers)
    assert b"half a minute" not in body and b"provider" in body


async def test_a_file_that_is_amiss_is_one_warning_however_often_it_is_asked_for(root: Path) -> None:
    weights, file = Weights(root), root / "m" / "model.bin"
    with captured_logs() as log:
        for content in (None, b"another", CONTENT, None):
            file.unlink(missing_ok=True)
            if content is not None:
                file.write_bytes(content)
            for _ in range(3):
                with suppress(WeightsUnverified):
                    await weights.find(a_target(), "model.bin")

    told = [json.loads(line)["why"] for line in log.getvalue().splitlines() if "weights_amiss" in line]
    assert told == ["missing", "missing"]
