"""What a person is here, by the operator's mapping of what their provider claims of them. Pure.

The first rule that fits names the organisation. Every rule that fits and names the same one adds its roles, and the
attributes that no earlier rule has named. Without a rule there is no role, and without a role no session.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gateway.errors import Forbidden
from gateway.identity.callers import Role
from gateway.identity.rights import sorted_roles
from gateway.identity.tokens.mapping import Attribute, Match, fits

_TO_VERIFY = ("email", "phone_number")


class PersonRule(msgspec.Struct, frozen=True):
    """Whom a rule is about, by their claims, and what it makes of them."""

    match: Match
    organisation: str
    roles: tuple[Role, ...]
    attributes: tuple[Attribute, ...]


class Mapped(msgspec.Struct, frozen=True):
    """What a person is, by every rule that fits."""

    organisation: str
    roles: tuple[Role, ...]
    """Sorted; at least one."""
    attributes: tuple[Attribute, ...]


def mapped(rules: Iterable[PersonRule], claims: Mapping[str, Any]) -> Mapped:
    """What these claims make of a person. Raises Forbidden where they make nothing."""
    fitting = [rule for rule in rules if fits(rule.match, claims)]
    if not fitting:
        raise nothing_mapped()
    organisation = fitting[0].organisation
    fitting = [rule for rule in fitting if rule.organisation == organisation]
    attributes: dict[str, Attribute] = {}
    for attribute in (each for rule in fitting for each in rule.attributes):
        attributes.setdefault(attribute.name, attribute)
    roles = sorted_roles(role for rule in fitting for role in rule.roles)
    return Mapped(organisation, roles, tuple(attributes.values()))


def proven(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """These claims without an e-mail address or a telephone number that the provider does not say it has verified.

    Anybody can write another's there (OpenID Connect Core 1.0, 5.1 and 5.7). Some providers say `true` as a text.
    """
    unproven = {name for name in _TO_VERIFY if not _is_true(claims.get(f"{name}_verified"))}
    return {name: value for name, value in claims.items() if name not in unproven}


def _is_true(said: Any) -> bool:
    return said is True or said == "true"


def nothing_mapped() -> Forbidden:
    """What somebody is told whom their provider knows, and this gateway's operator has given nothing."""
    return Forbidden(
        "You have signed in, and this gateway's operator has given you no role here.",
        code="no_role_mapped",
        next_step="Ask whoever runs the gateway for a role: they map what your provider says of you, as your groups.",
    )
