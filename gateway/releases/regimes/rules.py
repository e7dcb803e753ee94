"""A rule: one definition of one regime, what it asks for, and from when to when it stands."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, instant_from
from gateway.releases.regimes.findings import Ground
from gateway.releases.regimes.subjects import Subject


class Nature(StrEnum):
    """What kind of text a definition stands in."""

    LAW = "law"
    ORDER = "order"
    BILL = "bill"
    GUIDANCE = "guidance"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One definition."""

    regime: str
    label: str
    nature: Nature
    since: Instant
    until: Instant = NEVER
    ended: str = ""
    """How it ended: revoked, lifted or lapsed."""
    test: Callable[[Subject], Ground]
    follows: str
    """What a release team has to know where the definition is met."""
    otherwise: str = "nothing follows from this definition"
    source: str
    """Title of the text."""


def day(text: str) -> Instant:
    """The first instant of a day in UTC."""
    return instant_from(datetime.fromisoformat(text).replace(tzinfo=UTC))
