"""Particulars against obligations, and the ids that calls go by."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.calls import OUTPUT_TOKENS_DEFAULT, Breach, Terms, bind, new_request_id
from gateway.access.decisions import Obligations
from gateway.access.reasons import Reason
from gateway.inference.calls import CHAT, read
from gateway.releases.components import Component
from gateway.releases.stages import TOKENS_PER_DAY_MIN
from tests.builders import a_call


def obligations(**differences: object) -> Obligations:
    facts: dict[str, object] = {
        "components": (Component.TEXT,),
        "requests_per_minute": None,
        "tokens_per_day": None,
        "max_output_tokens": None,
        "log": "metadata",
        "retain_days": None,
    }
    return Obligations(**facts | differences)  # type: ignore[arg-type]


def test_ids_of_calls_are_uuids_of_version_7_that_never_repeat() -> None:
    ids = [new_request_id() for _ in range(10_000)]

    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(one)) == one and uuid.UUID(one).version == 7 for one in ids)


def test_a_component_that_is_not_offered_is_a_breach() -> None:
    bound = bind(a_call(draws_on=(Component.LOGPROBS,)), obligations())

    assert isinstance(bound, Breach) and bound.reason is Reason.COMPONENT_NOT_OFFERED


@pytest.mark.parametrize(("asked", "fits"), [(99, True), (100, True), (101, False), (2**31 - 1, False)])
def test_output_is_bounded_exactly_where_the_stage_says(asked: int, fits: bool) -> None:
    bound = bind(a_call(output_tokens=asked), obligations(max_output_tokens=100))

    assert isinstance(bound, Terms) is fits


@pytest.mark.parametrize(
    ("limits", "imposed"),
    [
        ({}, None),
        ({"max_output_tokens": 100}, 100),
        ({"tokens_per_day": 1_000_000}, OUTPUT_TOKENS_DEFAULT),
        ({"tokens_per_day": 1000}, 250),
        ({"tokens_per_day": 1000, "max_output_tokens": 900}, 250),
        ({"tokens_per_day": 1}, 1),
        ({"tokens_per_day": 1000, "max_output_tokens": 100}, 100),
    ],
)
def test_output_left_open_is_bounded_where_something_must_bound_it(limits: dict[str, int], imposed: int | None) -> None:
    bound = bind(a_call(), obligations(**limits))

    assert isinstance(bound, Terms) and bound.output_tokens_imposed == imposed


@pytest.mark.parametrize(
    ("limits", "imposed"),
    [({}, None), ({"max_output_tokens": 100}, 7), ({"tokens_per_day": 1000}, 7)],
)
def test_the_callers_own_bound_is_imposed_where_output_is_bounded_and_left_alone_elsewhere(
    limits: dict[str, int], imposed: int | None
) -> None:
    bound = bind(a_call(output_tokens=7), obligations(**limits))

    assert isinstance(bound, Terms) and bound.output_tokens_imposed == imposed


def test_every_answer_asked_for_is_reserved_at_its_worst() -> None:
    bound = bind(a_call(tokens_in_max=10, output_tokens=50, answers=4), obligations(tokens_per_day=1000))

    assert bound == Terms(210, 50)


def test_embeddings_reserve_what_they_are_given_and_nothing_to_come() -> None:
    bound = bind(a_call(tokens_in_max=10, generates=False), obligations(tokens_per_day=1000))

    assert bound == Terms(10, None)


def test_what_nobody_can_count_beforehand_passes_only_where_tokens_are_not_limited() -> None:
    picture = a_call(tokens_in_max=None)

    assert isinstance(bind(picture, obligations()), Terms)
    refused = bind(picture, obligations(tokens_per_day=10**9))
    assert isinstance(refused, Breach)
    assert refused.reason is Reason.PARAMETER_NOT_ALLOWED
    assert (refused.param, refused.next_step) == ("messages", "Send text alone.")
    assert "`messages`" in refused.message


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_parameter_that_is_not_allowed_is_named_as_the_caller_wrote_it(field: str) -> None:
    refused = bind(a_call(output_tokens=101, output_field=field), obligations(max_output_tokens=100))

    assert isinstance(refused, Breach)
    assert refused.param == field and f"`{field}`" in refused.message and f"`{field}`" in refused.next_step


@given(tokens_per_day=st.integers(TOKENS_PER_DAY_MIN, 2**53), content=st.integers(0, 60))
def test_every_limit_that_a_file_may_set_covers_a_short_chat_that_leaves_its_output_open(
    tokens_per_day: int, content: int
) -> None:
    asked = read(CHAT, b'{"model":"acme/x","messages":[{"role":"user","content":"%b"}]}' % (b"x" * content))

    bound = bind(asked.call("id"), obligations(tokens_per_day=tokens_per_day))

    assert isinstance(bound, Terms) and bound.tokens_reserved <= tokens_per_day
