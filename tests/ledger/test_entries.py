"""Canonical bytes are RFC 8785, whatever anybody writes into a field."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.ledger.entries import (
    INTEGER_MAX,
    AccessBody,
    AdministrativeBody,
    Body,
    Draft,
    Envelope,
    FinishedBody,
    entry_from,
    written,
)
from gateway.ledger.events import Event
from gateway.ledger.merkle import leaf_hash

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-INTEGER_MAX, INTEGER_MAX)
names = st.text(st.characters(max_codepoint=0x7F), max_size=8)

bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(
        AccessBody,
        organisation=texts,
        key=texts,
        release=texts,
        served=texts,
        terms=st.lists(texts, max_size=3),
        reasons=st.lists(texts, max_size=3),
        bytes_in=integers,
        stream=st.booleans(),
    ),
    st.builds(FinishedBody, admitted=texts, outcome=texts, tokens_in=integers, duration_us=integers),
    st.builds(
        AdministrativeBody,
        subject=texts,
        detail=st.dictionaries(names, st.one_of(texts, integers, st.booleans(), st.lists(texts, max_size=2))),
    ),
)
drafts = st.builds(Draft, id=texts, event=st.sampled_from(Event), body=bodies)


def line_of(draft: Draft, index: int = 0, at: int = 0, uncertainty_us: int = 0, process: str = "p") -> bytes:
    return Envelope(at, uncertainty_us, process).line(written(draft), index)


@given(drafts, st.integers(0, INTEGER_MAX), st.integers(0, INTEGER_MAX), st.integers(0, 10**9), texts)
def test_a_line_is_what_an_independent_implementation_writes(
    draft: Draft, index: int, at: int, uncertainty_us: int, process: str
) -> None:
    line = line_of(draft, index, at, uncertainty_us, process)

    said = json.loads(line)
    assert line == rfc8785.dumps(said)
    assert said | {"body": None} == {
        "v": 1,
        "index": index,
        "id": draft.id,
        "event": draft.event.value,
        "at": at,
        "uncertainty_us": uncertainty_us,
        "process": process,
        "body": None,
    }


@given(drafts)
def test_an_entry_reads_back_as_it_was_written(draft: Draft) -> None:
    line = line_of(draft, 3, 4, 5)

    entry = entry_from(line, leaf_hash(line))

    assert (entry.index, entry.at, entry.uncertainty_us, entry.process) == (3, 4, 5, "p")
    assert (entry.id, entry.event) == (draft.id, draft.event)
    assert all(getattr(draft.body, name) == value for name, value in entry.body.items())


def test_what_does_not_apply_is_absent() -> None:
    line = line_of(Draft("call_1", Event.ACCESS_REFUSED, AccessBody(reasons=["grant_required"])))

    assert json.loads(line)["body"] == {"reasons": ["grant_required"]}


def test_lines_of_the_first_version_stay_byte_for_byte_what_they_are() -> None:
    draft = Draft("call_1", Event.ACCESS_ADMITTED, AccessBody(organisation="org_a", tokens_reserved=12))

    line = line_of(draft, 7, 1_800_000_000_000_000, 250, "0a1b")

    assert line == (
        b'{"at":1800000000000000,"body":{"organisation":"org_a","tokens_reserved":12},"event":"access:admitted",'
        b'"id":"call_1","index":7,"process":"0a1b","uncertainty_us":250,"v":1}'
    )
    assert leaf_hash(line).hex() == "5f9510c1fc9a7824985dee2196d09e934ac9a9bd48c1b35be7ffb3c0c3f2459f"


def test_an_event_of_a_later_release_can_still_be_read() -> None:
    line = line_of(Draft("x", Event.KEY_ISSUED, AdministrativeBody())).replace(b"key:issued", b"key:polished")

    assert entry_from(line, b"").event == "key:polished"


@pytest.mark.parametrize("text", ["\ud800", "\udc00x", "a\udfff"])
def test_text_that_is_not_unicode_has_no_line(text: str) -> None:
    for draft in (
        Draft(text, Event.ACCESS_REFUSED, AccessBody()),
        Draft("x", Event.ACCESS_REFUSED, AccessBody(end_user=text)),
        Draft("x", Event.KEY_ISSUED, AdministrativeBody(detail={"name": text})),
    ):
        with pytest.raises(Invalid):
            written(draft)


def _integer_fields() -> list[tuple[type[Body], str]]:
    kinds: list[type[Body]] = [AccessBody, FinishedBody]
    return [(kind, name) for kind in kinds for name, hint in _hints(kind).items() if hint is int]


def _hints(kind: type[Body]) -> dict[str, Any]:
    return {name: hint for of in kind.__mro__ for name, hint in getattr(of, "__annotations__", {}).items()}


@pytest.mark.parametrize(("kind", "name"), _integer_fields())
@pytest.mark.parametrize("value", [INTEGER_MAX + 1, -INTEGER_MAX - 1, 10**30])
def test_an_integer_that_is_not_exact_everywhere_has_no_line(kind: type[Body], name: str, value: int) -> None:
    with pytest.raises(Invalid):
        written(Draft("x", Event.ACCESS_REFUSED, kind(**{name: value})))


def test_a_detail_of_an_act_keeps_the_same_rules() -> None:
    hostile: list[dict[str, Any]] = [{"count": 2**53}, {"é": "x"}]
    for detail in hostile:
        with pytest.raises(Invalid):
            written(Draft("x", Event.KEY_ISSUED, AdministrativeBody(detail=detail)))
