"""Who is asking, as frozen facts: a key's organisation, roles, attributes and scopes."""

from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant


class Role(StrEnum):
    """What a caller may be. Roles are held by a key; provider-side roles never come by default."""

    DEVELOPER = "developer"
    STAFF = "staff"
    PROVIDER = "provider"
    APPROVER = "approver"
    ANALYST = "analyst"
    AUDITOR = "auditor"


OVERSIGHT = (Role.PROVIDER, Role.APPROVER, Role.ANALYST, Role.AUDITOR)
"""Roles on the provider's side that see every organisation."""


ABROAD = (Role.DEVELOPER, Role.AUDITOR)
"""Roles that keys of other organisations than the provider's own may have: an auditor may come from outside."""


class Assertion(msgspec.Struct, frozen=True):
    """One attribute as somebody asserted it. An attribute nobody asserts is unknown, not false."""

    id: str
    name: str
    """Such as `kyc`, `residence_country`, `us_person`, `sector`."""
    value: str | int | bool | tuple[str, ...]
    issuer: str
    assurance: int
    """How strongly it was established, 0 (self-declared) to 4."""
    asserted_at: Instant
    expires_at: Instant = NEVER


class Caller(msgspec.Struct, frozen=True):
    """Who stands behind one key, as of one revision."""

    key: str
    """Public id of the key."""
    organisation: str
    roles: tuple[Role, ...]
    """Sorted."""
    scopes: tuple[str, ...] | None
    """Narrower than the roles: `inference`, `weights`, `control`, each alone or `:` a release, or `control:read`.

    None: not narrowed. Empty: nothing.
    """
    attributes: tuple[Assertion, ...]
    """Sorted by name; at most one of a name, the strongest that stands."""
    expires_at: Instant
    """When the key ends."""

    def has(self, *roles: Role) -> bool:
        """Whether the caller holds any of these roles."""
        return any(role in self.roles for role in roles)

    def in_scope(self, door: str, release: str = "") -> bool:
        """Whether the key reaches this door, for this release where one is named."""
        if self.scopes is None:
            return True
        return door in self.scopes or (bool(release) and f"{door}:{release}" in self.scopes)
