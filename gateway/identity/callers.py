"""Who is asking, as frozen facts: a key's organisation, roles, attributes and scopes."""

from enum import StrEnum

import msgspec

from gateway.clock import NEVER, SECOND, Instant, Moment
from gateway.ledger.store import Actor


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


class AccessToken(msgspec.Struct, frozen=True):
    """A token that was verified, as it stays until it ends; never its text."""

    id: str
    """By which it can be revoked: `token_` and what its issuer numbered it, or what this gateway did."""
    issuer: str
    """As the token's `iss` has it."""
    client: str
    """Whom the issuer gave it to, as the issuer names it."""
    key_id: str
    """Of the issuer's key that signed it."""
    thumbprint: str
    """Of that same key."""
    holder: str
    """Public id of the client of this gateway, or of the person; of a workload, where it is another issuer's token."""
    scopes: tuple[str, ...] | None
    issued_at: Instant
    expires_at: Instant
    workload: "Workload | None" = None
    """Who holds it, where the token is another issuer's."""
    session: str = ""
    """Id of the session that it is of, where a person holds it."""


class Workload(msgspec.Struct, frozen=True):
    """Who holds a token of another issuer: as the operator's mapping has it, which the token's claims chose."""

    organisation: str
    roles: tuple[Role, ...]
    """Sorted."""
    assertions: tuple[Assertion, ...]


class Caller(msgspec.Struct, frozen=True):
    """Who stands behind one key or token, as of one revision."""

    key: str
    """Public id of the key; of the client or the workload, where a token was presented; of the person, in a session."""
    organisation: str
    roles: tuple[Role, ...]
    """Sorted."""
    scopes: tuple[str, ...] | None
    """Narrower than the roles: `inference`, `weights`, `control`, each alone or `:` a release, `control:read`, `scim`.

    None: not narrowed. Empty: nothing.
    """
    attributes: tuple[Assertion, ...]
    """Sorted by name; at most one of a name, the strongest that stands."""
    expires_at: Instant
    """When the key or the session ends, or the token if that is sooner."""
    token: AccessToken | None = None
    """What was presented, where it was no key."""
    person: str = ""
    """Who it is, where it is somebody that signs in: in a session, by a token of one, or by a key of their own."""
    session: str = ""
    """Id of the session, where there is one."""
    signed_in_at: Instant | None = None
    """When the person of that session last proved themself to their provider; None where there is no session."""
    is_break_glass: bool = False
    """Whether the key is one that nobody issued: the way in of whoever runs the installation."""

    @property
    def credential(self) -> str:
        """Id of what was presented: two tokens of one client are two, and end apart."""
        return self.token.id if self.token is not None else self.session or self.key

    @property
    def actor(self) -> Actor:
        """The same, as the ledger names who administers."""
        actor = Actor(self.key, self.organisation, person=self.person, session=self.session)
        if self.token is None:
            return actor
        token = self.token
        return msgspec.structs.replace(actor, token=token.id, issuer=token.issuer, client=token.client)

    def signed_in_s(self, moment: Moment) -> int | None:
        """Whole seconds that may have passed since the person last proved themself; None where nobody says when."""
        return -(-max(0, moment.latest - self.signed_in_at) // SECOND) if self.signed_in_at else None

    def has(self, *roles: Role) -> bool:
        """Whether the caller holds any of these roles."""
        return any(role in self.roles for role in roles)

    def in_scope(self, door: str, release: str = "") -> bool:
        """Whether the key reaches this door, for this release where one is named."""
        if self.scopes is None:
            return True
        return door in self.scopes or (bool(release) and f"{door}:{release}" in self.scopes)
