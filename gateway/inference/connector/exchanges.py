"""Asking an upstream: `async with connector.exchange(name, outbound) as answer`.

What goes out is written here, all of it. Of a caller's headers only a well-formed `traceparent` travels on, and only
to a server that was declared to be given it.
"""

import re
from collections.abc import Mapping
from math import inf
from types import TracebackType

import msgspec

from gateway.errors import SettingsInvalid
from gateway.inference.connector.answers import Answer
from gateway.inference.connector.faults import Unreached
from gateway.inference.connector.pool import Pool
from gateway.inference.connector.protocol import Connection
from gateway.inference.connector.upstreams import Upstream

_PATH = re.compile(r"(?:/[a-z0-9_-]+)+")
_MEDIA_TYPE = re.compile(r"[!-~]+(?: [!-~]+)*")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Outbound(msgspec.Struct, frozen=True, gc=False):
    """One request as it leaves for an upstream."""

    path: str
    """Below the upstream's base URL, such as `/chat/completions`: an endpoint's constant, never a caller's words."""
    body: bytes
    request_id: str
    stream: bool = False
    traceparent: str = ""
    """Of the trace it belongs to; left out where it is not of the W3C form, or the server is given none."""
    total_s: float = inf
    """Narrower than the upstream's own limit, where the call has a deadline."""
    content_type: str = "application/json"


class Connector:
    """Every connection to upstreams, and the only way to them. What is not declared cannot be reached."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._lines: dict[str, _Line] = {}
        for name, upstream in upstreams.items():
            try:
                self._lines[name] = _Line(upstream)
            except (OSError, ValueError) as error:
                raise SettingsInvalid(f"The certificates for upstream `{name}` cannot be used.") from error

    def exchange(self, name: str, outbound: Outbound) -> "Exchange":
        """Ask the upstream of that name. Entering waits for the answer's head; leaving ends the exchange.

        Raises Unreached where the request was never written, UpstreamFailed or UpstreamTimeout where it was.
        """
        line = self._lines.get(name)
        if line is None:
            raise Unreached(f"No upstream `{name}` is declared here.")
        return Exchange(line, outbound)

    def upstream(self, name: str) -> Upstream | None:
        """The upstream of that name as declared."""
        line = self._lines.get(name)
        return line.pool.upstream if line is not None else None

    async def close(self) -> None:
        """Close every connection."""
        for line in self._lines.values():
            line.pool.close()


class _Line:
    """One upstream's pool, with the part of each request that never changes written once."""

    __slots__ = ("_starts", "pool")

    def __init__(self, upstream: Upstream) -> None:
        self.pool = Pool(upstream)
        self._starts: dict[str, str] = {}

    def head(self, outbound: Outbound) -> bytes:
        """The request's head, up to and with its empty line."""
        start = self._starts.get(outbound.path) or self._start(outbound.path)
        if not _REQUEST_ID.fullmatch(outbound.request_id) or not _MEDIA_TYPE.fullmatch(outbound.content_type):
            raise ValueError("a header's value would break the head")
        trace = ""
        if outbound.traceparent and self.pool.upstream.traceparent and _TRACEPARENT.fullmatch(outbound.traceparent):
            trace = f"traceparent: {outbound.traceparent}\r\n"
        accept = "text/event-stream" if outbound.stream else "application/json"
        return (
            f"{start}accept: {accept}\r\ncontent-type: {outbound.content_type}\r\n"
            f"x-request-id: {outbound.request_id}\r\n{trace}content-length: {len(outbound.body)}\r\n\r\n"
        ).encode("ascii")

    def _start(self, path: str) -> str:
        if not _PATH.fullmatch(path):
            raise ValueError("not an endpoint's path")
        upstream = self.pool.upstream
        start = f"POST {upstream.prefix}{path} HTTP/1.1\r\nhost: {upstream.authority}\r\n"
        start += "user-agent: release-gateway\r\naccept-encoding: identity\r\n"
        if upstream.credential is not None:
            start += f"authorization: Bearer {upstream.credential.reveal()}\r\n"
        self._starts[path] = start
        return start


class Exchange:
    """One request and its answer; to be entered once."""

    __slots__ = ("_connection", "_line", "_outbound")

    def __init__(self, line: _Line, outbound: Outbound) -> None:
        self._line = line
        self._outbound = outbound
        self._connection: Connection | None = None

    async def __aenter__(self) -> Answer:
        outbound = self._outbound
        head = self._line.head(outbound)
        pool = self._line.pool
        connection = pool.idle() or await pool.take()
        self._connection = connection
        try:
            answer = connection.ask(head, outbound.body, outbound.total_s)
            await answer.head()
        except BaseException:
            pool.give_back(connection)
            raise
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._line.pool.give_back(self._connection)
