"""Issuers that the operator declared, in a YAML file: whose tokens are accepted, and what they give.

    issuers:
      cluster:
        issuer: https://kubernetes.default.svc.cluster.local
        audience: https://gateway.example
        jwks: https://10.0.0.1/openid/v1/jwks
        workloads:
          - match: {sub: "system:serviceaccount:ml:batch"}
            organisation: acme
            scopes: [inference]
            attributes: [{name: kyc, value: K3, assurance: 3}]

What nothing declares is not believed, and a mistake keeps the gateway from starting.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from gateway.clock import DAY, SECOND, Moment
from gateway.declarations import declared
from gateway.errors import Invalid
from gateway.identity.callers import AccessToken, Role
from gateway.identity.rights import sorted_roles, valid_scopes
from gateway.identity.tokens.checking import LIFETIME_LIMIT, LIFETIME_MAX, Expected, Times, text_of
from gateway.identity.tokens.declaring import (
    DeclaredAttribute,
    attributes_of,
    beside,
    check_address,
    check_issuer,
    check_name,
    check_place,
    match_of,
)
from gateway.identity.tokens.fetching import Address
from gateway.identity.tokens.mapping import Rule, rule_for, workload_id, workload_of
from gateway.identity.tokens.own import PREFIX
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.remote_keys import RemoteKeys
from gateway.identity.tokens.verifying import VerifyingKey

_KINDS = ("", "jwt", "at+jwt")
_KEPT_S = (60, 7 * DAY // SECOND)


class _Workloads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    match: dict[str, str | int | bool | list[str]]
    organisation: str
    scopes: list[str]
    roles: list[Role] = msgspec.field(default_factory=lambda: [Role.DEVELOPER])
    attributes: list[DeclaredAttribute] = []


class _Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: str
    jwks: str
    workloads: list[_Workloads]
    audience: str | list[str] = ""
    types: list[str] = msgspec.field(default_factory=lambda: list(_KINDS))
    lifetime_s: int = LIFETIME_MAX // SECOND
    keys_kept_s: int = DAY // SECOND
    ca_file: str | None = None
    bearer_file: str | None = None


class DeclaredIssuer:
    """One of them, with its keys as last fetched."""

    def __init__(self, expected: Expected, keys: RemoteKeys, rules: tuple[Rule, ...]) -> None:
        self.expected = expected
        self.keys = keys
        self._rules = rules
        self.organisations = frozenset(rule.organisation for rule in rules)
        """Those that tokens of it are mapped to."""

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:  # noqa: ARG002 - kept by a clock of its own
        """One of its keys, while it is believed."""
        return self.keys.key(key_id)

    def token(self, unverified: Unverified, times: Times, key: VerifyingKey) -> AccessToken:
        """What one of its tokens says, by the first rule that fits."""
        subject = text_of(unverified.claims, "sub")
        rule = rule_for(self._rules, unverified.claims)
        issuer = self.expected.issuer
        token_id = PREFIX + sha256(unverified.signed.encode()).hexdigest()[:32]
        between = (times.issued_at, times.expires_at)
        return AccessToken(
            id=token_id,
            issuer=issuer,
            client=subject,
            key_id=key.id,
            thumbprint=key.thumbprint,
            holder=workload_id(issuer, subject),
            scopes=rule.scopes,
            issued_at=times.issued_at,
            expires_at=times.expires_at,
            workload=workload_of(rule, token_id, issuer, unverified.claims, between),
        )


def read_issuers(
    content: bytes, file: Path, *, own: str, told: Callable[[str, str], None] = lambda *_: None
) -> list[DeclaredIssuer]:
    """Every issuer of the operator's file. Files it names are looked for beside it.

    `own` is this gateway's own name as an issuer, and the audience where none is declared. Raises InvalidFile with the
    line of each mistake.
    """
    seen = {own}

    def read(name: str, plain: Any) -> DeclaredIssuer:
        given = msgspec.convert(plain, _Declared)
        if given.issuer in seen:
            raise ValueError("this issuer is declared already, or is this gateway itself")
        seen.add(given.issuer)
        return _issuer(name, given, file.parent, own, told)

    return list(declared(content, file.name, "issuers", read, {"roles": list(Role)}).values())


def _issuer(name: str, given: _Declared, folder: Path, own: str, told: Callable[[str, str], None]) -> DeclaredIssuer:
    check_name(name)
    check_issuer(given.issuer)
    audiences = (given.audience or own,) if isinstance(given.audience, str) else tuple(given.audience)
    if not audiences or not all(audiences):
        raise ValueError("`audience` must name what its tokens have as `aud`")
    kinds = frozenset(kind.lower().removeprefix("application/") for kind in given.types)
    if not kinds <= set(_KINDS):
        raise ValueError("`types` can be `JWT`, `at+jwt`, and `` for tokens that say none")
    if not 0 < given.lifetime_s * SECOND <= LIFETIME_LIMIT:
        raise ValueError(f"`lifetime_s` must be above 0, and at most {LIFETIME_LIMIT // SECOND}")
    if not _KEPT_S[0] <= given.keys_kept_s <= _KEPT_S[1]:
        raise ValueError(f"`keys_kept_s` must be from {_KEPT_S[0]} to {_KEPT_S[1]}")
    if not given.workloads:
        raise ValueError("`workloads` must say whose its tokens are: without, they would open nothing")
    check_address(given.jwks, "jwks")
    address = Address(given.jwks, beside(folder, given.ca_file), beside(folder, given.bearer_file))
    expected = Expected(given.issuer, audiences, kinds, given.lifetime_s * SECOND)
    rules = tuple(_rule(place, workloads) for place, workloads in enumerate(given.workloads))
    return DeclaredIssuer(expected, RemoteKeys(name, address, keep_s=given.keys_kept_s, told=told), rules)


def _rule(place: int, given: _Workloads) -> Rule:
    where = f"workloads[{place}]:"
    match = match_of(where, given.match)
    if Role.APPROVER in given.roles or not given.roles:
        raise ValueError(f"{where} a workload has roles, and never `approver`: people approve")
    check_place(where, given.organisation, given.roles)
    try:
        scopes = valid_scopes(given.scopes)
    except Invalid as error:
        raise ValueError(f"{where} {error.sentence()}") from None
    if not scopes:
        raise ValueError(f"{where} `scopes` is empty, so that its tokens would open nothing")
    return Rule(match, given.organisation, sorted_roles(given.roles), scopes, attributes_of(where, given.attributes))
