"""What a run of faults that went wrong would leave behind is found, each kind by its name."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.clock import DAY, SECOND
from tests.cluster.faults import MODEL, SHUT, Faults
from tests.faults.load import Got
from tests.faults.record import Record
from tests.faults.test_record import AT, line


def admitted(index: int, call: str, release: str = MODEL, at: int = AT) -> tuple[int, bytes, bytes]:
    body = {"key": "k", "release": release, "limit_scope": "", "tokens_reserved": 0}
    return line(index, id=call, event="access:admitted", body=body, at=at)


def revoked(index: int) -> tuple[int, bytes, bytes]:
    return line(index, id=f"r{index}", event="key:revoked", body={"subject": "k"})


def after(*lines: tuple[int, bytes, bytes], seen: tuple[str, ...] = ("a",), **had: Any) -> list[str]:
    """What is found wrong with a run that left these entries."""
    upstream = cast("Any", SimpleNamespace(seen=list(seen)))
    run = Faults(cast("Any", None), upstream, random.Random(0), got=[Got("a", 200)], revoked={"k": "a fault"}, **had)
    return run.mistakes(Record(list(lines), {}))


def test_a_run_that_went_well_has_no_mistakes() -> None:
    assert after(admitted(0, "a"), revoked(1), admitted(2, "b", at=AT + SECOND), seen=("a", "b")) == []


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (after(admitted(0, "a"), revoked(1), seen=("a", "b")), "the upstream saw b"),
        (after(admitted(0, "b"), revoked(1), seen=("b",)), "a was answered and is not recorded"),
        (after(admitted(0, "a"), revoked(1), admitted(2, "s", SHUT)), "s of a model that is shut was admitted"),
        (after(admitted(0, "a"), revoked(1), trespassed=[Got("t", 200)]), "t of a model that is shut got 200"),
        (after(revoked(0), admitted(1, "a", at=AT + 6 * SECOND)), "a fault: a key was used 6.0 s after"),
        (after(revoked(0), admitted(1, "a", at=AT + DAY)), "a key was used"),
    ],
)
def test_whatever_went_wrong_is_named(found: list[str], wrong: str) -> None:
    assert len(found) == 1 and wrong in found[0]
