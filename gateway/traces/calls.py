"""One call as it is traced: where it came in, what the ledger was told of it, and when.

A caller's own `traceparent` (https://www.w3.org/TR/trace-context/) decides nothing: each call begins a trace of its
own, which has a link to the caller's. So nobody outside chooses what is kept, or writes into another's trace.
"""

import re
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from random import getrandbits
from typing import NamedTuple

from gateway.ledger.entries import AccessBody, Draft, FinishedBody
from gateway.ledger.events import Event
from gateway.ledger.forms import Filled

Headers = Iterable[tuple[bytes, bytes]]

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_NONE = re.compile(rb"0+")


class Link(NamedTuple):
    """The caller's own span, as it says."""

    trace_id: int
    span_id: int


class TracedCall:
    """What is known of one call, filled in as it goes."""

    __slots__ = (
        "admitted",
        "admitted_ns",
        "asked_id",
        "ended",
        "ended_ns",
        "finished",
        "finished_ns",
        "first_ns",
        "link",
        "method",
        "refused",
        "request_id",
        "route",
        "span_id",
        "started_ns",
        "status",
        "trace_id",
    )

    def __init__(self, method: str, route: str, link: Link | None, now_ns: Callable[[], int] = time.time_ns) -> None:
        """`route` is as declared, never a raw path; empty where the path leads to none."""
        self.method = method
        self.route = route
        self.link = link
        self.trace_id = getrandbits(128) or 1
        self.span_id = getrandbits(64) or 1
        """Of the whole call, and of what was asked of the model."""
        self.asked_id = getrandbits(64) or 1
        self.started_ns = now_ns()
        self.ended_ns = self.first_ns = self.admitted_ns = self.finished_ns = 0
        """When the answer was over, its first bytes left, it was admitted, and that ended; 0 for never."""
        self.status = 0
        self.request_id = ""
        self.admitted: AccessBody | None = None
        self.refused: AccessBody | None = None
        self.finished: FinishedBody | None = None

    def recorded(self, draft: Draft | Filled, now_ns: Callable[[], int] = time.time_ns) -> None:
        """The ledger was told this of the call."""
        body = draft.body
        if isinstance(body, FinishedBody):
            self.finished, self.finished_ns = body, now_ns()
        elif isinstance(body, AccessBody) and draft.event is Event.ACCESS_ADMITTED:
            self.admitted, self.admitted_ns = body, now_ns()
        elif isinstance(body, AccessBody):
            self.refused = body

    def answered(self, status: int, headers: Headers) -> None:
        """The answer begins."""
        self.status = status
        for name, value in headers:
            if name == b"x-request-id":
                self.request_id = value.decode("ascii", "replace")

    @property
    def traceparent(self) -> bytes:
        """By what a server of models may know that it is asked in this trace."""
        return b"00-%032x-%016x-01" % (self.trace_id, self.asked_id)


under_way: ContextVar[TracedCall | None] = ContextVar("traced_call", default=None)
"""The call that is being answered here, where it is traced."""


def link_in(headers: Headers) -> Link | None:
    """The caller's own span; None where it names none, or not in the one form there is."""
    values = [value for name, value in headers if name == b"traceparent"]
    matched = _TRACEPARENT.fullmatch(values[0]) if len(values) == 1 else None
    if matched is None or _NONE.fullmatch(matched[1]) or _NONE.fullmatch(matched[2]):
        return None
    return Link(int(matched[1], 16), int(matched[2], 16))
