"""Caps as a release file writes them: how many organisations a stage admits, and whose line it takes over."""

import msgspec

from gateway.releases import values
from gateway.releases.nodes import Faults, Mapping, Node

ORGANISATIONS_MAX = 10_000
"""Every process knows who holds a place."""


class Cap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The most organisations that a stage admits. NOTE: part of a strategy's canonical bytes."""

    organisations: int
    line: str = ""
    """The earlier stage whose line this one takes over, with everybody in it; empty: a line of its own."""


def read_cap(node: Node | None, faults: Faults, *, is_closed: bool) -> Cap | None:
    """The cap in this node: a number, or that and a line."""
    if node is None:
        return None
    if is_closed:
        faults.add(node, "a closed stage is for the provider's own: there is nobody to count, so take `cap` out")
    if not isinstance(node, Mapping):
        number = values.whole(node, faults, 1, ORGANISATIONS_MAX)
        return None if number is None else Cap(organisations=number)
    fields = values.mapping(node, faults, ("organisations", "line"), ("organisations",))
    number = values.whole(fields.get("organisations"), faults, 1, ORGANISATIONS_MAX)
    line = values.text(fields.get("line"), faults, 64)
    return None if number is None else Cap(organisations=number, line=line or "")
