"""What a filter may cost, known before it is run: the comparisons it says, times what each has to be held against.

RFC 7644, table 9: a filter that is more than whoever keeps the list is willing to work out is `tooMany`. A database
that is asked too much answers too late, and whoever asks it next waits too.
"""

from typing import NamedTuple

from gateway.errors import Invalid
from gateway.identity.provisioning.conditions import Comparison, Condition, Every, comparisons

COMPARED_MAX = 300_000
"""Half a second on a busy core (SQLite), for the count and the page together; a reading is given up after 1.5 s."""

JOINED_WEIGHT = 2
"""Comparing what a membership leads to takes this many times as long as comparing what stands in the row."""

IDENTIFIERS = frozenset({"id", "username", "externalid"})
"""By which one resource is found along an index, however many there are."""

_JOINED = ("groups", "members")


class Extent(NamedTuple):
    """What a condition is held against."""

    resources: int
    memberships: int


def check_cost(condition: Condition, extent: Extent) -> None:
    """Raise Invalid (`tooMany`) where finding out which of so many fulfil it would take too long."""
    if is_identified(condition):
        return
    joined = [each.path.split(".")[0] in _JOINED for each in comparisons(condition)]
    rows = joined.count(False) * extent.resources + joined.count(True) * JOINED_WEIGHT * sum(extent)
    if rows > COMPARED_MAX:
        raise Invalid(
            "This filter compares more than can be worked out at once on a list of this size.",
            code="tooMany",
            next_step="Say less in it, or name whom it is about: `userName`, `externalId` or `id` with `eq`.",
        )


def is_identified(condition: Condition) -> bool:
    """Whether it can hold of one resource alone."""
    match condition:
        case Comparison(path, "eq", str()):
            return path in IDENTIFIERS
        case Every(parts):
            return any(is_identified(part) for part in parts)
    return False
