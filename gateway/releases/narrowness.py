"""Whether one thing lets nobody through whom another would not: shown, or not shown.

Everything here answers True only where it follows from what the two say; what it cannot show, it
denies. An unknown fact counts as the audience says it does (policies/access/audiences.rego).
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from gateway.identity.facts import KYC_LEVELS, fault_of
from gateway.identity.predicates import Fact, Test
from gateway.releases.audiences import PUBLIC, Audience
from gateway.releases.stage_dates import Review
from gateway.releases.strategies import AccessLevel, Conditions, Stage, Strategy

_LEVELS = (AccessLevel.CLOSED, AccessLevel.LIMITED, AccessLevel.API, AccessLevel.OPEN_WEIGHTS)
"""From the narrowest to the widest."""
_COMPARED = (
    "name", "opens", "closes", "access", "to", "offers", "conditions", "irreversible", "canary", "opens_when",
    "cap", "review", "perpetual",
)  # fmt: skip
"""What a stage says that is compared here, or where its dates are (effects.py). What else it says must be the same."""
_BINDING = ("terms", "requests_per_minute", "tokens_per_day", "max_output_tokens", "log", "retain_days", "concurrence")
_LIMITS = ("requests_per_minute", "tokens_per_day", "max_output_tokens")


def stage_within(inner: Stage, of: Strategy, outer: Stage, whole: Strategy) -> bool:
    """Whether every use that the inner stage admits, the outer one admits on conditions no stricter."""
    return (
        level_within(inner.access, outer.access)
        and set(inner.offers) <= set(outer.offers)
        and audiences_within(inner.to, of.audiences, outer.to, whole.audiences)
        and conditions_within(inner.conditions, of.terms, outer.conditions, whole.terms)
        and cap_within(inner, outer)
        and review_within(inner.review, outer.review)
        and not unlike(inner, outer, _COMPARED)
    )


def cap_within(inner: Stage, outer: Stage) -> bool:
    """Whether a stage admits no more organisations than another, and the same ones first."""
    if outer.cap is None or inner.cap is None:
        return outer.cap is None
    return inner.line == outer.line and inner.cap.organisations <= outer.cap.organisations


def review_within(inner: Review | None, outer: Review | None) -> bool:
    """Whether a stage is looked at again no later than another, and as much follows where it is not."""
    if outer is None or inner is None:
        return outer is None
    return inner.by <= outer.by and inner.if_overdue in ("freeze", outer.if_overdue)


def concurrence_within(inner: str, outer: str) -> bool:
    """Whether an authority is asked that was asked before, or one where none was."""
    return outer in ("", inner)


def unlike(one: msgspec.Struct, other: msgspec.Struct, besides: Collection[str]) -> list[str]:
    """Names of fields that differ, besides these: what is added to a release file counts until a rule is written."""
    names = [name for name in one.__struct_fields__ if name not in besides]
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def level_within(inner: AccessLevel, outer: AccessLevel) -> bool:
    """Whether one access level is no wider than another."""
    return _LEVELS.index(inner) <= _LEVELS.index(outer)


def audiences_within(
    inner: Iterable[str], declared: Mapping[str, Audience], outer: Iterable[str], among: Mapping[str, Audience]
) -> bool:
    """Whether each inner audience lies within a single outer one."""
    names = tuple(outer)
    if PUBLIC in names:
        return True
    return all(
        name != PUBLIC and any(audience_within(declared[name], among[other]) for other in names) for name in inner
    )


def audience_within(inner: Audience, outer: Audience) -> bool:
    """Whether whoever belongs to the inner audience belongs to the outer: all its tests ask no more."""
    if inner.on_unknown == "allow" and outer.on_unknown != "allow":
        return False
    return all(
        any(_assured(own, asked, inner.on_unknown) and _implies(own, asked) for own in inner.tests)
        for asked in outer.tests
    )


def conditions_within(inner: Conditions, texts: Mapping[str, str], outer: Conditions, among: Mapping[str, str]) -> bool:
    """Whether the inner conditions bind at least as much: every text, every limit, and as much in the record."""
    return (
        {among[name] for name in outer.terms} <= {texts[name] for name in inner.terms}
        and all(limit_within(getattr(inner, name), getattr(outer, name)) for name in _LIMITS)
        and log_within(inner.log, outer.log)
        and inner.retain_days == outer.retain_days
        and concurrence_within(inner.concurrence, outer.concurrence)
        and not unlike(inner, outer, _BINDING)
    )


def limit_within(inner: int | None, outer: int | None) -> bool:
    """Whether a limit is no higher than another; None is none at all."""
    return outer is None or (inner is not None and inner <= outer)


def log_within(inner: str, outer: str) -> bool:
    """Whether a use is recorded in no less detail."""
    return inner in (outer, "metadata+hash")


def _assured(own: Test, asked: Test, on_unknown: str) -> bool:
    """Whether the first asks for an assurance that lets nobody in whom the second keeps out.

    What asks for more has more of whom it is unknown: where those are let in, only the same lets in no others.
    """
    return own.assurance == asked.assurance or (own.assurance > asked.assurance and on_unknown != "allow")


def _implies(own: Test, asked: Test) -> bool:
    """Whether yes to the first is yes to the second, and unknown to the first never no to the second."""
    if own == asked:
        return True
    if own.attribute != asked.attribute or len({kind for kind, _ in _among(own) | _among(asked)}) > 1:
        return False
    if any(fault_of(own.attribute, value) for _, value in _among(own) | _among(asked)):
        return False  # a value that the fact cannot have makes an answer unknown
    if own.op == asked.op and own.op in (">=", ">"):
        return _order(own.attribute, own.value, asked.value) >= 0
    if own.op == asked.op and own.op in ("<=", "<"):
        return _order(own.attribute, asked.value, own.value) >= 0
    if own.op in ("=", "in") and asked.op in ("=", "in"):
        return _among(own) <= _among(asked)
    if own.op in ("!=", "not_in") and asked.op in ("!=", "not_in"):
        return _among(own) >= _among(asked)
    return False


def _order(attribute: str, one: Fact, other: Fact) -> int:
    """Above 0 where the first is greater, 0 where they are equal, below 0 where it is less or nobody can tell."""
    if attribute == "kyc":
        if one not in KYC_LEVELS or other not in KYC_LEVELS:
            return -1
        return KYC_LEVELS.index(one) - KYC_LEVELS.index(other)
    if type(one) is not int or type(other) is not int:
        return -1
    return one - other


def _among(test: Test) -> set[tuple[str, str | int | bool]]:
    """Values with their kinds, since true is not 1."""
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    return {(type(value).__name__, value) for value in values}
