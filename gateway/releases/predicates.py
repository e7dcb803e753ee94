"""Audiences as a release file writes them: `{role: staff}`, `{grant: required, kyc@2: ">= K3", on_unknown: deny}`."""

import re

import msgspec

from gateway.identity.callers import Role
from gateway.identity.expressions import read_value
from gateway.identity.facts import KYC_LEVELS, fault_of_name, is_name, read_sought
from gateway.identity.predicates import ORDERED, Fact, Test
from gateway.releases import values
from gateway.releases.audiences import Audience
from gateway.releases.nodes import Faults, Mapping, Node, Scalar, Sequence, shown

ON_UNKNOWN = ("deny", "allow")

_COMPARISON = re.compile(r"(>=|<=|!=|=|>|<) *(.+)")
_ELSEWHERE = ("role", "grant", "on_unknown")
"""What an audience may hold beside facts."""


def read_audience(node: Node, faults: Faults) -> Audience:
    """The predicate in this node; what cannot be read is noted and left out."""
    entries = dict(values.named(node, faults))
    on_unknown = values.choice(entries.pop("on_unknown", None), faults, ON_UNKNOWN) or "deny"
    if not entries and isinstance(node, Mapping) and node.entries:
        faults.add(node, "this audience asks for nothing: `public` is the audience that is everybody")
    for written in entries:
        if isinstance(node, Mapping) and (fault := _fault_of(written)):
            faults.add_key(node, written, fault)
    tests = [test for written, asked in entries.items() if (test := _read_asked(written, asked, faults)) is not None]
    return Audience(tests=tuple(sorted(tests, key=lambda test: test.sought)), on_unknown=on_unknown)


def _fault_of(written: str) -> str:
    """What is wrong with how a fact is asked for; empty also for what cannot be a name, of which its node tells."""
    try:
        name, assurance = read_sought(written)
    except ValueError as error:
        return f"{shown(written)} {error}"
    if name in _ELSEWHERE:
        return f"`{name}` is always known, at no assurance: write it without `@{assurance}`" if assurance else ""
    fault = fault_of_name(name, *_ELSEWHERE) if is_name(name) else ""
    return f"the attribute {shown(name)} {fault}" if fault else ""


def _read_asked(written: str, node: Node, faults: Faults) -> Test | None:
    """One test, with the assurance that it asks for."""
    try:
        name, assurance = read_sought(written)
    except ValueError:
        return None
    test = _read_test(name, node, faults)
    return None if test is None else msgspec.structs.replace(test, assurance=assurance)


def _read_test(name: str, node: Node, faults: Faults) -> Test | None:
    if name == "role":
        return _read_roles(node, faults)
    if name == "grant":
        asked = values.text(node, faults)
        if asked not in (None, "required"):
            faults.add(node, "write `grant: required`, or leave `grant` out")
        return Test(attribute="grant", op="=", value="required")
    if not is_name(name):
        faults.add(node, f"{shown(name)} cannot be an attribute: write lower-case words joined by `_`")
        return None
    if isinstance(node, Mapping):
        return _read_membership(name, node, faults)
    if isinstance(node, Sequence):
        return _among(name, "in", node, faults)
    return _read_comparison(name, node, faults)


def _read_roles(node: Node, faults: Faults) -> Test | None:
    roles: list[str] = []
    for item, role in values.texts(node, faults):
        if role in tuple(Role):
            roles.append(role)
        else:
            faults.add(item, f"there is no role {shown(role)}.{values.nearest(role, tuple(Role))}")
    if not roles:
        return None
    return Test(attribute="role", op="in", value=tuple(sorted(roles))) if roles[1:] else _equal("role", "=", roles[0])


def _read_membership(name: str, node: Mapping, faults: Faults) -> Test | None:
    entries = values.mapping(node, faults, ("in", "not_in"))
    if len(entries) != 1:
        faults.add(node, "write either `{in: […]}` or `{not_in: […]}` here")
        return None
    [(op, among)] = entries.items()
    return _among(name, op, among, faults)


def _among(name: str, op: str, node: Node, faults: Faults) -> Test | None:
    wanted = [
        value for item, text in values.texts(node, faults) if (value := _value(name, item, text, faults)) is not None
    ]
    if not wanted:
        return None
    if not all(isinstance(value, str) for value in wanted):
        faults.add(node, "a list may only hold texts: compare a number or true and false by itself")
        return None
    if len(wanted) == 1:
        return _equal(name, "=" if op == "in" else "!=", wanted[0])
    return Test(attribute=name, op=op, value=tuple(sorted(str(value) for value in wanted)))


def _read_comparison(name: str, node: Node, faults: Faults) -> Test | None:
    text = values.text(node, faults)
    if text is None:
        return None
    form = _COMPARISON.fullmatch(text)
    op, operand = (form[1], form[2]) if form else ("=", text)
    value = _value(name, node, operand, faults, compared=form is not None)
    if value is None:
        return None
    if op in ORDERED and name != "kyc" and (isinstance(value, bool) or not isinstance(value, int)):
        faults.add(node, f"only whole numbers and `kyc` have an order: {shown(operand)} has none")
        return None
    if name == "kyc" and (op, value) in ((">", KYC_LEVELS[-1]), ("<", KYC_LEVELS[0])):
        faults.add(node, f"nobody can be known {shown(text)}: the levels go from {KYC_LEVELS[0]} to {KYC_LEVELS[-1]}")
        return None
    return _equal(name, op, value)


def _value(name: str, node: Node, text: str, faults: Faults, *, compared: bool = False) -> Fact | None:
    """The operand as what its attribute can be; what it cannot be is noted."""
    try:
        return read_value(name, text, bare=compared or (isinstance(node, Scalar) and node.plain))
    except ValueError as error:
        faults.add(node, f"{shown(text)} {error}")
        return None


def _equal(name: str, op: str, value: Fact) -> Test:
    return Test(attribute=name, op=op, value=value)
