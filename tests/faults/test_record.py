"""What a run that went wrong would leave behind is found, each kind by its name."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import DAY
from tests.faults.load import Got
from tests.faults.record import Record
from tests.faults.report import note_case, write_report

AT = 20_000 * DAY
SCOPE = "acme:acme/atlas-1"


def line(index: int, **said: Any) -> tuple[int, bytes, bytes]:
    content = msgspec.json.encode({"index": index, "at": AT} | said, order="sorted")
    return index, content, hashlib.sha256(b"\0" + content).digest()


def begun(index: int, call: str) -> tuple[int, bytes, bytes]:
    return line(index, id=call, event="access:admitted", body={"limit_scope": SCOPE, "tokens_reserved": 50})


def ended(index: int, call: str, **differences: Any) -> tuple[int, bytes, bytes]:
    body = {"admitted": call, "outcome": "complete", "bytes_out": 9, "tokens_settled": 10} | differences
    return line(index, id=f"{call}.end", event="access:finished", body=body)


def sound() -> Record:
    return Record([begun(0, "a"), begun(1, "b"), ended(2, "a"), ended(3, "b")], {SCOPE: (20_000, 2, 20, 0)})


GOT = [Got("a", 200, 9, whole=True), Got("b", 200, 4)]

WRONG: dict[str, tuple[Callable[[Record], Record], str]] = {
    "an entry is missing": (lambda r: Record(r.lines[1:], r.meters), "which is not recorded"),
    "an end is missing": (lambda r: Record(r.lines[:3], r.meters), "b was left open"),
    "a call ended twice": (lambda r: Record([*r.lines, ended(4, "a")], r.meters), "a call has ended twice"),
    "an end without a beginning": (lambda r: Record([*r.lines, ended(4, "c")], r.meters), "never began"),
    "a gap": (lambda r: Record([*r.lines, line(5, id="x", event="key:issued")], r.meters), "not contiguous"),
    "another's place": (lambda r: Record([*r.lines[:3], (3, *ended(7, "b")[1:])], r.meters), "another's place"),
    "a changed line": (
        lambda r: Record([*r.lines[:3], (3, ended(3, "b", tokens_settled=11)[1], r.lines[3][2])], r.meters),
        "the leaf hash of entry 3",
    ),
    "tokens held": (lambda r: Record(r.lines, {SCOPE: (20_000, 2, 20, 50)}), "held by nobody"),
    "tokens forgotten": (lambda r: Record(r.lines, {SCOPE: (20_000, 2, 10, 0)}), "recorded are 2 and 20"),
    "a call not counted": (lambda r: Record(r.lines, {SCOPE: (20_000, 1, 20, 0)}), "recorded are 2 and 20"),
    "bytes not recorded": (
        lambda r: Record([*r.lines[:2], ended(2, "a", bytes_out=8), r.lines[3]], r.meters),
        "a brought 9 bytes, recorded are 8",
    ),
}


def test_a_sound_record_has_no_mistakes() -> None:
    assert sound().mistakes(["a", "b"], GOT) == []


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_found(wrong: str) -> None:
    change, told = WRONG[wrong]

    mistakes = change(sound()).mistakes(["a", "b"], GOT)

    assert any(told in mistake for mistake in mistakes), mistakes


def test_an_answer_that_is_not_recorded_is_found() -> None:
    mistakes = sound().mistakes(["a"], [*GOT, Got("c", 200, 3)])

    assert len(mistakes) == 1 and "a caller got 200 and 3 bytes of c" in mistakes[0]


def test_a_report_replaces_its_own_section_and_leaves_the_others(tmp_path: Path) -> None:
    report = tmp_path / "soak.md"
    write_report("one", {"kills": "1"}, report)
    write_report("other", {"kills": "2"}, report)
    write_report("one", {"kills": "3"}, report)

    said = report.read_text()
    assert said.count("## one") == said.count("## other") == 1
    assert "| kills | 3 |" in said and "| kills | 2 |" in said and "| kills | 1 |" not in said


def test_a_property_replaces_its_own_row_and_leaves_the_others(tmp_path: Path) -> None:
    report = tmp_path / "soak.md"
    write_report("other", {"kills": "2"}, report)
    note_case("properties", "it holds, sqlite", 10, 1.0, report)
    note_case("properties", "it holds, postgresql", 20, 2.0, report)
    note_case("properties", "it holds, sqlite", 30, 3.0, report)

    said = report.read_text()
    assert said.count("## properties") == said.count("## other") == said.count("it holds, sqlite") == 1
    assert "| it holds, sqlite | 30 | 0 | 3 s |" in said and "| it holds, postgresql | 20 | 0 | 2 s |" in said
    assert "| kills | 2 |" in said
