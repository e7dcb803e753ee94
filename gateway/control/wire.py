"""Words that several nouns of this door share on the wire: ids by pattern, texts by length, instants as RFC 3339.

A pattern ends in `$(?!\n)`, because a bare `$` would let a line end through.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from litestar.params import PathParameter, QueryParameter

from gateway.clock import NEVER, Instant, datetime_from, instant_from
from gateway.errors import Invalid

_END = r"$(?!\n)"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ORGANISATION = rf"^[a-z0-9](?:[a-z0-9-]{{0,62}}[a-z0-9])?{_END}"
_KEY = rf"^[0-9A-Za-z]{{12}}{_END}"
_KEY_OR_WORKLOAD = rf"^(?:[0-9A-Za-z]{{12}}|(?:workload|person)_[0-9a-f]{{24}}){_END}"
_PERSON = rf"^person_[0-9a-f]{{24}}{_END}"
_SESSION = rf"^session_[0-9a-f]{{24}}{_END}"
_PROVIDER = rf"^[a-z0-9][a-z0-9._-]{{0,62}}{_END}"
_TOKEN = rf"^token_[0-9a-f]{{32}}{_END}"
_CALLER = rf"^(?:[0-9A-Za-z]{{12}}|(?:workload|person)_[0-9a-f]{{24}}|[a-z0-9](?:[a-z0-9-]{{0,62}}[a-z0-9])?){_END}"
_RECORD = rf"^[A-Za-z0-9_.-]{{1,64}}{_END}"
_NARROWING = rf"^(?:narrowing_[0-9a-f]{{24}})?{_END}"
_RELEASE = rf"^{_PART}/{_PART}{_END}"
_DOCUMENT = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{_END}"
_HALF = rf"^{_PART}{_END}"
_DIGEST = rf"^sha256:[0-9a-f]{{64}}{_END}"
_WHEN = rf"^\d{{4}}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{{1,6}})?(?:[Zz]|[+-]\d\d:\d\d){_END}"
_DIGEST_OR_NONE = rf"^(?:sha256:[0-9a-f]{{64}})?{_END}"
_REFERENCE = rf"^(?:[0-9]{{1,15}}|[A-Za-z0-9][A-Za-z0-9_.-]{{15,79}}){_END}"
_DECISION = rf"^(?:admitted|refused){_END}"
_ENDPOINT = rf"^/[a-z0-9/{{}}_-]{{1,99}}{_END}"
_LINE = rf"^[^\x00-\x1f\x7f]+{_END}"
_WORDS = rf"^[^\x00-\x08\x0b-\x1f\x7f]+{_END}"
_CURSOR = rf"^[A-Za-z0-9_./-]{{1,200}}{_END}"

PATTERNS = {
    _ORGANISATION: "an organisation's id: lower-case letters, digits and `-`, such as acme",
    _KEY: "a key's public id: the twelve letters and digits after `rsg_…_`, never the key itself",
    _KEY_OR_WORKLOAD: "a key's public id (twelve letters and digits), a workload's or a person's, as in the ledger",
    _PERSON: "a person's id, as `gateway person list` shows it",
    _SESSION: "a session's id, as the ledger names it, never what its browser keeps",
    _PROVIDER: "the name under which an identity provider is declared, such as corporate",
    _TOKEN: "the id of an access token, as the ledger names it, never the token itself",
    _CALLER: "an organisation's id, such as acme, the public id of a key, a workload or a person, or `me`",
    _RECORD: "an id that the gateway made, such as that of a grant or an assertion",
    _NARROWING: "the id of a narrowing, as `gateway release narrowings` lists it",
    _RELEASE: "a release: namespace/name, such as acme/atlas-1",
    _HALF: "half of a release's name: letters, digits and `.`, `_` or `-`, such as atlas-1",
    _DOCUMENT: "the name of a text: letters, digits and `.`, `_` or `-`, such as aup",
    _DIGEST: "a digest: `sha256:` and 64 hexadecimal digits",
    _DIGEST_OR_NONE: "a digest (`sha256:` and 64 hexadecimal digits), or empty where no version is in force",
    _REFERENCE: "an entry's index, such as 412, or the `x-request-id` of a call",
    _ENDPOINT: "a path of the gateway, such as /v1/chat/completions",
    _WHEN: "a date with time and time zone, such as 2026-03-01T00:00:00Z",
    _LINE: "one line of text, without control characters",
    _WORDS: "text without control characters",
    _CURSOR: "the `next` of the page before",
}
"""What to write, by the pattern that holds it."""

PAGE_MAX = 200

# In bodies.
OrganisationId = Annotated[str, msgspec.Meta(pattern=_ORGANISATION, max_length=64, examples=["acme"])]
ReleaseName = Annotated[str, msgspec.Meta(pattern=_RELEASE, max_length=193, examples=["acme/atlas-1"])]
DocumentName = Annotated[str, msgspec.Meta(pattern=_DOCUMENT, max_length=64, examples=["aup"])]
Digest = Annotated[str, msgspec.Meta(pattern=_DIGEST, max_length=71)]
DigestOrNone = Annotated[str, msgspec.Meta(pattern=_DIGEST_OR_NONE, max_length=71)]
NarrowingId = Annotated[str, msgspec.Meta(pattern=_NARROWING, max_length=40)]
"""Empty where none is named."""
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_LINE)]
"""One line that people wrote. PostgreSQL keeps no NUL, and nothing here should turn a terminal over."""
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=_WORDS)]
"""What people wrote, in lines."""
When = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with a time zone."""

# In paths.
OrganisationInPath = Annotated[str, PathParameter(pattern=_ORGANISATION, max_length=64)]
KeyInPath = Annotated[str, PathParameter(pattern=_KEY, max_length=12)]
PersonInPath = Annotated[str, PathParameter(pattern=_PERSON, max_length=31)]
SessionInPath = Annotated[str, PathParameter(pattern=_SESSION, max_length=32)]
ProviderInPath = Annotated[str, PathParameter(pattern=_PROVIDER, max_length=63)]
TokenInPath = Annotated[str, PathParameter(pattern=_TOKEN, max_length=38)]
RecordInPath = Annotated[str, PathParameter(pattern=_RECORD, max_length=64)]
"""Ids that the gateway made: of grants, assertions and entries."""
PartInPath = Annotated[str, PathParameter(pattern=_HALF, max_length=96)]
"""Either half of a release's name."""
DocumentInPath = Annotated[str, PathParameter(pattern=_DOCUMENT, max_length=64)]
Reference = Annotated[str, PathParameter(pattern=_REFERENCE)]
"""An index, or an id: `x-request-id` of a call is the id of its entry."""

# In queries.
OrganisationFilter = Annotated[str | None, QueryParameter(pattern=_ORGANISATION, max_length=64)]
CallerFilter = Annotated[str, QueryParameter(pattern=_CALLER, max_length=64)]
KeyFilter = Annotated[str | None, QueryParameter(pattern=_KEY_OR_WORKLOAD, max_length=33)]
DigestFilter = Annotated[str | None, QueryParameter(pattern=_DIGEST, max_length=71)]
DecisionFilter = Annotated[str | None, QueryParameter(pattern=_DECISION)]
EndpointFilter = Annotated[str | None, QueryParameter(pattern=_ENDPOINT)]
ReleaseFilter = Annotated[str | None, QueryParameter(pattern=_RELEASE, max_length=193)]
WhenFilter = Annotated[
    str | None,
    QueryParameter(
        pattern=_WHEN,
        max_length=40,
        format="date-time",
        description="RFC 3339 with a time zone, such as `2026-03-01T00:00:00Z`.",
    ),
]
"""As text, because a number would else be taken for seconds."""
After = Annotated[
    str | None,
    QueryParameter(pattern=_CURSOR, max_length=200, description="`next` of the page before."),
]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]


class Order(StrEnum):
    """Which end of the ledger comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent to this door. A field that is not declared is an error: nothing rides along."""


class Cause(Body, frozen=True):
    """Why something is ended. Kept in the ledger."""

    cause: Line


def when(instant: Instant | None) -> datetime | None:
    """An instant on the wire; None for one that is absent, and for never."""
    return None if instant is None or instant >= NEVER else datetime_from(instant)


def shown(instant: Instant) -> datetime:
    """An instant that has been, on the wire."""
    return datetime_from(instant)


def instant_in(named: datetime | str | None, param: str) -> Instant | None:
    """The instant that a request names. Raises Invalid for a date without a time zone, before 1970 or beyond 2249."""
    if named is None:
        return None
    try:
        moment = datetime.fromisoformat(named.upper()) if isinstance(named, str) else named
    except ValueError:
        raise Invalid(f"`{param}` names a date that there is not.", param=param) from None
    if moment.tzinfo is None or not 0 <= (instant := instant_from(moment)) < NEVER:
        raise Invalid(
            f"`{param}` must be a date with a time zone, of the years 1970 to 2249.",
            param=param,
            next_step="Write it as `2026-03-01T00:00:00Z`.",
        )
    return instant
