"""The door for models, as an ASGI application: `/v1` in the OpenAI dialect.

A path is matched on its raw bytes, whole, and nothing else decides what is asked: what is matched is
what is served. What the door does not know is refused in its own shape, never passed on.
"""

from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from litestar.types import Receive, Scope, Send

from gateway.access.calls import Call, new_request_id
from gateway.access.entrance import Entrance
from gateway.access.refusals import Refusals
from gateway.access.usable import Usable
from gateway.errors import GatewayError, NotFound
from gateway.identity.callers import Caller
from gateway.inference.calls import CHAT, COMPLETIONS, EMBEDDINGS, Endpoint
from gateway.inference.delivery import answer_json
from gateway.inference.dialect import failure
from gateway.inference.models import listing, model_object
from gateway.inference.receiving import ClientGone
from gateway.inference.relay import Relay
from gateway.metrics import Metrics

log = structlog.get_logger()

ENDPOINTS: dict[bytes, Endpoint] = {endpoint.route.encode(): endpoint for endpoint in (CHAT, COMPLETIONS, EMBEDDINGS)}
MODELS = b"/v1/models"
MODEL = "/v1/models/{model}"
NAME_BYTES_MAX = 3 * 193
"""The longest name, with every character escaped."""


def route_of(path: bytes) -> str:
    """The route that a path leads to, as declared; empty where there is none."""
    endpoint = ENDPOINTS.get(path)
    if endpoint is not None:
        return endpoint.route
    return MODELS.decode() if path == MODELS else MODEL if path.startswith(MODELS + b"/") else ""


class ModelsDoor:
    """Finds out who asks for what, and hands each to its road."""

    def __init__(self, entrance: Entrance, usable: Usable, refusals: Refusals, relay: Relay, metrics: Metrics) -> None:
        self._entrance = entrance
        self._usable = usable
        self._refusals = refusals
        self._relay = relay
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error becomes an answer in the dialect; none gets past this line."""
        request_id = new_request_id()
        try:
            await self._answer(scope, receive, send, request_id)
        except ClientGone:
            return
        except GatewayError as error:
            await self._fail(error, send, request_id)
        except Exception as error:
            log.exception("door_failed", door="v1", request_id=request_id, error=type(error).__name__)
            await self._fail(GatewayError(next_step="Try again; tell the provider the request id."), send, request_id)

    async def _answer(self, scope: Any, receive: Receive, send: Send, request_id: str) -> None:
        caller = await self._entrance.caller(scope["headers"], scope["client"])
        path, method = scope["raw_path"], scope["method"]
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None and method == "POST":
            await self._relay.run(caller, endpoint, request_id, (scope, receive, send))
        elif path == MODELS and method == "GET":
            await answer_json(send, listing(await self._usable.models(caller)), request_id)
        elif path.startswith(MODELS + b"/") and method == "GET":
            await self._model(caller, path[len(MODELS) + 1 :], send, request_id)
        else:
            raise NotFound(
                "This door does not know that method and path.",
                code="unknown_url",
                next_step="It serves POST /v1/chat/completions, /v1/completions, /v1/embeddings and GET /v1/models.",
            )

    async def _model(self, caller: Caller, name: bytes, send: Send, request_id: str) -> None:
        """One model as the listing says of it; one that cannot be called is refused as its endpoints refuse it."""
        release = unquote_to_bytes(name).decode("utf-8", "replace") if len(name) <= NAME_BYTES_MAX else ""
        standing = await self._usable.named(caller, release)
        if standing is None:
            raise self._refusals.no_model(request_id)
        if not standing.decision.allow:
            raise self._refusals.judged(Call(request_id=request_id, endpoint=MODEL), standing)
        await answer_json(send, model_object(standing), request_id)

    async def _fail(self, error: GatewayError, send: Send, request_id: str) -> None:
        self._metrics.call_refused("inference", error.code)
        status, headers, body = failure(error, request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
