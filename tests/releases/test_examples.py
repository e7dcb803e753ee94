"""The files that ship as examples are what they say they are."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from gateway.releases.files import paths_of_terms, read_release
from gateway.releases.schedules import Present
from gateway.releases.strategies import AccessLevel, Strategy
from tests.releases.builders import a_moment

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = EXAMPLES / "demo"


def strategy_of(path: Path, present: Present) -> Strategy:
    content = path.read_bytes()
    documents = {name: (path.parent / name).read_bytes() for name in paths_of_terms(content)}
    return read_release(content, documents, name=path.name).strategy_at(present)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("closed", AccessLevel.CLOSED),
        ("limited", AccessLevel.LIMITED),
        ("api", AccessLevel.API),
        ("open-weights", AccessLevel.OPEN_WEIGHTS),
    ],
)
def test_each_demonstration_release_is_open_at_the_level_it_is_named_for(name: str, level: AccessLevel) -> None:
    now = a_moment("2026-12-01T00:00:00Z")

    strategy = strategy_of(DEMO / f"{name}.yaml", Present(now, None, adopt=True))

    stage = strategy.stage_at(now)
    assert stage is not None and stage.access is level
    assert strategy.listed and strategy.inference is not None and strategy.inference.upstream == "simulated"


def test_the_staged_example_can_be_applied_before_its_first_stage_opens() -> None:
    strategy = strategy_of(EXAMPLES / "staged.yaml", Present(a_moment("2026-12-01T00:00:00Z"), None))

    assert [stage.access for stage in strategy.stages] == ["closed", "limited", "api", "open-weights"]


def test_what_the_page_on_evidence_shows_is_read_as_part_of_a_file() -> None:
    shown = (EXAMPLES.parent / "docs" / "evidence.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    file = shown.replace(
        "stages:\n",
        "release: acme/atlas-1\nserves: {inference: {upstream: vllm, model: atlas}}\n"
        "audiences: {staff: {role: staff}, testers: {grant: required}}\nstages:\n"
        "  - {name: internal, opens: 2027-01-05T00:00:00Z, access: closed, to: [staff]}\n",
    )

    strategy = read_release(file.encode(), {}).strategy_at()

    assert len(strategy.stages[1].opens_when) == 4


def test_the_demonstration_weights_have_the_digests_that_are_declared() -> None:
    present = Present(a_moment("2026-12-01T00:00:00Z"), None, adopt=True)
    weights = strategy_of(DEMO / "open-weights.yaml", present).weights

    assert weights is not None
    folder = DEMO / weights.path
    on_disk = {path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in folder.iterdir()}
    assert on_disk == weights.files


def test_the_demonstration_weights_are_the_safetensors_file_their_readme_describes() -> None:
    content = (DEMO / "weights/open-1/model.safetensors").read_bytes()

    (length,) = struct.unpack("<Q", content[:8])
    header, tensors = json.loads(content[8 : 8 + length]), content[8 + length :]
    for name, modulus, shape in (("embedding.weight", 97, [32, 16]), ("output.weight", 89, [16, 32])):
        start, end = header[name]["data_offsets"]
        expected = struct.pack("<512f", *((place % modulus) / modulus for place in range(512)))
        assert header[name]["dtype"] == "F32" and header[name]["shape"] == shape
        assert tensors[start:end] == expected
    assert len(tensors) == 4096
