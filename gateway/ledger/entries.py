"""What one line of the ledger says, and the bytes it is hashed as.

Canonical bytes are RFC 8785 (JCS) over strings, integers, booleans, arrays and objects only; the
leaf hash over them is RFC 6962, section 2.1.

NOTE: stored and hashed for ever. A field may be added; none may change its meaning, its name or
its form, and `v` rises when the envelope does.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from gateway.clock import Instant
from gateway.errors import Invalid
from gateway.ledger.events import Event

VERSION = 1
"""Of the envelope."""

INTEGER_MAX = 2**53 - 1
"""RFC 8785 writes numbers as IEEE 754 doubles: beyond this an integer has no canonical bytes."""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every body may carry: who, and about which release. Absent where it does not apply."""

    organisation: str = ""
    key: str = ""
    """Public id of the key, never the key; of the client, the workload or the person, where no key was presented."""
    release: str = ""
    token: str = ""
    """Id of the access token by which it was done, where it was no key; never its text."""
    issuer: str = ""
    """Who issued that token."""
    client: str = ""
    """Whom it was issued to, as its issuer names it."""
    person: str = ""
    """Id of the person, where it was somebody that signs in: in a session, or by a key of their own."""
    session: str = ""
    """Id of that session."""


class AccessBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What an admitted or refused call says of itself."""

    component: str = ""
    draws_on: list[str] = msgspec.field(default_factory=list)
    """Components it asked for beside that one, such as `inference.logprobs`."""
    endpoint: str = ""
    """The route as declared, such as `/v1/chat/completions`; never a raw path."""
    end_user: str = ""
    """Keyed pseudonym of the downstream person, where the caller named one."""
    served: str = ""
    """The model asked of the upstream."""
    strategy: str = ""
    """Digest of the strategy version in force."""
    stage: str = ""
    access: str = ""
    """Access level of the stage."""
    narrowings: list[str] = msgspec.field(default_factory=list)
    """Ids of the narrowings that the judge was shown."""
    grant: str = ""
    terms: list[str] = msgspec.field(default_factory=list)
    """Digests of the terms that bound this use."""
    assertions: list[str] = msgspec.field(default_factory=list)
    """Ids of the attribute assertions that the judge was shown, never their values."""
    policy: str = ""
    """Digest of the policy set that decided."""
    question: str = ""
    """Hash of the question that was decided."""
    revision: int = 0
    """Revision of the snapshot it was decided on."""
    reasons: list[str] = msgspec.field(default_factory=list)
    """Public reason codes; empty on an admitted call."""
    log: str = ""
    retain_days: int = 0
    commitment: str = ""
    """Salted commitment to the request's bytes (ledger/commitments.py)."""
    bytes_in: int = 0
    stream: bool = False
    tokens_reserved: int = 0
    limit_scope: str = ""
    """Whose limits this call took, as access/quotas.py names it."""


class FinishedBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """How an admitted call ended."""

    admitted: str = ""
    """Id of the `access:admitted` entry."""
    outcome: str = ""
    """complete, client_gone, upstream_error, failed, cut, abandoned, unknown_after_crash, or unrecordable: how it went
    could not be written."""
    status: int = 0
    """HTTP status the caller got; 0 when none was sent."""
    reasons: list[str] = msgspec.field(default_factory=list)
    """Why it was cut, or what the upstream failed with, where either is so."""
    tokens_in: int = 0
    tokens_out: int = 0
    """Where `usage_basis` is not `reported`, how many there were at least, of a stream."""
    tokens_settled: int = 0
    """What was finally counted against the limits."""
    usage_basis: str = ""
    """reported (by the upstream), reserved (it reported none, and limits were charged all that was taken for the call),
    unknown (it reported none, and nothing was taken) or none (nothing reached an upstream)."""
    bytes_out: int = 0
    duration_us: int = 0
    commitment: str = ""
    """Salted commitment to the answer's bytes as they left."""
    upstream_request: str = ""
    file: str = ""
    """Of a download: the file's path among the release's weights."""
    file_sha256: str = ""
    range: str = ""
    """The bytes it was to give, as `content-range` says them: `first-last/total`."""


class AdministrativeBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An act of administration: who did what to which subject."""

    actor_key: str = ""
    actor_organisation: str = ""
    subject: str = ""
    """Id of what was acted on."""
    detail: dict[str, str | int | bool | list[str]] = msgspec.field(default_factory=dict)


class Draft(msgspec.Struct, frozen=True):
    """An entry before it has a place: the writer gives it index and instant."""

    id: str
    """Unique for ever; a call's is its `x-request-id`."""
    event: Event
    body: Body

    @property
    def closes(self) -> str:
        """Id of the admission that this ends; empty where it ends none."""
        return self.body.admitted if isinstance(self.body, FinishedBody) else ""

    def written(self) -> bytes:
        """All of its line that is known before it has a place, as canonical bytes. Raises as `written` does."""
        return written(self)


class Entry(msgspec.Struct, frozen=True):
    """An entry as stored."""

    index: int
    id: str
    event: str
    """An Event, or one that a later release of the gateway knows."""
    at: Instant
    uncertainty_us: int
    process: str
    """Id of the writer that appended it."""
    body: dict[str, Any]
    leaf_hash: bytes


class _Line(msgspec.Struct, frozen=True):
    v: int
    index: int
    id: str
    event: str
    at: Instant
    uncertainty_us: int
    process: str
    body: dict[str, Any]


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(_Line)


def _integers_of(kind: type[Body]) -> Callable[[Body], tuple[int, ...]] | None:
    names = [field.name for field in msgspec.structs.fields(kind) if field.type is int]
    return attrgetter(*names) if len(names) > 1 else None


_integers = {kind: _integers_of(kind) for kind in (Body, AccessBody, FinishedBody, AdministrativeBody)}


def written(draft: Draft) -> bytes:
    """All of an entry's line that is known before it has a place, as canonical bytes.

    Raises Invalid where the draft has no canonical bytes: text that is not Unicode, an integer
    that is not exact everywhere.
    """
    body = draft.body
    written_body, written_id = written_value(body), written_value(draft.id)
    integers = _integers[type(body)]
    if integers is not None:
        values = integers(body)
        if max(values) > INTEGER_MAX or min(values) < -INTEGER_MAX:
            raise Invalid("A number in this request is too large to be recorded exactly.")
    elif isinstance(body, AdministrativeBody):
        _check_detail(body.detail)
    return b'"body":%b,"event":"%b","id":%b' % (written_body, draft.event.encode(), written_id)


def written_value(value: object) -> bytes:
    """One value as canonical bytes. Raises Invalid for a text that is not Unicode."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        raise Invalid("A text in this request is not valid Unicode.") from None


class Envelope:
    """What every line of one batch shares; makes the lines, key by key in canonical order."""

    __slots__ = ("_after", "_before")

    def __init__(self, at: Instant, uncertainty_us: int, process: str) -> None:
        self._before = b'{"at":%d,' % at
        self._after = b',"process":%b,"uncertainty_us":%d,"v":%d}' % (_encoder.encode(process), uncertainty_us, VERSION)

    def line(self, part: bytes, index: int) -> bytes:
        """The canonical bytes of the entry at this index; `part` is what `written` made."""
        return b'%b%b,"index":%d%b' % (self._before, part, index, self._after)


def entry_from(line: bytes, leaf_hash: bytes) -> Entry:
    """The entry that a stored line says. Raises msgspec.DecodeError where it is none."""
    stored = _decoder.decode(line)
    return Entry(
        index=stored.index,
        id=stored.id,
        event=stored.event,
        at=stored.at,
        uncertainty_us=stored.uncertainty_us,
        process=stored.process,
        body=stored.body,
        leaf_hash=leaf_hash,
    )


def _check_detail(detail: dict[str, str | int | bool | list[str]]) -> None:
    for name, value in detail.items():
        if not name.isascii():  # beyond ASCII, the order of RFC 8785 is not the encoder's
            raise Invalid("A detail of an act must have an ASCII name.")
        if isinstance(value, int) and abs(value) > INTEGER_MAX:
            raise Invalid(f"The detail `{name}` is too large to be recorded exactly.")
