"""Where calls are seen for traces: around a door, and where the ledger is handed what it is to record.

Neither the doors nor the gate know of it. Where traces are off none of this is in the way of a call.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway.ledger.intents import Intent, Receipt, Recorded
from gateway.ledger.writer import Writer
from gateway.traces.calls import TracedCall, link_in, under_way

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "_OTHER"
"""What the conventions call a method that a caller made up."""


class TracedDoor:
    """A door, each of whose calls is told of when it is over."""

    def __init__(self, door: Any, route_of: Callable[[bytes], str], tell: Callable[[TracedCall], None]) -> None:
        self._door = door
        self._route_of = route_of
        self._tell = tell

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one call by the door, and tell of it."""
        headers = scope["headers"]
        method = scope["method"]
        route = self._route_of(scope["raw_path"])
        call = TracedCall(method if method in _METHODS else _OTHER, route, link_in(headers))
        # In the place of the caller's own: what goes on to a server of models, where that is declared.
        others = [header for header in headers if header[0] not in {b"traceparent", b"tracestate"}]
        seen = {
            **scope,
            "headers": [*others, (b"traceparent", call.traceparent)],
            "extensions": _seen(call, scope.get("extensions", {})),
        }

        async def send_seen(message: Any) -> None:
            if message["type"] == "http.response.start":
                call.answered(message["status"], message.get("headers", ()))
            elif not call.first_ns:
                call.first_ns = time.time_ns()
            await send(message)

        before = under_way.set(call)
        try:
            await self._door(seen, receive, send_seen)
        finally:
            under_way.reset(before)
            call.ended_ns = time.time_ns()
            self._tell(call)


class TracedWriter(Writer):
    """The ledger's writer, which lets the traced call know what was recorded of it."""

    async def wait(self, recorded: Recorded) -> Receipt:
        """As the writer does; what the entry came to be is what is told: a call may be refused as it is written."""
        receipt = await super().wait(recorded)
        call = under_way.get()
        if call is not None:
            call.recorded(receipt.draft)
        return receipt

    def submit(self, intent: Intent, **how: Any) -> Recorded:
        """As the writer does. Nobody waits for the end of a call: it is told as it is handed over."""
        call = under_way.get()
        if call is not None and call.admitted is not None:
            call.recorded(intent.draft)
        return super().submit(intent, **how)


def _seen(call: TracedCall, extensions: Mapping[str, Any]) -> dict[str, Any]:
    """The server's short ways, of which the answers that go by them are seen too."""
    short_ways = dict(extensions)
    answer, pass_on = short_ways.get("answer"), short_ways.get("pass_on")
    if answer is not None:

        def answer_seen(status: int, headers: Any, body: bytes) -> bool:
            taken: bool = answer(status, headers, body)
            if taken:
                call.answered(status, headers)
                call.first_ns = time.time_ns()
            return taken

        short_ways["answer"] = answer_seen
    if pass_on is not None:

        def pass_on_seen(piece: bytes) -> bool:
            taken: bool = pass_on(piece)
            if taken and not call.first_ns:
                call.first_ns = time.time_ns()
            return taken

        short_ways["pass_on"] = pass_on_seen
    return short_ways
