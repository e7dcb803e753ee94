"""Patches that do no more than put people into a group, or take them out, each by name. Pure.

Directories send one for each who joins or leaves (RFC 7644, section 3.5.2). Such a one is carried out without reading
who else is in the group, so that it costs the same in a group of five and of five thousand.
"""

from collections.abc import Sequence
from typing import Any

from gateway.identity.provisioning.grouping import Moves
from gateway.scim.attributes import GROUPS
from gateway.scim.patch import Operation, named_in
from gateway.scim.resources import checked

MEMBERS = GROUPS.find("members")


def moves_in(steps: Sequence[Operation]) -> Moves | None:
    """Who is to be in the group and who is not, the last word counting; None where more is said than that.

    Raises Invalid for what is no member.
    """
    moves: dict[str, bool] = {}
    for step in steps:
        named = _named(step)
        if named is None:
            return None
        moves.update(dict.fromkeys(named, step.name == "add"))
    return moves


def _named(step: Operation) -> list[Any] | None:
    path = step.path
    if path.attribute is not MEMBERS or step.name == "replace":
        return None
    if step.name == "remove" and path.condition is not None:
        return named_in(path.condition)
    if path.part or path.condition is not None or (step.name == "remove" and not step.value):
        return None
    return [each["value"] for each in checked(path.attribute, step.value)]
