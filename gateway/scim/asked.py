"""One request of somebody who may: what it reads, and what it changes, with the versions that it names.

RFC 7644, sections 3.3 to 3.6 and 3.14.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.clock import Moment
from gateway.errors import Invalid
from gateway.identity.callers import Caller
from gateway.scim.answers import Answer, answer
from gateway.scim.endpoints import Change, Endpoint, Patch
from gateway.scim.lists import Query, Shown, listed
from gateway.scim.patch import read_patch
from gateway.scim.representations import Resource, version_of
from gateway.scim.requests import Headers, check_version, has_version, names_version
from gateway.scim.resources import read_resource


class Asked(msgspec.Struct, frozen=True):
    """Who asks what of which list."""

    endpoints: Sequence[Endpoint]
    """One, but where all lists are searched at once."""
    caller: Caller
    issuer: str
    id: str
    """Empty where the whole list is meant."""
    query: Query
    headers: Headers
    now: Moment

    async def read(self, request_id: str) -> Answer:
        """A page of the list, or one of it, unless whoever asks has it already."""
        if not self.id:
            return await self.search(self.query, request_id)
        if self.query.condition is not None:
            raise Invalid("A single resource is not filtered.", code="invalidFilter")
        resource = await self.endpoint.show(self.issuer, self.id)
        version = version_of(resource)
        if has_version(self.headers, version):
            return answer(304, None, request_id, (b"etag", version.encode()))
        return self._told(200, resource, request_id)

    async def search(self, query: Query, request_id: str) -> Answer:
        """A page of one list after the other. What only one of them has is asked of that one alone."""
        total, shown, refused = 0, list[Resource](), list[Invalid]()
        for endpoint in self.endpoints:
            start, count = max(query.start - total, 1), query.count - len(shown)
            part = msgspec.structs.replace(query, start=start, count=count)
            try:
                found, resources = await endpoint.index(self.issuer, part)
            except Invalid as error:
                if error.code != "invalidFilter":
                    raise
                refused.append(error)
                continue
            total += found
            shown += [query.shown.of(resource, endpoint.kind) for resource in resources]
        if len(refused) == len(self.endpoints):
            raise refused[0]
        return answer(200, listed(shown, total, query.start), request_id)

    async def write(self, method: str, body: dict[str, Any] | None, request_id: str) -> Answer:
        """What came of it; without a body, it is taken off the list."""
        if body is None:
            await self.endpoint.remove(self.caller, self.issuer, self.id, self._check, self.now)
            return answer(204, None, request_id)
        kind = self.endpoint.kind
        if method == "POST":
            said = read_resource(body, kind)
            return self._told(201, await self.endpoint.create(self.caller, self.issuer, said, self.now), request_id)
        if method == "PUT":
            said = read_resource(body, kind)
            replaced = await self._change(lambda resource: _replaced(resource, said))
            return self._told(200, replaced, request_id)
        patch = Patch(read_patch(body, kind), self._check if self._must_be_read else None)
        changed = await self.endpoint.patch(self.caller, self.issuer, self.id, patch, self.now)
        return answer(204, None, request_id) if changed is None else self._told(200, changed, request_id)

    @property
    def endpoint(self) -> Endpoint:
        """The list that is meant."""
        return self.endpoints[0]

    @property
    def _must_be_read(self) -> bool:
        """Whether the resource is to be compared with a version, or told in part (RFC 7644, section 3.5.2)."""
        return names_version(self.headers) or self.query.shown != Shown()

    async def _change(self, change: Change) -> Resource:
        def changed(resource: Resource) -> Resource:
            self._check(resource)
            return change(resource)

        return await self.endpoint.change(self.caller, self.issuer, self.id, changed, self.now)

    def _check(self, resource: Resource) -> None:
        check_version(self.headers, version_of(resource))

    def _told(self, status: int, resource: Resource, request_id: str) -> Answer:
        more = [(b"etag", version_of(resource).encode())]
        if status == 201:
            more.append((b"location", str(resource["meta"]["location"]).encode()))
        return answer(status, self.query.shown.of(resource, self.endpoint.kind), request_id, *more)


def _replaced(resource: Resource, said: Resource) -> Resource:
    """What is said, whole. Silence lets nobody in: whether they are active then stays as it is."""
    return {"active": resource["active"], **said} if "active" in resource else said
