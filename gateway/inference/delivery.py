"""A plain answer on its way to the client: at once where it is short and the client keeps up, else piece by piece.

What a client does not take is not given up to a buffer for it: the next piece waits until there is room, and a client
that takes nothing for a while, or whose access ends meanwhile, loses its connection before it has the whole.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.types import Receive, Send

from gateway.inference.dialect import Headers
from gateway.inference.hangups import Hangup
from gateway.inference.outlet import Outlet

AT_ONCE_BYTES_MAX = 64 * 1024
"""The longest answer that is handed to the connection whole."""
PIECE_BYTES = 64 * 1024
STALL_S = 60.0
"""How long a client may take nothing of what it is sent."""


class Whole(msgspec.Struct, frozen=True):
    """An answer that is complete."""

    status: int
    headers: Headers
    body: bytes


class Delivery:
    """The road of one answer to one client."""

    def __init__(self, whole: Whole, asgi: tuple[Any, Receive, Send]) -> None:
        scope, self._receive, self._send = asgi
        extensions = scope.get("extensions", {})
        self._at_once: Callable[..., bool] | None = extensions.get("answer")
        self._hang_up = Hangup(extensions)
        self._whole = whole
        self._outlet: Outlet | None = None
        self._is_cut = False
        self.bytes_out = 0
        """Bytes of body that the connection has taken."""

    def at_once(self) -> bool:
        """Hand over the whole without waiting for anybody; False, with nothing sent, where that cannot be."""
        whole = self._whole
        if len(whole.body) > AT_ONCE_BYTES_MAX or self._at_once is None:
            return False
        if not self._at_once(whole.status, whole.headers, whole.body):
            return False
        self.bytes_out = len(whole.body)
        return True

    def cut(self) -> None:
        """Let nothing leave any more. May be called at any time while pieces are sent."""
        self._is_cut = True
        self._hang_up()
        if self._outlet is not None:
            self._outlet.hurry()

    async def by_pieces(self, observe: Callable[[bytes], object] | None) -> bool:
        """Send piece by piece, as the client takes them, each shown to `observe`. Whether it has taken the whole."""
        self._outlet = outlet = Outlet(self._send, _nothing, observe, STALL_S, hang_up=self._hang_up)
        try:
            outlet.watch(self._receive)
            await asyncio.sleep(
                0
            )  # so that a client that left while it waited is known to have, before anything is sent
            if not (outlet.is_gone or self._is_cut):
                await outlet.begin(self._whole.headers, self._whole.status)
            took_all = await self._send_pieces(outlet)
        finally:
            outlet.close()
            self.bytes_out = outlet.bytes_out
        if not took_all:
            self._hang_up()  # nobody may take what there is for the whole
            await asyncio.sleep(0)  # the server hears of it in the next turn, and then misses no end of the answer
        return took_all

    async def _send_pieces(self, outlet: Outlet) -> bool:
        body = self._whole.body
        for at in range(0, max(1, len(body)), PIECE_BYTES):
            if at:
                await asyncio.sleep(0)  # the connection writes at the turn's end, and knows only then how full it is
            if outlet.is_gone or self._is_cut:
                return False
            await outlet.deliver(body[at : at + PIECE_BYTES], ends=at + PIECE_BYTES >= len(body))
        return not (outlet.is_gone or self._is_cut)


async def answer_json(send: Send, value: object, request_id: str) -> None:
    """A 200 with JSON."""
    body = msgspec.json.encode(value)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _nothing() -> None:
    """The next piece finds out by itself that the client has gone."""
