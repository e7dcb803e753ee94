"""What one line of the ledger says, and the bytes it is hashed as.

Canonical bytes are RFC 8785 (JCS) over strings, integers, booleans, arrays and objects only; the
leaf hash over them is RFC 6962, section 2.1.

NOTE: stored and hashed for ever. A field may be added; none may change its meaning, its name or
its form, and `v` rises when the envelope does.
"""

from enum import StrEnum
from typing import Any

import msgspec

from gateway.clock import Instant


class Event(StrEnum):
    """Everything the ledger can say, `subject:action` in the past tense."""

    ACCESS_ADMITTED = "access:admitted"
    ACCESS_REFUSED = "access:refused"
    ACCESS_FINISHED = "access:finished"
    KEY_ISSUED = "key:issued"
    KEY_ROTATED = "key:rotated"
    KEY_REVOKED = "key:revoked"
    ORGANISATION_CREATED = "organisation:created"
    ORGANISATION_DISABLED = "organisation:disabled"
    ATTRIBUTE_ASSERTED = "attribute:asserted"
    ATTRIBUTE_WITHDRAWN = "attribute:withdrawn"
    RELEASE_APPLIED = "release:applied"
    RELEASE_WITHDRAWN = "release:withdrawn"
    GRANT_GIVEN = "grant:given"
    GRANT_REVOKED = "grant:revoked"
    TERMS_ACCEPTED = "terms:accepted"
    POLICY_CHANGED = "policy:changed"
    GATEWAY_STARTED = "gateway:started"
    CLOCK_STEPPED = "clock:stepped"


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every body may carry: who, and about which release. Absent where it does not apply."""

    organisation: str = ""
    key: str = ""
    """Public id of the key, never the key."""
    release: str = ""


class AccessBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What an admitted or refused call says of itself."""

    component: str = ""
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
    """complete, client_gone, upstream_error, failed, cut, abandoned or unknown_after_crash."""
    status: int = 0
    """HTTP status the caller got; 0 when none was sent."""
    reasons: list[str] = msgspec.field(default_factory=list)
    """Why it was cut, where it was."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_settled: int = 0
    """What was finally counted against the limits."""
    usage_basis: str = ""
    """reported (by the upstream), reserved (it reported none) or none."""
    bytes_out: int = 0
    duration_us: int = 0
    commitment: str = ""
    """Salted commitment to the answer's bytes as they left."""
    upstream_request: str = ""


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


class Entry(msgspec.Struct, frozen=True):
    """An entry as stored."""

    index: int
    id: str
    event: Event
    at: Instant
    uncertainty_us: int
    process: str
    """Id of the writer that appended it."""
    body: dict[str, Any]
    leaf_hash: bytes
