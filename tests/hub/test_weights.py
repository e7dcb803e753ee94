"""Weight files: only what is declared leaves, and only while the disk holds exactly that."""

import hashlib
from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.hub.weights import Weights, WeightsUnverified
from gateway.releases.strategies import WeightsTarget

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
