"""Answers against a form: what fits is taken as it is, and no other thing is, whatever anybody sends."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.requests.filling import BYTES_MAX, check_answers
from gateway.access.requests.store import canonical_answers
from gateway.errors import Invalid
from gateway.releases.forms import FieldKind, FormField, RequestForm

FORM = RequestForm(
    fields=(
        FormField(name="why", kind=FieldKind.TEXT, longest=20),
        FormField(name="sector", kind=FieldKind.CHOICE, choices=("health", "finance"), required=False),
        FormField(name="users", kind=FieldKind.NUMBER, at_least=1, at_most=100, required=False),
        FormField(name="resells", kind=FieldKind.YES_NO, required=False),
        FormField(name="site", kind=FieldKind.URL, required=False),
    )
)

anything = st.text(max_size=40) | st.integers() | st.booleans() | st.sampled_from(["health", "https://a.example/b"])
names = st.sampled_from([field.name for field in FORM.fields]) | st.text(max_size=5)


def told(**answers: Any) -> str:
    """What is wrong with these answers; empty where nothing is."""
    try:
        check_answers(FORM, {"why": "so"} | answers)
    except Invalid as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    "answers",
    [
        {"why": "x" * 20}, {"why": "two\nlines\tünïcode 漢"}, {"sector": "finance"}, {"users": 1}, {"users": 100},
        {"resells": False}, {"site": "https://example.com:8443/a?b=c#d"}, {"site": "http://[::1]/"}, {"sector": ""},
    ],
)  # fmt: skip
def test_what_fits_is_taken(answers: dict[str, Any]) -> None:
    assert told(**answers) == ""


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"why": ""}, "`why` must be answered"),
        ({"why": " \n"}, "`why` is a text"),
        ({"why": 7}, "`why` is a text"),
        ({"why": "x" * 21}, "`why` has 21 characters; at most 20"),
        ({"why": "a\x00b"}, "`why` has characters that nobody can read"),
        ({"why": "a\x1b[2Jb"}, "`why` has characters that nobody can read"),
        ({"why": "a\u202eb"}, "`why` has characters that nobody can read"),
        ({"why": "\ud800"}, "`why` has characters that nobody can read"),
        ({"sector": "Health"}, "`sector` is one of health, finance"),
        ({"sector": True}, "`sector` is one of"),
        ({"users": 0}, "`users` is a whole number from 1 to 100"),
        ({"users": 101}, "`users` is a whole number"),
        ({"users": True}, "`users` is a whole number"),
        ({"users": "7"}, "`users` is a whole number"),
        ({"resells": 1}, "`resells` is true or false"),
        ({"site": "javascript:alert(1)"}, "`site` is an address"),
        ({"site": "https://user:pass@example.com"}, "`site` is an address"),
        ({"site": "https://"}, "`site` is an address"),
        ({"site": "https://example.com/a b"}, "`site` is an address"),
        ({"site": "https://[broken"}, "`site` is an address"),
        ({"site": "https://example.com/" + "a" * 500}, "`site` is an address"),
        ({"other": 1}, "there is no field `other`"),
        ({"<script>": 1}, "there is an answer to nothing that is asked"),
    ],
)
def test_what_does_not_fit_is_told_by_its_field(answers: dict[str, Any], said: str) -> None:
    assert said in told(**answers)
    assert "<script>" not in told(**answers)


def test_answers_are_bounded_together() -> None:
    fields = tuple(FormField(name=f"f{number}", kind=FieldKind.TEXT, longest=10_000) for number in range(8))

    with pytest.raises(Invalid, match=f"at most {BYTES_MAX}"):
        check_answers(RequestForm(fields=fields), {field.name: "x" * 10_000 for field in fields})


@given(answers=st.dictionaries(names, anything, max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_taken_whole_or_refused_as_invalid(answers: dict[str, Any]) -> None:
    try:
        taken = check_answers(FORM, answers)
    except Invalid as error:
        assert error.param == "answers"
        return
    assert taken == {name: answer for name, answer in answers.items() if answer != ""}
    assert taken.keys() <= {field.name for field in FORM.fields} and taken["why"]
    assert canonical_answers(taken), "what is taken has canonical bytes"
