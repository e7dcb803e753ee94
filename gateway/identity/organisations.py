"""Organisations: the provider's own, and its customers, which never see each other."""

import re

import msgspec

from gateway.clock import Instant
from gateway.errors import Invalid
from gateway.identity.callers import Assertion

PROVIDER = "provider"
"""Id of the installation's own organisation."""

TEXT_MAX = 200
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


class Organisation(msgspec.Struct, frozen=True):
    """One organisation, as kept."""

    id: str
    name: str
    created_at: Instant
    created_by: str
    """Public id of a key; empty for the one that the installation began with."""
    disabled_at: Instant | None = None
    disabled_cause: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """What its keys need to know of an organisation: kept whole, dropped when the feed names it."""

    disabled: bool
    assertions: tuple[Assertion, ...]
    """Every one not withdrawn; which of them stand depends on the moment."""


def is_id(organisation: str) -> bool:
    """Whether an organisation could have this id."""
    return _ID.fullmatch(organisation) is not None


def checked_id(organisation: str) -> str:
    """The id, if it can be one. Raises Invalid otherwise."""
    if not is_id(organisation):
        raise Invalid("An organisation's id is lower-case letters, digits and `-`, at most 64.", param="id")
    return organisation


def checked_text(text: str, param: str, *, empty: bool = False) -> str:
    """A line that people wrote, if it can be shown as one: no line end, no control, nothing that turns text round."""
    if len(text) > TEXT_MAX or not text.isprintable() or not (empty or text.strip()):
        raise Invalid(f"`{param}` must be one line of at most {TEXT_MAX} printable characters.", param=param)
    return text
