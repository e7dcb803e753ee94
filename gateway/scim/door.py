"""The door for whoever keeps the list of people, as an ASGI application: SCIM 2.0 at `/scim/v2`.

RFC 7644. Whoever asks holds a key or token of the provider's with the scope `scim`; a path is matched on its raw bytes,
whole, after that. Bulk requests, sorting, passwords and `/Me` are not offered, and the configuration says so.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.access.calls import new_request_id
from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.errors import Forbidden, GatewayError, MethodNotAllowed, NotFound, Unavailable
from gateway.identity.provisioning.roster import Roster
from gateway.metrics import Metrics
from gateway.scim import discovery
from gateway.scim.answers import Answer, answer, failure
from gateway.scim.asked import Asked
from gateway.scim.endpoints import Endpoint, Groups, Users
from gateway.scim.lists import Query, listed, query_in, query_of
from gateway.scim.requests import (
    CONFIGURATION,
    GROUPS,
    PREFIX,
    SCHEMAS,
    SEARCH,
    TYPES,
    USERS,
    Target,
    body_in,
    target_of,
)

log = structlog.get_logger()


class ScimDoor:
    """Answers one request at a time; every error becomes an answer in SCIM's shape."""

    def __init__(self, entrance: Entrance, roster: Roster, current: Current, metrics: Metrics, url: str) -> None:
        """`url` is the name under which the gateway is reached: addresses begin with it."""
        self._entrance = entrance
        self._roster = roster
        self._current = current
        self._metrics = metrics
        self._base = f"{url.rstrip('/')}{PREFIX.decode()}"
        self._endpoints: Mapping[str, Endpoint] = {
            USERS: Users(roster, self._base),
            GROUPS: Groups(roster, self._base),
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; none gets past this line."""
        request_id = new_request_id()
        try:
            status, headers, body = await self._answer(scope, receive, request_id)
        except GatewayError as error:
            status, headers, body = self._failed(error, request_id)
        except Exception as error:
            log.exception("door_failed", door="scim", request_id=request_id, error=type(error).__name__)
            status, headers, body = self._failed(Unavailable(), request_id)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Any, receive: Any, request_id: str) -> Answer:
        headers = scope["headers"]
        caller = await self._entrance.caller(headers, scope["client"])
        issuer = self._roster.provider_of(caller)
        target, method = target_of(scope["raw_path"]), scope["method"]
        if method not in target.methods:
            return self._other_method(target, request_id)
        query = query_in(scope["query_string"])
        if target.noun not in {USERS, GROUPS, SEARCH}:
            return self._described(target, query, request_id)
        endpoints = [each for noun, each in self._endpoints.items() if target.noun in {noun, SEARCH}]
        _, moment = self._current.now()
        asked = Asked(endpoints, caller, issuer, target.id, query, headers, moment)
        if method == "GET":
            return await asked.read(request_id)
        body = None if method == "DELETE" else await body_in(headers, receive)
        if body is not None and SEARCH in {target.noun, target.id}:
            return await asked.search(query_of(body), request_id)
        return await asked.write(method, body, request_id)

    def _described(self, target: Target, query: Query, request_id: str) -> Answer:
        if query.condition is not None:  # RFC 7644, section 4
            raise Forbidden("What this door says of itself is not filtered.", code="not_filtered")
        if target.noun == CONFIGURATION:
            return answer(200, discovery.configuration(self._base), request_id)
        documents = {TYPES: discovery.resource_types, SCHEMAS: discovery.schemas}[target.noun](self._base)
        if not target.id:
            return answer(200, listed(documents, len(documents), 1), request_id)
        for document in documents:
            if document["id"].lower() == target.id.lower():
                return answer(200, document, request_id)
        raise NotFound("This door does not know that.")

    def _failed(self, error: GatewayError, request_id: str) -> Answer:
        self._metrics.call_refused("scim", error.code)
        return failure(error, request_id)

    def _other_method(self, target: Target, request_id: str) -> Answer:
        error = MethodNotAllowed(f"This path takes {', '.join(target.methods)} only.")
        status, headers, body = self._failed(error, request_id)
        return status, [*headers, (b"allow", ", ".join(target.methods).encode())], body
