"""A group as another system lists it: people who are there together. It gives nobody anything by itself."""

import re
import secrets

import msgspec

from gateway.clock import Instant

PREFIX = "group_"
MEMBERS_MAX = 5_000
"""Of one group."""

_ID = re.compile(rf"{PREFIX}[0-9a-f]{{24}}")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group of one declared provider."""

    id: str
    issuer: str
    """The provider whose list it is on, by the name under which the operator declared it."""
    display_name: str
    external_id: str | None = None
    """What whoever keeps the list calls it."""
    members: tuple[str, ...] = ()
    """Ids of people, sorted."""
    created_at: Instant
    created_by: str
    changed_at: Instant


class Membership(msgspec.Struct, frozen=True):
    """One group that a person is in."""

    group: str
    display_name: str


def new_group_id() -> str:
    """The id of a group that was not known before."""
    return PREFIX + secrets.token_hex(12)


def is_group_id(text: str) -> bool:
    """Whether a group could have this id."""
    return _ID.fullmatch(text) is not None
