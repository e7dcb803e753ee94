"""Requirements as a release file writes them: a list of one-key mappings under `opens_when`."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.releases import values
from gateway.releases.budgets import read_capacity, read_misuse_budget
from gateway.releases.nodes import Faults, Mapping, Node, shown
from gateway.releases.requirements import (
    LEVELS,
    Approvals,
    Below,
    Concurs,
    IncidentFree,
    Published,
    Requirement,
    Soak,
    Within,
)

PEOPLE_MAX = 20
DAYS_MAX = 3_650
CALLS_MAX = 10_000
"""Calls are counted by reading them, each time a stage is looked at whose days have passed."""


def read_requirements(node: Node | None, faults: Faults, *, is_first: bool = False) -> tuple[Requirement, ...]:
    """The requirements in this node, in an order that is theirs and not the file's; `is_first`: no stage is before."""
    found: list[Requirement] = []
    for item in [] if node is None else values.sequence(node, faults):
        requirement = _read(item, faults)
        if requirement is None:
            continue
        if isinstance(requirement, Soak) and is_first:
            faults.add(item, "there is no stage before this one that could soak: take `soak` out")
        if any(_are_rivals(requirement, other) for other in found):
            faults.add(item, "this requirement stands in the list already: keep one of them")
        found.append(requirement)
    return tuple(sorted(found, key=msgspec.json.encode))


def _read(item: Node, faults: Faults) -> Requirement | None:
    entries = values.named(item, faults)
    if not isinstance(item, Mapping) or not entries:
        return None
    if len(entries) > 1:
        faults.add(item, "a requirement has one key: write each as an item of its own, as in `- {approvals: 2}`")
        return None
    [(kind, node)] = entries.items()
    if kind not in _READERS:
        near = values.nearest(kind, _READERS)
        faults.add_key(item, kind, f"there is no requirement {shown(kind)}.{near}")
    else:
        return _READERS[kind](node, faults)
    return None


def _read_within(node: Node, faults: Faults) -> Requirement | None:
    keys = ("suite", "task", "metric", "at_most", "at_least", "margin", "max_age_days")
    fields = values.mapping(node, faults, keys, keys[:3])
    suite, task, metric = (values.text(fields.get(name), faults) for name in keys[:3])
    at_most, at_least, margin = (values.decimal(fields.get(name), faults) for name in keys[3:6])
    if fields and not {"at_most", "at_least"} & fields.keys():
        faults.add(node, "a bound is missing here: write `at_most` or `at_least`")
    if at_most is not None and at_least is not None and at_least > at_most:
        faults.add(fields["at_least"], f"nothing is at least {at_least} and at most {at_most}: this could never be met")
    age = values.whole(fields.get("max_age_days"), faults, 1, DAYS_MAX)
    if suite is None or task is None or metric is None:
        return None
    return Within(
        suite=suite,
        task=task,
        metric=metric,
        at_most=_plain(at_most),
        at_least=_plain(at_least),
        margin=_plain(margin) or "0",
        max_age_days=age,
    )


def _read_below(node: Node, faults: Faults) -> Requirement | None:
    keys = ("framework", "category", "below", "levels")
    fields = values.mapping(node, faults, keys, keys[:3])
    framework, category, below = (values.text(fields.get(name), faults) for name in keys[:3])
    levels = tuple(level for _, level in values.texts(fields.get("levels"), faults)) or LEVELS
    if framework is None or category is None or below is None:
        return None
    if below not in levels:
        faults.add(fields["below"], f"{shown(below)} is no level.{values.nearest(below, levels)}")
    elif below == levels[0]:
        faults.add(fields["below"], f"no level is below {shown(below)}: this could never be met")
    return Below(framework=framework, category=category, below=below, levels=levels)


def _read_approvals(node: Node, faults: Faults) -> Requirement | None:
    people = values.whole(node, faults, 1, PEOPLE_MAX)
    return None if people is None else Approvals(people=people)


def _read_soak(node: Node, faults: Faults) -> Requirement | None:
    fields = values.mapping(node, faults, ("days", "calls"), ("days",))
    calls = values.whole(fields.get("calls"), faults, 1, CALLS_MAX)
    days = values.whole(fields.get("days"), faults, 1, DAYS_MAX)
    return None if days is None else Soak(days=days, calls=calls or 0)


def _read_published(node: Node, faults: Faults) -> Requirement | None:
    name = values.text(node, faults)
    if name is not None and not values.is_word(name):
        faults.add(node, f"{shown(name)} cannot be a name: write lower-case words joined by `-`")
    return None if name is None else Published(name=name)


def _read_concurs(node: Node, faults: Faults) -> Requirement | None:
    authority = values.text(node, faults)
    return None if authority is None else Concurs(authority=authority)


def _read_incident_free(node: Node, faults: Faults) -> Requirement | None:
    if values.truth(node, faults) is False:
        faults.add(node, "an incident that is open never opens a stage: write `true`, or take it out")
    return IncidentFree()


_READERS: dict[str, Callable[[Node, Faults], Requirement | None]] = {
    "evidence": _read_within,
    "determination": _read_below,
    "approvals": _read_approvals,
    "soak": _read_soak,
    "document": _read_published,
    "concurrence": _read_concurs,
    "incident_free": _read_incident_free,
    "capacity": read_capacity,
    "misuse_budget": read_misuse_budget,
}


def _are_rivals(one: Requirement, other: Requirement) -> bool:
    """Whether both say the same, or each its own number of what there is one of."""
    return one == other or (type(one) is type(other) and isinstance(one, Approvals | Soak))


def _plain(number: Decimal | None) -> str:
    """Equal text for equal numbers, without an exponent."""
    return "" if number is None else f"{number.normalize():f}"
