"""A session: what somebody who signed in holds from then on, and when that ends.

A session is shown as `session_<id 24>.<secret 43>`. The secret holds 256 bits from the system's generator and is kept
as its SHA-256 alone. Roles and assertions are those that the sign-in gave; they never grow afterwards.
"""

import re
import secrets
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

import msgspec

from gateway.clock import Instant, Moment
from gateway.errors import Unauthenticated
from gateway.identity.callers import Assertion, Role
from gateway.identity.keys import Secret

PREFIX = "session_"
_ID_LENGTH = len(PREFIX) + 24
_SHAPE = re.compile(rf"{PREFIX}[0-9a-f]{{24}}\.[A-Za-z0-9_-]{{43}}")


class SessionKind(StrEnum):
    """Where a person signed in."""

    BROWSER = "browser"
    CLI = "cli"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in of one person, and how long it lasts."""

    id: str
    person: str
    kind: SessionKind
    digest: bytes
    """SHA-256 of its secret."""
    roles: tuple[Role, ...]
    """Sorted."""
    assertions: tuple[Assertion, ...]
    signed_in_at: Instant
    """When the person last proved themself to the provider (`auth_time`), which can be before the session began."""
    created_at: Instant
    idle: int
    """How long it lasts without being used, in microseconds."""
    idle_ends_at: Instant
    """When it ends unless it is used again; true to about a minute."""
    ends_at: Instant
    """When it ends however much it is used."""
    ended_at: Instant | None = None
    ended_cause: str | None = None

    def is_proven_by(self, secret: str) -> bool:
        """Whether this is its secret."""
        return compare_digest(digest_of(secret), self.digest)

    def check_stands(self, moment: Moment, idle_ends_at: Instant = 0) -> None:
        """Raise Unauthenticated when it was ended, or may be over. It may be known to have been used since it was read.

        Its end by want of use is `idle_ends_at` where that is later.
        """
        if self.ended_at is not None or moment.maybe_reached(min(self.ends_at, max(self.idle_ends_at, idle_ends_at))):
            raise session_over()

    def __repr__(self) -> str:
        return f"Session({self.id})"


def mint_session(session_id: str | None = None) -> tuple[str, Secret, bytes]:
    """A session's id, what its holder shows, and the digest to keep; with an id, another secret for that session."""
    session_id = session_id or PREFIX + secrets.token_hex(12)
    secret = secrets.token_urlsafe(32)
    return session_id, Secret(f"{session_id}.{secret}"), digest_of(secret)


def parts_of(shown: str) -> tuple[str, str] | None:
    """The session's id and secret in what its holder shows; None for anything else. Touches nothing but the text."""
    if _SHAPE.fullmatch(shown) is None:
        return None
    return shown[:_ID_LENGTH], shown[_ID_LENGTH + 1 :]


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return sha256(secret.encode("ascii")).digest()


def session_over() -> Unauthenticated:
    """What the holder of a session that is over is told."""
    return Unauthenticated(
        "Your session is over.", code="session_over", next_step="Sign in again: `/control/session/start`."
    )
