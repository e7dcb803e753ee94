"""Every error the gateway raises on purpose, in one tree.

GatewayError
├── Unauthenticated      401  nobody we know: missing, malformed, unknown, expired or revoked credential
│   ├── OutsideNetworks  401  a key from where it may not be used, which only the metrics tell apart
│   └── TokenInvalid     401  an access token that is not believed, with why
├── Refused              4xx  the gate said no, with reasons (access/reasons.py has their statuses)
├── Forbidden            403  this role may not use this route
├── NotFound             404  no such thing, or none that this caller may know of
├── MethodNotAllowed     405  the path is there, and does not take this method
├── Conflict             409  true of an older state of the thing
│   ├── PreconditionFailed 412  the version that is meant is not the one there is
│   └── PolicyNotKept    409  the policies that judged then cannot be asked here, and no others answer for them
├── Invalid              400  input that cannot be understood
│   └── InvalidFile      400  the same, with the lines of a file
├── TooLarge             413  input above a stated size
│   └── HeadTooLarge     431  the same, of a request's head
├── Unavailable          503  cannot judge, cannot record, cannot know: so nothing passes
│   ├── DatabaseUnavailable
│   ├── JudgeUnavailable
│   ├── LedgerUnavailable
│   ├── SnapshotStale
│   ├── ClockUnknown
│   └── Stopping
├── CutShort             503  an answer under way that the gateway could not let go on
├── UpstreamFailed       502  the model's server could not be reached, or its answer made no sense
│   └── UpstreamTimeout  504
├── SettingsInvalid       -   the operator's settings cannot be used; the process does not start
└── RecordEnded           -   this process can record nothing any more, and ends so that another is started

Each error says what happened (`message`) and what to do (`next_step`); `code` is stable and public.
No message ever contains content, a key or a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class GatewayError(Exception):
    """An error with a stable code, a sentence for people and a next step."""

    status: int = 500
    code: str = "internal_error"
    message: str = "Something went wrong inside the gateway."
    next_step: str = ""

    def __init__(self, message: str | None = None, *, code: str | None = None, next_step: str | None = None) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code
        if next_step is not None:
            self.next_step = next_step
        super().__init__(self.message)

    def sentence(self) -> str:
        """What happened and what to do, as one text."""
        return f"{self.message} {self.next_step}".rstrip()


class Unauthenticated(GatewayError):
    """Nobody we know is asking. Codes: invalid_api_key, key_expired, key_revoked."""

    status = 401
    code = "invalid_api_key"
    message = "No valid API key was presented."
    next_step = "Send a key as `Authorization: Bearer rsg_…`, `x-api-key` or `api-key`."

    @property
    def counted_as(self) -> str:
        """The reason in the metrics, which callers never see."""
        return self.code


class OutsideNetworks(Unauthenticated):
    """A key from where it may not be used: told like any that nobody knows, so that a thief learns nothing."""

    @property
    def counted_as(self) -> str:
        """Told apart for the operator alone."""
        return "outside_networks"


class TokenInvalid(Unauthenticated):
    """An access token that is not believed. Codes: invalid_token, token_expired, token_revoked, token_bound."""

    code = "invalid_token"
    message = "What was presented is no access token that this gateway believes."
    next_step = "Get one from `/oauth/token`, or from an issuer that the gateway's operator declared."


class Forbidden(GatewayError):
    """The caller is known and may not use this route."""

    status = 403
    code = "role_required"


class NotFound(GatewayError):
    """No such thing, or none that this caller may know of: the two look alike."""

    status = 404
    code = "not_found"
    message = "There is no such thing here, or none that you may see."


class MethodNotAllowed(GatewayError):
    """The path is there, and does not take this method."""

    status = 405
    code = "method_not_allowed"


class Conflict(GatewayError):
    """The request is true of an older state of the thing."""

    status = 409
    code = "conflict"


class PreconditionFailed(Conflict):
    """The version that is meant is not the one there is."""

    status = 412
    code = "precondition_failed"
    message = "Another version of this is meant than there is."
    next_step = "Read it again, and send the `ETag` of what you read."


class PolicyNotKept(Conflict):
    """What judged at another time cannot be asked here; no other policies answer for it."""

    code = "policy_not_kept"
    message = "The policies that judged then are not kept here."
    next_step = "The ledger names them with every decision: build a gateway of that version to ask them."


class Invalid(GatewayError):
    """Input that cannot be understood."""

    status = 400
    code = "invalid_request"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        next_step: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, next_step=next_step)
        self.param = param


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake in a file: where it stands and what to do about it."""

    line: int
    """Counted from 1."""
    column: int
    """Counted from 1."""
    where: str
    """Path inside the document, such as `stages[1].opens`; empty for the whole."""
    message: str


class InvalidFile(Invalid):
    """A file with mistakes, all of them, in order of lines."""

    code = "invalid_file"

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name = name
        self.faults = tuple(sorted(faults))
        lines = [f"{name}:{fault.line}:{fault.column}: {fault.message}" for fault in self.faults]
        super().__init__("\n".join(lines))


class TooLarge(GatewayError):
    """Input above a stated size."""

    status = 413
    code = "request_too_large"


class HeadTooLarge(TooLarge):
    """Request line and headers above their size."""

    status = 431
    code = "head_too_large"
    next_step = "Send fewer or shorter headers."


class Unavailable(GatewayError):
    """The gateway cannot do its duty, so nothing passes."""

    status = 503
    code = "unavailable"
    retry_after_s: int | None = 1
    """None where another try does not help until somebody has put something right."""
    next_step = "Nothing was sent to the model. Try again shortly."


class DatabaseUnavailable(Unavailable):
    """What must be known could not be read."""

    code = "database_unavailable"
    message = "The gateway cannot look up now what it must know."
    next_step = "Nothing was done. Try again shortly."


class JudgeUnavailable(Unavailable):
    """No judgement could be had, or none that can be trusted."""

    code = "judge_unavailable"
    message = "The gateway cannot judge this request now."


class LedgerUnavailable(Unavailable):
    """The record could not be made durable."""

    code = "ledger_unavailable"
    message = "The gateway cannot record this request now, and serves nothing unrecorded."


class SnapshotStale(Unavailable):
    """What is in force has not been confirmed for too long."""

    code = "snapshot_stale"
    message = "The gateway has lost sight of what is in force."


class ClockUnknown(Unavailable):
    """The time is not known well enough to open anything by it."""

    code = "clock_unknown"
    message = "The gateway does not know the time well enough."


class CutShort(GatewayError):
    """An answer under way that the gateway could not let go on, though nobody's access has ended.

    Its code is that of what stood in the way.
    """

    status = 503
    code = "cut_short"
    message = "The gateway had to end this answer before it was complete."
    next_step = "Your access stands: ask again. What the model had answered may have been charged for."


class Stopping(Unavailable):
    """The gateway was told to stop, and its time for answers under way is over."""

    code = "gateway_stopping"
    message = "The gateway is being stopped."


class UpstreamFailed(GatewayError):
    """The model's server could not be reached, or its answer made no sense."""

    status = 502
    code = "upstream_failed"
    message = "The model's server did not give a usable answer."
    next_step = "The failure is upstream of the gateway. Try again; if it persists, tell the model's provider."


class UpstreamTimeout(UpstreamFailed):
    """The model's server did not answer in time."""

    status = 504
    code = "upstream_timeout"
    message = "The model's server did not answer in time."


class RecordEnded(GatewayError):
    """This process will never write to the ledger again: it ends, since one started anew can."""

    code = "record_ended"
    message = "This gateway can record nothing any more, and has ended: the log says why."
    next_step = "Start it again, or let what supervises it do so."


class SettingsInvalid(GatewayError):
    """The operator's settings cannot be used."""

    code = "settings_invalid"
