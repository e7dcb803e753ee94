"""Identity providers that the operator declared, in a YAML file: who vouches for people, and what they are here.

    identity_providers:
      corporate:
        issuer: https://login.example.com
        client_id: release-gateway
        client_secret_file: corporate.secret
        people:
          - match: {groups: release-managers}
            organisation: provider
            roles: [provider]

What nothing declares vouches for nobody, and a mistake keeps the gateway from starting.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.clock import DAY, SECOND, Moment
from gateway.declarations import declared
from gateway.identity.callers import Role
from gateway.identity.people.discovery import DOCUMENT, Discovery, Metadata, is_host
from gateway.identity.people.mapping import PersonRule
from gateway.identity.rights import sorted_roles
from gateway.identity.tokens.declaring import (
    Claims,
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
from gateway.identity.tokens.remote_keys import RemoteKeys
from gateway.identity.tokens.verifying import VerifyingKey

KEYS_KEPT_S = DAY // SECOND
"""How long a provider's keys are believed while it cannot be asked."""

_SCOPES_MAX = 16


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Which claims equal what somebody was provisioned under; empty where none does."""

    user_name: str = ""
    external_id: str = ""


class _People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    match: dict[str, str | int | bool | list[str]]
    organisation: str
    roles: list[Role]
    attributes: list[DeclaredAttribute] = []


class _Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: str
    client_id: str
    people: list[_People]
    client_secret_file: str | None = None
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "profile", "email"])
    name_claim: str = "preferred_username"
    userinfo: bool = False
    hosts: list[str] = []
    link: Link = Link()
    provision: Literal["on-sign-in", "scim"] = "on-sign-in"
    ca_file: str | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    name: str
    issuer: str
    client_id: str
    secret_file: Path | None
    """Read at every sign-in, so that it can be rotated; None for a client without a secret."""
    scopes: tuple[str, ...]
    name_claim: str
    """What the person is shown as, where they were not provisioned under a name."""
    asks_userinfo: bool
    """Whether claims are asked for beside the ID token, because it has too few."""
    link: Link
    provisioned_only: bool
    rules: tuple[PersonRule, ...]
    ca_file: Path | None
    discovery: Discovery
    keys: RemoteKeys

    @property
    def takes_a_list(self) -> bool:
        """Whether who is on a list of its people is known by a claim: else, putting them out would reach nobody."""
        return self.link != Link()

    @property
    def metadata(self) -> Metadata | None:
        """What it says of itself, where it was reached once."""
        return self.discovery.metadata

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:  # noqa: ARG002 - kept by a clock of its own
        """One of its keys, while it is believed."""
        return self.keys.key(key_id)

    @property
    def secret(self) -> str:
        """What this gateway proves itself by; empty where by nothing. Raises OSError."""
        return "" if self.secret_file is None else self.secret_file.read_text("utf-8").strip()


def read_providers(
    content: bytes, file: Path, *, told: Callable[[str, str], None] = lambda *_: None
) -> dict[str, Provider]:
    """Every provider of the operator's file, by name. Files it names are looked for beside it.

    `told` hears of each time that one was asked. Raises InvalidFile with the line of each mistake.
    """
    seen = set()

    def read(name: str, plain: Any) -> Provider:
        given = msgspec.convert(plain, _Declared)
        if given.issuer in seen:
            raise ValueError("this issuer is declared already")
        seen.add(given.issuer)
        return _provider(name, given, file.parent, told)

    words: dict[str, list[str]] = {"roles": [*Role], "provision": ["on-sign-in", "scim"]}
    return declared(content, file.name, "identity_providers", read, words)


def _provider(name: str, given: _Declared, folder: Path, told: Callable[[str, str], None]) -> Provider:
    check_name(name)
    check_issuer(given.issuer)
    check_address(given.issuer, "issuer")
    if not 0 < len(given.client_id) <= 255 or not given.client_id.isprintable():
        raise ValueError("`client_id` must be what the provider knows this gateway by")
    if "openid" not in given.scopes or len(given.scopes) > _SCOPES_MAX or not all(map(_is_scope, given.scopes)):
        raise ValueError(f"`scopes` must have `openid`, and at most {_SCOPES_MAX} words")
    if not given.people:
        raise ValueError("`people` must say what they are here: without, nobody could come in")
    if given.provision == "scim" and given.link == Link():
        raise ValueError("`provision: scim` needs a `link`: which claim is the `userName` or the `externalId`")
    ca_file = beside(folder, given.ca_file)
    if not all(map(is_host, given.hosts)):
        raise ValueError("`hosts` must be names of hosts, with a port where that is not 443")
    discovery = Discovery(given.issuer, given.hosts)
    address = Address(given.issuer.rstrip("/") + DOCUMENT, ca_file)
    return Provider(
        name=name,
        issuer=given.issuer,
        client_id=given.client_id,
        secret_file=beside(folder, given.client_secret_file),
        scopes=tuple(given.scopes),
        name_claim=given.name_claim,
        asks_userinfo=given.userinfo,
        link=given.link,
        provisioned_only=given.provision == "scim",
        rules=tuple(_rule(place, people) for place, people in enumerate(given.people)),
        ca_file=ca_file,
        discovery=discovery,
        keys=RemoteKeys(name, address, keep_s=KEYS_KEPT_S, told=told, fetch=discovery.fetch),
    )


def _rule(place: int, given: _People) -> PersonRule:
    where = f"people[{place}]:"
    claims: Claims = given.match
    match = match_of(where, claims)
    if not given.roles:
        raise ValueError(f"{where} `roles` is empty, so that they could not come in")
    check_place(where, given.organisation, given.roles)
    return PersonRule(match, given.organisation, sorted_roles(given.roles), attributes_of(where, given.attributes))


def _is_scope(scope: str) -> bool:
    return 0 < len(scope) <= 100 and scope.isascii() and scope.isprintable() and not set(scope) & set(' "\\')
