"""A key as it is kept: whose it is, what it may do, and until when. The key itself is never kept."""

import msgspec

from gateway.clock import DAY, Instant, Moment
from gateway.errors import Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.keys import Secret
from gateway.identity.rights import Rights

OVERLAP_DEFAULT = 1 * DAY
OVERLAP_MAX = 7 * DAY


class Key(msgspec.Struct, frozen=True):
    """What may be shown of a key."""

    id: str
    kind: str
    organisation: str
    label: str
    roles: tuple[Role, ...]
    scopes: tuple[str, ...] | None
    networks: tuple[str, ...] | None
    issued_at: Instant
    issued_by: str
    """Public id of the key that issued it; empty where whoever runs the installation did."""
    expires_at: Instant
    rotated_from: str | None = None
    revoked_at: Instant | None = None
    revoked_cause: str | None = None
    last_used_at: Instant | None = None
    """True to about a minute."""
    is_client: bool = False
    """Whether it opens nothing itself, and is exchanged for access tokens."""
    public_keys: bytes | None = None
    """Of a client that proves itself by signing: a JSON Web Key Set. Its secret was told to nobody."""
    person: str | None = None
    """Whose own it is, and ends with; None where it is nobody's own, as a client's."""
    is_break_glass: bool = False
    """Whether nobody issued it, or those that it was rotated from."""
    pepper: str = ""
    """Name of the pepper that signed it, which says nothing of the pepper."""

    @property
    def rights(self) -> Rights:
        """What the key may do."""
        return Rights(self.roles, self.scopes, self.networks, self.expires_at - self.issued_at)

    def check_stands(self, moment: Moment) -> None:
        """Raise Unauthenticated when the key was revoked, or may have expired."""
        if self.revoked_at is not None:
            raise revoked()
        if moment.latest >= self.expires_at:
            raise Unauthenticated(
                "This key has expired.", code="key_expired", next_step="Issue a new key, or rotate before the end."
            )


class SignedKey(msgspec.Struct, frozen=True):
    """A key with what verifies it."""

    key: Key
    digest: bytes
    vouched_by: str = ""
    """The provider that knows whose own the key is; empty where it is nobody's own."""

    def __repr__(self) -> str:
        return f"SignedKey({self.key.id})"


class KeyOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What key is to be issued."""

    organisation: str = ""
    """Empty: that of the key that issues."""
    label: str = ""
    roles: tuple[Role, ...] = (Role.DEVELOPER,)
    scopes: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None
    is_client: bool = False
    public_keys: bytes | None = None
    lifetime: int | None = None
    """In microseconds; None: 90 days, or as long as the key that issues may give."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """How a key is to be succeeded. What is not set stays as it is; nothing can become wider."""

    overlap: int = OVERLAP_DEFAULT
    """How long the old key goes on, in microseconds; 0 ends it at once."""
    scopes: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET
    networks: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET


class Issued(msgspec.Struct, frozen=True):
    """A new key, and what must be shown once and never again."""

    key: Key
    token: Secret


def revoked() -> Unauthenticated:
    """What the holder of a revoked key is told, and nobody else."""
    return Unauthenticated("This key has been revoked.", code="key_revoked", next_step="Use another key.")
