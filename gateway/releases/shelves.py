"""Whether the weights that a file declares lie where the gateway would give them out: asked of whoever holds them."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from gateway.releases.nodes import Faults, Node
from gateway.releases.nodes import Mapping as MappingNode
from gateway.releases.strategies import WeightsTarget


class Lying(StrEnum):
    """How a declared file lies on the gateway."""

    MISSING = "missing"
    DIFFERS = "differs"
    UNCHECKED = "unchecked"
    """There, and too large to be held against its digest at once."""
    CHECKED = "checked"


Shelf = Callable[[WeightsTarget], Mapping[str, Lying] | None]
"""How each declared file lies; None where the gateway has no such folder."""

_FAULTS = {
    Lying.MISSING: "the gateway has no such file in `{}`: put it there first, or take it out",
    Lying.DIFFERS: "the gateway's file in `{}` is not this one: put this one there, or declare the digest of that",
}


def check_weights(target: WeightsTarget, node: Node, shelf: Shelf, faults: Faults) -> tuple[str, ...]:
    """Note, in the node that declares them, what is amiss with the files; what could not be known yet is returned."""
    lying = shelf(target)
    if lying is None:
        return (
            f"The gateway has no folder `{target.path}` yet where it keeps weights (GATEWAY_WEIGHTS, or `weights` in"
            " its data directory): nothing of it can be downloaded until it has.",
        )
    files = node.entries.get("files") if isinstance(node, MappingNode) else None
    for path, how in lying.items():
        pinned = files.entries.get(path) if isinstance(files, MappingNode) else None
        if how in _FAULTS and pinned is not None:
            faults.add(pinned, _FAULTS[how].format(target.path))
    unchecked = sum(how is Lying.UNCHECKED for how in lying.values())
    if not unchecked:
        return ()
    return (f"Not checked yet against their digests: {unchecked} of {len(lying)} files. Each is when first asked for.",)
