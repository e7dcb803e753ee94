"""The connections to one upstream: a bounded number, the warmest used first, waiting calls served in order.

A request is written once. A connection found closed before that is replaced by another; one that fails
afterwards fails the call, because the upstream may have computed, and charged for, what it was asked.
"""

import asyncio
import contextlib
import ssl
from collections import deque

from gateway.inference.connector.faults import Busy, Unreached
from gateway.inference.connector.protocol import Connection
from gateway.inference.connector.upstreams import Upstream
from gateway.turns import Turn


class Pool:
    """Lends connections out; each is given back by `give_back`."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._tls = _tls(upstream)
        self._written_together = Turn()
        self._idle: list[Connection] = []
        self._connections: set[Connection] = set()
        self._open = 0
        """Connections that stand or are being made, and places promised to a waiting call."""
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closed = False

    def idle(self) -> Connection | None:
        """The connection used last, if it is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.abort()
        return None

    async def take(self) -> Connection:
        """A connection ready to be asked. Raises Unreached."""
        while not self._closed:
            connection = self.idle()
            if connection is not None:
                return connection
            if self._open < self.upstream.limits.connections_max:
                self._open += 1
                return await self._connect()
            connection = await self._turn()
            if connection is None:
                return await self._connect()
            if not connection.lost:
                return connection
        raise Unreached

    def give_back(self, connection: Connection) -> None:
        """Take a connection back after its exchange, to keep or to close."""
        if not connection.finish():
            return
        if self._closed:
            connection.abort()
        elif not self._hand_on(connection):
            self._idle.append(connection)

    def close(self) -> None:
        """Close every connection, also those in use."""
        self._closed = True
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Unreached())
        for connection in list(self._connections):
            connection.abort()

    @property
    def open_connections(self) -> int:
        """Connections that stand or are being made."""
        return self._open

    async def _connect(self) -> Connection:
        """Open a connection on a place already counted."""
        upstream = self.upstream
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(upstream.limits.connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, upstream.limits, self._written_together, self._lost),
                    upstream.host,
                    upstream.port,
                    ssl=self._tls,
                    server_hostname=upstream.host if self._tls is not None else None,
                )
        except (OSError, ssl.SSLError, UnicodeError, TimeoutError) as error:
            self._free_place()
            raise Unreached from error
        except BaseException:
            self._free_place()
            raise
        if connection.lost:
            self._free_place()
            raise Unreached
        self._connections.add(connection)
        return connection

    async def _turn(self) -> Connection | None:
        """Wait for a connection, or for a place to open one (None)."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self.upstream.limits.wait_s):
                return await turn
        except BaseException as error:
            with contextlib.suppress(ValueError):
                self._waiting.remove(turn)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._return(turn.result())
            if isinstance(error, TimeoutError):
                raise Busy from error
            raise

    def _return(self, unused: Connection | None) -> None:
        """Give on what a call was handed and did not live to use."""
        if unused is None:
            self._free_place()
        elif not unused.lost and not self._hand_on(unused):
            self._idle.append(unused)

    def _hand_on(self, connection: Connection | None) -> bool:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def _free_place(self) -> None:
        if not self._hand_on(None):
            self._open -= 1

    def _lost(self, connection: Connection) -> None:
        """A connection has closed, for whatever cause."""
        if connection in self._connections:
            self._connections.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._free_place()


def _tls(upstream: Upstream) -> ssl.SSLContext | None:
    if not upstream.secure:
        return None
    context = ssl.create_default_context(cafile=upstream.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
