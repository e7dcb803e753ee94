"""Filters: what is read, what is refused, and that what was read means what RFC 7644 says it does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.identity.provisioning.conditions import Comparison, Every, Not, Some, Within, holds
from gateway.scim.filters import read_filter

ADA: dict[str, Any] = {
    "id": "person_1",
    "userName": "Ada@Example.com",
    "active": True,
    "externalId": "A1",
    "groups": [{"value": "group_1", "display": "Approvers"}, {"value": "group_2", "display": "Staff"}],
    "meta": {"created": "2026-01-05T00:00:00Z"},
}

HOLD = {
    'userName eq "ada@example.com"': True,
    'USERNAME EQ "ada@example.com"': True,
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.com"': True,
    'externalId eq "a1"': False,
    'groups.display eq "approvers"': False,
    'externalId eq "A1"': True,
    'displayName eq "Ada"': False,
    'displayName ne "Ada"': True,
    "displayName pr": False,
    "not (displayName pr)": True,
    "userName pr": True,
    "active eq true": True,
    "active eq false": False,
    'active eq "true"': False,
    'userName sw "ada" and active eq true': True,
    'userName sw "bob" or active eq true': True,
    'userName sw "bob" or active eq true and externalId eq "B"': False,
    '(userName sw "ada" or active eq false) and externalId eq "A1"': True,
    'userName co "@EXAMPLE" and userName ew ".com"': True,
    'meta.created gt "2026-01-01T00:00:00Z"': True,
    'meta.created le "2026-01-01T00:00:00Z"': False,
    'groups[value eq "group_1" and display eq "Approvers"]': True,
    'groups[value eq "group_1" and display eq "staff"]': False,
    'groups.value eq "group_2"': True,
    'userName eq "\\u0061da@example.com"': True,
    'externalId eq "A\\"1"': False,
}


@pytest.mark.parametrize("text", HOLD)
def test_a_filter_holds_of_what_it_says(text: str) -> None:
    assert holds(read_filter(text), ADA) is HOLD[text]


def test_a_filter_is_read_as_the_precedence_of_its_words_has_it() -> None:
    a, b, c = (Comparison(name, "pr") for name in "abc")

    assert read_filter("a pr or b pr and c pr") == Some((a, Every((b, c))))
    assert read_filter("not (a pr) and b pr") == Every((Not(a), b))
    assert read_filter('members[a pr and b eq "x"]') == Within("members", Every((a, Comparison("b", "eq", "x"))))
    assert read_filter("a eq null") == Comparison("a", "eq", None)
    assert read_filter("a gt 1.5e3") == Comparison("a", "gt", 1500.0)


MISTAKES = (
    "",
    " ",
    "userName",
    "userName eq",
    'userName eq "a',
    "userName eq ada",
    "userName is 1",
    'userName eq "a" userName eq "b"',
    'userName eq "a" and',
    'and userName eq "a"',
    '(userName eq "a"',
    'userName eq "a")',
    'groups[value eq "a"',
    "groups[]",
    "()",
    "not",
    'userName eq "\\ud800"',
    'userName eq "\\u0000"',
    'userName eq "\x00"',
    "userName eq 1e999",
    "'; drop table person --",
    "(" * 20 + "a pr" + ")" * 20,
    " and ".join(["a pr"] * 100),
    'userName eq "' + "a" * 3000 + '"',
)


@pytest.mark.parametrize("text", MISTAKES)
def test_what_is_no_filter_is_refused_as_one(text: str) -> None:
    with pytest.raises(Invalid) as told:
        read_filter(text)

    assert told.value.code == "invalidFilter"


PIECES = ["userName", "eq", "pr", "and", "or", "not", "(", ")", "[", "]", '"x"', "true", "1", ".", "\\", '"', "\0", "é"]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join)))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        assert holds(read_filter(text), ADA) in {True, False}
    except Invalid as told:
        assert told.code == "invalidFilter"
