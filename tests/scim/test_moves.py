"""Patches of members alone: told from others, and meaning what they mean step by step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.scim.attributes import GROUPS, USERS
from gateway.scim.moves import moves_in
from gateway.scim.patch import PATCH, patched, read_patch

ADA, BO = {"value": "ada"}, {"value": "bo"}


def steps(*operations: Any) -> Any:
    return read_patch({"schemas": [PATCH], "Operations": [*operations]}, GROUPS)


people = st.sampled_from(["ada", "bo", "cy", "di"])
joins = people.map(lambda name: {"op": "add", "path": "members", "value": [{"value": name}]})
leaves = people.map(lambda name: {"op": "remove", "path": f'members[value eq "{name}"]'})
leaves_by_value = people.map(lambda name: {"op": "Remove", "path": "members", "value": [{"value": name}]})
two_leave = st.tuples(people, people).map(
    lambda two: {"op": "remove", "path": f'members[value eq "{two[0]}" or value eq "{two[1]}"].value'}
)


@given(
    standing=st.sets(people),
    operations=st.lists(joins | leaves | leaves_by_value | two_leave, min_size=1, max_size=6),
)
def test_moves_come_to_what_the_steps_come_to(standing: set[str], operations: list[Any]) -> None:
    group = {"id": "group_1", "displayName": "Team", "members": [{"value": name} for name in sorted(standing)]}

    moves = moves_in(steps(*operations))

    assert moves is not None
    moved = {name for name in standing | set(moves) if moves.get(name, name in standing)}
    assert moved == {each["value"] for each in patched(group, steps(*operations))["members"]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "displayName", "value": "New"},
        {"op": "replace", "path": "members", "value": [ADA]},
        {"op": "remove", "path": "members"},
        {"op": "remove", "path": "members", "value": []},
        {"op": "remove", "path": 'members[value sw "a"]'},
        {"op": "remove", "path": 'members[value eq "ada" and type eq "User"]'},
        {"op": "add", "value": {"members": [ADA], "displayName": "New"}},
        {"op": "add", "path": "schemas", "value": ["x"]},
    ],
)
def test_whatever_says_more_than_who_joins_and_leaves_is_no_move(operation: Any) -> None:
    assert moves_in(steps({"op": "add", "path": "members", "value": [BO]}, operation)) is None


def test_nothing_about_a_person_is_a_move() -> None:
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}

    assert moves_in(read_patch(body, USERS)) is None


def test_what_is_no_member_is_refused_here_too() -> None:
    with pytest.raises(Invalid):
        moves_in(steps({"op": "add", "path": "members", "value": [{"value": 1}]}))
