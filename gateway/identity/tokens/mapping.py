"""What a token of another issuer gives its holder: the first rule of the operator's that fits its claims. Pure.

A rule fits where every claim that it names is there and equal; nothing is matched by pattern. Without a rule, no entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from gateway.clock import Instant
from gateway.errors import TokenInvalid
from gateway.identity.attributes import INTEGER_MAX
from gateway.identity.callers import Assertion, Role, Workload
from gateway.identity.facts import Value, fault_of

WORKLOAD = "workload_"
"""How the id of a workload begins: no key's has an underscore."""

TEXT_MAX = 200
LIST_MAX = 64


class Attribute(msgspec.Struct, frozen=True):
    """A fact that a token asserts of its holder's organisation."""

    name: str
    assurance: int
    value: Value | None
    """What it says; None: whatever the claim does."""
    claim: str = ""


Match = tuple[tuple[str, tuple[str | int | bool, ...]], ...]
"""Each claim, with the values any of which it may have."""


class Rule(msgspec.Struct, frozen=True):
    """Whose tokens these are, by their claims, and what they give."""

    match: Match
    organisation: str
    roles: tuple[Role, ...]
    scopes: tuple[str, ...]
    attributes: tuple[Attribute, ...]


def rule_for(rules: Iterable[Rule], claims: Mapping[str, Any]) -> Rule:
    """The first rule that fits. Raises TokenInvalid where none does."""
    for rule in rules:
        if fits(rule.match, claims):
            return rule
    raise TokenInvalid(
        "The gateway's operator has not said whose token this is.",
        next_step="Ask for a mapping of its issuer that fits the token's claims.",
    )


def workload_of(
    rule: Rule, token_id: str, issuer: str, claims: Mapping[str, Any], times: tuple[Instant, Instant]
) -> Workload:
    """Who holds the token."""
    return Workload(rule.organisation, rule.roles, asserted(rule.attributes, token_id, issuer, claims, times))


def fits(match: Match, claims: Mapping[str, Any]) -> bool:
    """Whether every claim that is named is there, and has one of its values."""
    return all(_has(claim_at(claims, path), wanted) for path, wanted in match)


def asserted(
    attributes: Sequence[Attribute],
    by: str,
    issuer: str,
    claims: Mapping[str, Any],
    times: tuple[Instant, Instant],
) -> tuple[Assertion, ...]:
    """What claims assert from and until these instants, by the id of the token or session that brought them.

    A claim that is absent, or that the fact cannot be, asserts nothing: it stays unknown.
    """
    asserted_at, expires_at = times
    assertions = []
    for attribute in sorted(attributes, key=lambda each: each.name):
        value = attribute.value if attribute.value is not None else _value(attribute, claims)
        if value is None:
            continue
        digest = sha256(f"{by}\0{attribute.name}".encode()).hexdigest()
        assertions.append(
            Assertion(
                id=f"claim_{digest[:24]}",
                name=attribute.name,
                value=value,
                issuer=issuer,
                assurance=attribute.assurance,
                asserted_at=asserted_at,
                expires_at=expires_at,
            )
        )
    return tuple(assertions)


def workload_id(issuer: str, subject: str) -> str:
    """What the record calls a workload: the same for every token of it."""
    digest = sha256(f"{issuer}\0{subject}".encode()).hexdigest()
    return f"{WORKLOAD}{digest[:24]}"


def is_kept_nowhere(caller: str) -> bool:
    """Whether this is the id of a workload or a person: what was said of it is in its token or session alone."""
    return "_" in caller


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a JSON Pointer to it (RFC 6901) such as `/kubernetes.io/namespace`; None if absent."""
    if not path.startswith("/"):
        return claims.get(path)
    found: Any = claims
    for step in path[1:].split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def _has(value: Any, wanted: tuple[str | int | bool, ...]) -> bool:
    """Whether the claim is one of these, or a list with one of these in it; `true` is not 1.

    A list is looked through to its end, which the size of what carries it bounds: people have hundreds of groups.
    """
    listed = value if isinstance(value, list) else [value]
    sought = {(type(one), one) for one in wanted}
    return any((type(each), each) in sought for each in listed if isinstance(each, str | int))


def _value(attribute: Attribute, claims: Mapping[str, Any]) -> Value | None:
    said = claim_at(claims, attribute.claim)
    value: Value
    if isinstance(said, list):
        if len(said) > LIST_MAX or not all(_is_text(each) for each in said):
            return None
        value = tuple(said)
    elif _is_text(said) or (isinstance(said, int) and abs(said) <= INTEGER_MAX):
        value = said
    else:
        return None
    return None if fault_of(attribute.name, value) else value


def _is_text(said: Any) -> bool:
    return isinstance(said, str) and 0 < len(said) <= TEXT_MAX and said.isprintable()
