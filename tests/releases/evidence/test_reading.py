"""Files as the three tools write them, our own form, and files that mean harm."""

import io
import random
import time
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.releases.evidence import inspect_logs
from gateway.releases.evidence.numbers import decimal_text
from gateway.releases.evidence.reading import FILE_BYTES_MAX, read_evidence
from gateway.releases.evidence.records import Determination, Findings, Measurement
from tests.releases.builders import an_instant

FILES = Path(__file__).with_name("files")
SNAPSHOT = "sha256:" + "a" * 64
PLAIN: dict[str, Any] = {
    "evidence": "release-gateway/1",
    "suite": "red-team",
    "version": "2026-11",
    "snapshot": SNAPSHOT,
    "run_at": "2026-11-01T00:00:00Z",
    "measurements": [{"task": "bio", "metric": "success_rate", "value": 0.02, "stderr": "0.010"}],
    "determinations": [{"framework": "preparedness", "category": "biology", "level": "medium"}],
}


def found(name: str) -> Findings:
    """What one of the real files says."""
    return read_evidence({name: (FILES / name).read_bytes()})


def plain(**differences: Any) -> bytes:
    """A file of our own form."""
    return msgspec.json.encode(PLAIN | differences)


def refusal(content: bytes, **given: Any) -> Invalid:
    """How a file is turned away."""
    with pytest.raises(Invalid) as refused:
        read_evidence({"file.json": content}, **given)
    return refused.value


def packed(*entries: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these entries."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", how) as written:
        for name, content in entries:
            written.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize(("name", "value"), [("lm-eval-0.34.json", "0.34"), ("lm-eval-0.36.json", "0.36")])
def test_results_of_lm_eval_are_read_as_it_writes_them(name: str, value: str) -> None:
    findings = found(name)

    assert (findings.suite, findings.version, findings.model[:6]) == ("lm-eval", "0.4.13", "dummy ")
    [measurement] = findings.measurements
    assert (measurement.task, measurement.metric, measurement.value) == ("wmdp_bio", "acc", value)
    assert measurement.stderr.startswith("0.06") and findings.run_at is not None


@pytest.mark.parametrize(
    ("name", "version", "value"),
    [
        ("inspect.json", "0.3.285", "0.5"),
        ("inspect-deflated.eval", "0.3.100", "0.3"),
        ("inspect-header.json", "0.3.285", "0.3"),
    ],
)
def test_logs_of_inspect_are_read_as_it_writes_them(name: str, version: str, value: str) -> None:
    findings = found(name)

    assert (findings.suite, findings.version, findings.model) == ("inspect", version, "mockllm/model")
    [measurement] = findings.measurements
    assert (measurement.task, measurement.metric, measurement.value) == ("refusal_bypass", "accuracy", value)
    assert measurement.stderr and findings.run_at is not None


def test_a_run_of_helm_is_read_as_it_writes_it() -> None:
    findings = read_evidence({name: (FILES / "helm" / name).read_bytes() for name in ("stats.json", "run_spec.json")})

    assert (findings.suite, findings.model, findings.run_at) == ("helm", "simple/model1", None)
    assert Measurement("simple_mcqa", "exact_match", "0") in findings.measurements
    assert Measurement("simple_mcqa", "num_instances", "5") in findings.measurements


def test_a_log_that_is_packed_as_cannot_be_read_says_what_to_add_instead() -> None:
    refused = refusal((FILES / "inspect-zstandard.eval").read_bytes())

    assert "Zstandard" in refused.message and "inspect log dump --header-only" in refused.next_step


def test_a_run_that_did_not_succeed_is_no_evidence() -> None:
    log = msgspec.json.decode((FILES / "inspect.json").read_bytes())

    for status in ("error", "cancelled", "started"):
        assert "did not succeed" in refusal(msgspec.json.encode(log | {"status": status})).message


def test_our_own_form_is_read_whole() -> None:
    findings = read_evidence({"own.json": plain()})

    assert findings == Findings(
        suite="red-team",
        version="2026-11",
        snapshot=SNAPSHOT,
        run_at=an_instant("2026-11-01T00:00:00Z"),
        measurements=(Measurement("bio", "success_rate", "0.02", "0.01"),),
        determinations=(Determination("preparedness", "biology", "medium"),),
    )


@pytest.mark.parametrize("suite", ["lm-eval", "helm", "inspect", "document"])
def test_our_own_form_cannot_pass_for_a_tools_file(suite: str) -> None:
    assert "from its own files only" in refusal(plain(suite=suite)).message


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b"not JSON",
        b"\x80\x04\x95pickle",
        b'{"results": {}}',
        b'{"results": {"t": {"acc,none": NaN}}}',
        b'{"results": {"t": {"acc,none": "N/A"}}}',
        b'{"evidence": "release-gateway/2", "suite": "x"}',
        plain(unknown=1),
        plain(run_at="2026-11-01T00:00:00"),
        plain(snapshot="sha256:abc"),
        plain(measurements=[], determinations=[]),
        plain(measurements=[{"task": "t", "metric": "m", "value": "1e999"}]),
        plain(measurements=[{"task": "t", "metric": "m", "value": 1}] * 2),
        plain(measurements=[{"task": "t\n", "metric": "m", "value": 1}]),
        plain(measurements=[{"task": str(n), "metric": "m", "value": 1} for n in range(2_001)]),
        plain(determinations=[{"framework": "f", "category": "c", "level": x} for x in ("low", "high")]),
        b'{"results":' + b"[" * 100_000,
        b'{"results":' * 100_000,
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_what_is_no_evidence_is_refused_with_what_is_read(content: bytes) -> None:
    refused = refusal(content)

    assert refused.status == 400 and refused.next_step


def test_a_file_above_the_stated_size_is_not_looked_into() -> None:
    assert str(FILE_BYTES_MAX) in refusal(b" " * (FILE_BYTES_MAX + 1)).message


def test_of_a_bomb_no_more_is_unpacked_than_may_be_read() -> None:
    bomb = packed(("header.json", b" " * (64 << 20)))
    assert len(bomb) < 100_000

    began = time.monotonic()
    refused = refusal(bomb)

    assert str(inspect_logs.HEADER_BYTES_MAX) in refused.message
    assert time.monotonic() - began < 2


def test_no_path_of_an_archive_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    header = (FILES / "inspect-header.json").read_bytes()

    findings = read_evidence(
        {"x.eval": packed(("../../escaped", b"x"), ("/etc/escaped", b"x"), ("header.json", header))}
    )

    assert findings.measurements and list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("names", [(), ("samples/1.json",), ("header.json", "header.json"), ("a/header.json",)])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_without_one_header_is_refused(names: tuple[str, ...]) -> None:
    header = (FILES / "inspect-header.json").read_bytes()

    assert refusal(packed(("other", b"x"), *((name, header) for name in names))).status == 400


def test_an_archive_broken_anywhere_is_refused_and_never_a_crash() -> None:
    dice = random.Random(7)
    whole = (FILES / "inspect-deflated.eval").read_bytes()
    outcomes = set()
    for _ in range(400):
        broken = bytearray(whole[: dice.randrange(4, len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.randint(1, 40)):
            broken[dice.randrange(4, len(broken))] = dice.randrange(256)
        for place in range(max(4, len(broken) - 900), len(broken)):  # where the archive says what is in it
            if dice.random() < 0.02:
                broken[place] = dice.randrange(256)
        try:
            read_evidence({"x.eval": bytes(broken)})
            outcomes.add("read")
        except Invalid:
            outcomes.add("refused")

    assert "refused" in outcomes


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_evidence({"x": content})
    except Invalid as refused:
        assert refused.next_step


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.34, "0.34"),
        (1, "1"),
        (-0.0, "0"),
        ("0.350", "0.35"),
        (1e-5, "0.00001"),
        (1e22, "10000000000000000000000"),
        ("0.3500000000000000000000000001", ""),
        (True, ""),
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        ("N/A", ""),
        ("1e-99", ""),
    ],
)
def test_a_number_is_kept_as_written_or_not_at_all(value: object, written: str) -> None:
    assert decimal_text(value) == written


@given(st.floats(min_value=1e-20, max_value=1e20))
def test_no_float_changes_on_its_way(value: float) -> None:
    assert float(decimal_text(value)) == value


def test_a_document_is_kept_under_its_name_whatever_is_in_it() -> None:
    assert read_evidence({"card.md": b"# Card"}, document="model-card") == Findings(
        suite="document", document="model-card"
    )


def test_the_documentation_shows_what_is_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text("utf-8")
    shown = page.partition("```json\n")[2].partition("```")[0]

    findings = read_evidence({"shown.json": shown.encode()})

    assert len(findings.measurements) == len(findings.determinations) == 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"results":{"wmdp_bio":{"acc,none":0.36,"acc,none":0.34}}}',
        b'{"results":{"wmdp_bio":{"acc,none":0.36}},"results":{"wmdp_bio":{"acc,none":0.3}}}',
        b'{"evidence":"release-gateway/1","suite":"s","measurements":[{"task":"t","metric":"m","value":9}],'
        b'"measurements":[{"task":"t","metric":"m","value":1}]}',
        b'{"status":"success","eval":{"task":"t"},"results":{"scores":[{"name":"a","metrics":{"accuracy":{"value":0.9,'
        b'"value":0.1}}}]}}',
    ],
)
def test_a_file_that_gives_a_name_twice_says_nothing(content: bytes) -> None:
    refused = refusal(content)

    assert "twice" in refused.message and refused.code == "evidence_unreadable"


@pytest.mark.parametrize("written", ["0.350000000000000001", "0.35000000000000003", "3.5e-1"])
def test_a_number_is_what_stands_in_the_file_digit_for_digit(written: str) -> None:
    own = '{"evidence":"release-gateway/1","suite":"s","measurements":[{"task":"t","metric":"m","value":%s}]}'
    for content in ('{"results":{"t":{"m,none":%s}}}', own):
        [measured] = read_evidence({"r.json": (content % written).encode()}).measurements
        assert Decimal(measured.value) == Decimal(written)


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_of_another_packing_is_not_unpacked_at_all(packed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", packed) as written:
        written.writestr("header.json", b" " * (16 << 20))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)

    refused = refusal(archive.getvalue())

    assert "is not read" in refused.message and "inspect log dump" in refused.next_step
