"""The policy set, its digest and its bundle; and that the Rego that ships is in order."""

import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest

from gateway.access.change_decisions import CHANGE_MEANINGS
from gateway.access.judges.policies import Policy, PolicySet, policy_set, read_policy_set
from gateway.access.questions import Question
from gateway.access.reasons import MEANINGS
from gateway.access.requests.decisions import REQUEST_MEANINGS
from gateway.errors import SettingsInvalid
from tests.access.judges.conftest import POLICIES
from tests.access.judges.opa_server import opa_binary

RULE = b"package access\n\ndefault decision := false\n"


def _folder(tmp_path: Path, **files: bytes) -> Path:
    (tmp_path / "access").mkdir()
    for name, source in files.items():
        (tmp_path / "access" / f"{name}.rego").write_bytes(source)
    return tmp_path


def test_tests_and_other_files_are_no_part_of_a_policy_set(tmp_path: Path) -> None:
    folder = _folder(tmp_path, a=RULE, a_test=b"package access_test\n")
    (folder / "access" / "README.md").write_text("no Rego")

    policies = read_policy_set(folder)

    assert [policy.name for policy in policies.policies] == ["access/a.rego"]


def test_the_digest_changes_with_every_byte_and_every_name_and_with_nothing_else() -> None:
    first, second = Policy("access/a.rego", b"12"), Policy("access/b.rego", b"3")

    digest = policy_set([first, second]).digest

    assert digest == policy_set([second, first]).digest
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    others = [
        [first],
        [first, Policy("access/b.rego", b"4")],
        [first, Policy("access/c.rego", b"3")],
        [Policy("access/a.rego", b"1"), Policy("access/b.rego", b"23")],
        [Policy("access/a.rego1", b"2"), second],
    ]
    assert len({digest, *(policy_set(other).digest for other in others)}) == 6


@pytest.mark.parametrize("source", [b"\xff\xfe", b"#" * 1_000_001], ids=["not UTF-8", "too large"])
def test_a_policy_that_cannot_be_read_is_refused(tmp_path: Path, source: bytes) -> None:
    with pytest.raises(SettingsInvalid):
        read_policy_set(_folder(tmp_path, a=source))


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid):
        read_policy_set(tmp_path)


def test_a_bundle_is_the_same_bytes_every_time_and_names_its_policies_digest(policies: PolicySet) -> None:
    bundle = policies.bundle()

    assert bundle == read_policy_set(POLICIES).bundle()
    with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as tar:
        manifest = json.load(tar.extractfile(".manifest"))  # type: ignore[arg-type]
        names = tar.getnames()
    assert manifest["revision"] == policies.digest
    assert manifest["roots"] == ["access", "changes", "requests"]
    assert names == [".manifest", *(policy.name for policy in policies.policies)]


@pytest.mark.parametrize(
    ("package", "public"),
    [("access", set(MEANINGS)), ("changes", set(CHANGE_MEANINGS)), ("requests", set(REQUEST_MEANINGS))],
)
def test_every_reason_the_policies_give_is_a_public_one(policies: PolicySet, package: str, public: set[str]) -> None:
    sources = [policy.source for policy in policies.policies if policy.name.startswith(f"{package}/")]
    source = b"\n".join(sources).decode()

    given = set(re.findall(r'obstacles contains "(\w+)"', source))
    listed = set(re.findall(r'^\t\t"(\w+)",$', source.split("reasons := [")[1].split("\tcode in")[0], re.MULTILINE))

    assert given == listed
    assert given <= public


def test_the_schema_beside_the_policies_is_that_of_a_question() -> None:
    def read(schema: str) -> object:
        return json.loads(schema.replace("\\n    ", "\\n"))  # docstrings are indented before Python 3.13 only

    shipped = (POLICIES / "schemas" / "question.json").read_text()

    assert read(shipped) == read(msgspec.json.encode(msgspec.json.schema(Question)).decode())


@pytest.mark.parametrize(
    "arguments",
    [
        ["fmt", "--list", "--fail", "."],
        ["check", "--strict", "--schema", "schemas", "access", "changes", "requests"],
        ["test", "access", "changes", "requests"],
    ],
    ids=["formatted", "checked", "tested"],
)
def test_the_policies_are_in_order_for_opa(arguments: list[str]) -> None:
    finished = subprocess.run(
        [opa_binary(), *arguments], cwd=POLICIES, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_policies_are_in_order_for_regal() -> None:
    regal = shutil.which("regal") or shutil.which("regal", path=str(POLICIES.parent / ".tools" / "bin"))
    if regal is None:
        pytest.skip("no Regal here: put the `regal` binary on PATH or into .tools/bin")

    finished = subprocess.run(
        [regal, "lint", "."], cwd=POLICIES, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 0, finished.stdout
