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

import re
from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.clock import DAY, SECOND, Moment
from gateway.declarations import declared
from gateway.errors import Invalid
from gateway.identity.attributes import ASSURANCE_MAX
from gateway.identity.callers import ABROAD, AccessToken, Role
from gateway.identity.facts import Value, fault_of, fault_of_name
from gateway.identity.organisations import PROVIDER, is_id
from gateway.identity.rights import sorted_roles, valid_scopes
from gateway.identity.tokens.checking import LIFETIME_LIMIT, LIFETIME_MAX, Expected, Times, text_of
from gateway.identity.tokens.fetching import Address
from gateway.identity.tokens.mapping import Attribute, Rule, rule_for, workload_id, workload_of
from gateway.identity.tokens.own import PREFIX
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.remote_keys import RemoteKeys
from gateway.identity.tokens.verifying import VerifyingKey

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LOOPBACK = "localhost"
_KINDS = ("", "jwt", "at+jwt")
_KEPT_S = (60, 7 * DAY // SECOND)


class _Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    assurance: int
    value: str | int | bool | list[str] | msgspec.UnsetType = msgspec.UNSET
    claim: str = ""


class _Workloads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    match: dict[str, str | int | bool | list[str]]
    organisation: str
    scopes: list[str]
    roles: list[Role] = msgspec.field(default_factory=lambda: [Role.DEVELOPER])
    attributes: list[_Attribute] = []


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

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:  # noqa: ARG002 - kept by a clock of its own
        """One of its keys, while it is believed."""
        return self.keys.key(key_id)

    def token(self, unverified: Unverified, times: Times, key: VerifyingKey) -> AccessToken:
        """What one of its tokens says, by the first rule that fits."""
        subject = text_of(unverified.claims, "sub")
        rule = rule_for(self._rules, unverified.claims)
        issuer = self.expected.issuer
        token_id = PREFIX + sha256(unverified.text.encode()).hexdigest()[:32]
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

    return list(declared(content, file.name, "issuers", read).values())


def _issuer(name: str, given: _Declared, folder: Path, own: str, told: Callable[[str, str], None]) -> DeclaredIssuer:
    if _NAME.fullmatch(name) is None:
        raise ValueError("a name is 1 to 63 of a-z, 0-9, dot, dash and underscore")
    if not 0 < len(given.issuer) <= 500 or not given.issuer.isprintable():
        raise ValueError("`issuer` must be what its tokens have as `iss`, to the letter")
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
    _check_address(given.jwks)
    address = Address(given.jwks, _file(folder, given.ca_file), _file(folder, given.bearer_file))
    expected = Expected(given.issuer, audiences, kinds, given.lifetime_s * SECOND)
    rules = tuple(_rule(place, workloads) for place, workloads in enumerate(given.workloads, 1))
    return DeclaredIssuer(expected, RemoteKeys(name, address, keep_s=given.keys_kept_s, told=told), rules)


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not url.isascii() or not url.isprintable() or " " in url or not host or parts.username or parts.fragment:
        raise ValueError("`jwks` must be the address of the issuer's keys, without credentials")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return
    raise ValueError("`jwks` must begin with `https://`: whoever stands between would choose who is believed")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK


def _file(folder: Path, name: str | None) -> Path | None:
    return None if name is None else (folder / name).resolve(strict=True)


def _rule(place: int, given: _Workloads) -> Rule:
    where = f"`workloads` {place}:"
    if not given.match or any(value == [] for value in given.match.values()):
        raise ValueError(f"{where} `match` must name the claims by which its tokens are known, and their values")
    if not is_id(given.organisation):
        raise ValueError(f"{where} `organisation` is no organisation's id")
    if Role.APPROVER in given.roles or not given.roles:
        raise ValueError(f"{where} a workload has roles, and never `approver`: people approve")
    if given.organisation != PROVIDER and not set(given.roles) <= set(ABROAD):
        raise ValueError(f"{where} only workloads of `{PROVIDER}` have other roles than {' and '.join(ABROAD)}")
    try:
        scopes = valid_scopes(given.scopes)
    except Invalid as error:
        raise ValueError(f"{where} {error.sentence()}") from None
    if not scopes:
        raise ValueError(f"{where} `scopes` is empty, so that its tokens would open nothing")
    match = tuple((claim, _any_of(value)) for claim, value in sorted(given.match.items()))
    attributes = tuple(_attribute(where, each) for each in given.attributes)
    if len({each.name for each in attributes}) < len(attributes):
        raise ValueError(f"{where} an attribute is given twice")
    return Rule(match, given.organisation, sorted_roles(given.roles), scopes, attributes)


def _any_of(value: str | int | bool | list[str]) -> tuple[str | int | bool, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _attribute(where: str, given: _Attribute) -> Attribute:
    if fault := fault_of_name(given.name):
        raise ValueError(f"{where} the attribute `{given.name}` {fault}")
    if not 0 <= given.assurance <= ASSURANCE_MAX:
        raise ValueError(f"{where} assurance is between 0 (self-declared) and {ASSURANCE_MAX}")
    if (given.value is msgspec.UNSET) == (not given.claim):
        raise ValueError(f"{where} `{given.name}` needs a `value`, or the `claim` that says it")
    value: Value | None = None
    if not isinstance(given.value, msgspec.UnsetType):
        value = tuple(given.value) if isinstance(given.value, list) else given.value
        if fault := fault_of(given.name, value):
            raise ValueError(f"{where} the value of `{given.name}` {fault}")
    return Attribute(given.name, given.assurance, value, given.claim)
