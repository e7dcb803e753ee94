"""The requests of one connection, as they arrive: parsed, begun or queued behind the answer under way.

uvicorn's protocol with less work a call, and with every request read as RFC 9112 bounds it: see framing.py.
"""

from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.cycles import Cycle
from gateway.drain import Drain
from gateway.errors import HeadTooLarge
from gateway.framing import BEFORE_CHUNKS, TELLING, Header, check, malformed, without_upgrade
from gateway.transports import Flow, Joined

HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers together; and what may stand in a row between pieces of a body, or behind it."""

PIPELINE_MAX = 32
"""Requests that may wait behind the one being answered."""


def head_too_large() -> HeadTooLarge:
    """The refusal of a head above its size."""
    return HeadTooLarge(f"A request's head may have at most {HEAD_BYTES_MAX} bytes.")


class ReadingProtocol(HttpToolsProtocol):
    """What arrives on a connection. Raises a GatewayError into the parser where it can be no request."""

    transport: Joined  # type: ignore[assignment]
    flow: Flow
    url = b""

    arriving_since: float | None = None
    """When the request that is arriving began, or the gateway was ready for the rest of it; None while none is."""

    idle_since: float | None = None
    """When the last answer was complete; None while a request is under way."""

    is_deaf = False
    """Whether what comes is let pass unread: nothing behind it could be trusted or would be answered."""

    _drain: Drain
    _in_head = True
    _outside = 0
    """Bytes in a row that are no body."""

    _ahead = 0
    """Bytes read while requests wait."""

    _head_again: bytes | None = None
    _answering: Cycle | None = None
    """The one request that is being answered; the server's own `cycle` is the last that arrived."""

    def parse(self, data: bytes) -> None:
        """Parse. A head that asks for another protocol ends its message for the parser, body or none, and what
        follows it for good: so it is read again by a new one, without that wish.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                head, self._head_again = self._head_again, None
                if head is None:  # CONNECT: what follows it would be a tunnel's
                    self.is_deaf = True
                    return
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                data = head + data[stopped.args[0] :]
            else:
                return

    def on_message_begin(self) -> None:
        self.arriving_since, self.idle_since = self.loop.time(), None
        self._in_head = True
        self.url = b""
        self.headers = []
        self._telling: list[Header] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one behind the body is none (RFC 9110, section 6.5.1): it would add to what was judged."""
        if self._in_head:
            name = name.lower()
            if name in TELLING:
                self._telling.append((name, value))
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to answer, or queue behind the answer under way. Nothing is ever upgraded, so nothing asks for that."""
        if self._outside > HEAD_BYTES_MAX and self._head_bytes() > HEAD_BYTES_MAX:
            raise head_too_large()  # it came in one read
        self._in_head, self._outside = False, 0
        version = self.parser.get_http_version()
        method, tunnels = self.parser.get_method(), self.parser.should_upgrade()
        if tunnels and method != b"CONNECT":
            self._head_again = without_upgrade(method, self.url, version, self.headers)
            return
        self.expect_100_continue = check(version, self._telling)
        if len(self.pipeline) >= PIPELINE_MAX:
            raise malformed(f"At most {PIPELINE_MAX} requests may wait on one connection.")
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": method.decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        keep_alive = (
            not self._drain.begun and not tunnels and version not in BEFORE_CHUNKS and self.parser.should_keep_alive()
        )
        before, self.cycle = self.cycle, Cycle(self, self.transport, keep_alive=keep_alive)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.pipeline.appendleft((self.cycle, self.app))

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self._outside = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._head_again is not None:
            return
        self.arriving_since = None
        self._in_head, self._outside = True, 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request. An idle connection is closed by the sweep: a timer each would cost more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.is_deaf = True
            if self.transport.has_left:
                self.flow.let_go_reading()
            return
        if self.arriving_since is not None:
            self.arriving_since = self.loop.time()  # until now it only waited
        elif not self.pipeline:
            self.idle_since = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if not self.pipeline:
            self._ahead = 0
            self.flow.let_go_reading()
