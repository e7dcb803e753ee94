"""A draft filled into a form is, byte for byte, the same draft in full."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.ledger.entries import INTEGER_MAX, AccessBody, Draft, FinishedBody, written
from gateway.ledger.events import Event
from gateway.ledger.forms import Form

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
counts = st.integers(1, INTEGER_MAX)

admissions = st.builds(
    AccessBody,
    organisation=texts,
    key=texts,
    endpoint=texts,
    terms=st.lists(texts, max_size=3),
    narrowings=st.lists(texts, max_size=2),
    retain_days=st.integers(0, 400),
    stream=st.booleans(),
    bytes_in=counts,
)


@given(admissions, texts, counts, counts)
def test_an_admission_is_written_alike_either_way(body: AccessBody, id_: str, bytes_in: int, tokens: int) -> None:
    form = Form(Event.ACCESS_ADMITTED, body, ("bytes_in", "tokens_reserved"))
    filled = form.filled(id_, (bytes_in, tokens))
    in_full = Draft(
        id_, Event.ACCESS_ADMITTED, msgspec.structs.replace(body, bytes_in=bytes_in, tokens_reserved=tokens)
    )
    assert filled is not None
    assert filled.written() == written(in_full)
    assert (filled.id, filled.event, filled.body, filled.closes) == (id_, in_full.event, in_full.body, "")


@given(st.builds(FinishedBody, organisation=texts, outcome=texts), said, counts, said)
def test_an_end_is_written_alike_either_way_and_closes_the_same(
    body: FinishedBody, admitted: str, tokens_in: int, upstream: str
) -> None:
    form = Form(Event.ACCESS_FINISHED, body, ("admitted", "tokens_in", "upstream_request"))
    filled = form.filled("end", (admitted, tokens_in, upstream))
    replaced = msgspec.structs.replace(body, admitted=admitted, tokens_in=tokens_in, upstream_request=upstream)
    in_full = Draft("end", Event.ACCESS_FINISHED, replaced)
    assert filled is not None
    assert filled.written() == in_full.written()
    assert filled.closes == in_full.closes == admitted


@pytest.mark.parametrize("value", [0, -1, INTEGER_MAX + 1, ""])
def test_what_would_not_stand_in_the_line_is_left_to_be_written_in_full(value: int | str) -> None:
    form = Form(Event.ACCESS_FINISHED, FinishedBody(), ("admitted", "status"))
    assert form.filled("end", ("call", 200)) is not None
    assert form.filled("end", ("call", value) if isinstance(value, int) else (value, 200)) is None


def test_what_is_no_unicode_has_no_form() -> None:
    with pytest.raises(Invalid):
        Form(Event.ACCESS_ADMITTED, AccessBody(organisation="\ud800"), ())
    filled = Form(Event.ACCESS_FINISHED, FinishedBody(), ("admitted",)).filled("end", ("\ud800",))
    assert filled is not None
    with pytest.raises(Invalid):
        filled.written()
