"""`/hub/{namespace}/{name}/resolve/{revision}/{path}`: one file of a release's weights, gated and recorded.

The road of a download: who is asking, which declared file, may it pass, and only then its bytes. A
GET and a HEAD each make an entry; the end of a GET says how many bytes left.
"""

import asyncio
import re
from functools import partial
from typing import Any
from urllib.parse import unquote

import structlog

from gateway.access.calls import Call, new_request_id
from gateway.access.entrance import Entrance
from gateway.access.gate import Gate
from gateway.access.passages import Passage
from gateway.access.snapshot import InForce
from gateway.errors import GatewayError, NotFound
from gateway.hub.answers import Headers, failure
from gateway.hub.ranges import byte_range
from gateway.hub.weights import WeightFile, Weights, opened
from gateway.metrics import Metrics
from gateway.releases.components import Component

log = structlog.get_logger()

STALL_S = 60.0
"""A client that takes nothing for so long has gone."""

ENDPOINT = "/hub/{namespace}/{name}/resolve/{revision}/{path}"
_ROUTE = re.compile(r"/hub/([A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96})/resolve/([^/]{1,200})/([^?#]{1,1000})")


class ResolveDoor:
    """The door for weights, as an ASGI application that sees the raw path."""

    def __init__(self, entrance: Entrance, gate: Gate, weights: Weights, metrics: Metrics) -> None:
        self._entrance = entrance
        self._gate = gate
        self._weights = weights
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request. Every error becomes an answer that Hub clients can read; none gets past this line."""
        request_id = new_request_id()
        try:
            await self._answer(scope, receive, send, request_id)
        except GatewayError as error:
            await self._fail(error, scope, send, request_id)
        except Exception as error:
            log.exception("door_failed", door="hub", request_id=request_id, error=type(error).__name__)
            unforeseen = GatewayError(next_step="Try again; tell the provider the request id.")
            await self._fail(unforeseen, scope, send, request_id)

    async def _fail(self, error: GatewayError, scope: Any, send: Any, request_id: str) -> None:
        self._metrics.call_refused("weights", error.code)
        status, headers, body = failure(error, request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Any, receive: Any, send: Any, request_id: str) -> None:
        caller = await self._entrance.caller(scope["headers"], scope["client"])
        if scope["method"] not in {"GET", "HEAD"}:
            raise NotFound("This door only gives files.")
        route = _ROUTE.fullmatch(scope["raw_path"].decode("ascii", "replace"))
        if route is None:
            raise NotFound("This door does not know that path.", next_step=f"Ask for {ENDPOINT}.")
        release, revision, path = route[1], unquote(route[2]), unquote(route[3])
        call = Call(request_id=request_id, endpoint=ENDPOINT, generates=False)
        async with self._gate.admit(caller, Component.WEIGHTS, release, call) as passage:
            file = await self._found(passage, revision, path)
            passage.file, passage.file_sha256 = path, file.sha256
            await self._give(scope, receive, send, passage, file)

    async def _found(self, passage: Passage, revision: str, path: str) -> WeightFile:
        """The file that is asked for. Where there is none, the record of the call's end says so."""
        in_force = passage.standing.in_force
        try:
            if revision not in {"main", commit_of(in_force)}:
                raise NotFound("This release has no such revision.", code="revision_not_found")
            if in_force.strategy.weights is None:
                raise NotFound("This release has no such file.", code="entry_not_found")
            return await self._weights.find(in_force.strategy.weights, path)
        except GatewayError as error:
            passage.outcome, passage.failure, passage.status = "failed", error.code, error.status
            raise

    async def _give(self, scope: Any, receive: Any, send: Any, passage: Passage, file: WeightFile) -> None:
        wanted = byte_range(dict(scope["headers"]).get(b"range"), file.bytes_total)
        first, last = wanted or (0, file.bytes_total - 1)
        passage.status = 200 if wanted is None else 206
        passage.range = f"{first}-{last}/{file.bytes_total}"
        start = {
            "type": "http.response.start",
            "status": passage.status,
            "headers": _headers(passage, file, first, last, whole=wanted is None),
        }
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            passage.outcome = "complete"
            return
        with opened(file) as descriptor:
            await send(start)
            giving = asyncio.current_task()
            assert giving is not None
            passage.on_cut(partial(_cancel, giving))
            gone = asyncio.ensure_future(_gone(receive))
            try:
                await self._stream(send, passage, gone, descriptor, (first, last))
            except asyncio.CancelledError:
                if not passage.cut_reason or giving.uncancel() > 0:
                    raise
            except TimeoutError:
                passage.outcome = "client_gone"
            finally:
                gone.cancel()
                self._metrics.weights_sent(passage.bytes_out)
            if passage.outcome != "complete":
                # Nothing of what is on its way may arrive, and nobody may take it for the whole.
                scope.get("extensions", {}).get("abort", _nothing)()

    async def _stream(
        self, send: Any, passage: Passage, gone: "asyncio.Future[None]", descriptor: int, span: tuple[int, int]
    ) -> None:
        offset, last = span
        while offset <= last:
            chunk = await self._weights.piece(descriptor, offset, last + 1)
            if passage.cut_reason or gone.done() or not chunk:
                passage.outcome = "client_gone" if gone.done() else "failed"
                return
            async with asyncio.timeout(STALL_S):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            offset += len(chunk)
            passage.bytes_out += len(chunk)
        await send({"type": "http.response.body", "body": b""})
        passage.outcome = "complete"


def commit_of(in_force: InForce) -> str:
    """The revision that names exactly these files: forty hex digits, as the Hub's clients expect."""
    return in_force.digest.removeprefix("sha256:")[:40]


def _headers(passage: Passage, file: WeightFile, first: int, last: int, *, whole: bool) -> Headers:
    headers: Headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", str(last - first + 1).encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", f'"{file.sha256}"'.encode()),
        (b"x-linked-etag", f'"{file.sha256}"'.encode()),
        (b"x-linked-size", str(file.bytes_total).encode()),
        (b"x-repo-commit", commit_of(passage.standing.in_force).encode()),
        (b"x-request-id", passage.request_id.encode()),
    ]
    if not whole:
        headers.append((b"content-range", f"bytes {passage.range}".encode()))
    return headers


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cancel(giving: "asyncio.Task[Any]") -> None:
    giving.cancel()


def _nothing() -> None:
    """Where the server cannot abort, leaving the answer incomplete has to do."""
