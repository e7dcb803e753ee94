"""The two lists of this door behind one form: resources in and out, whatever they are of.

RFC 7644, sections 3.3 to 3.6. A resource is changed inside the transaction that writes it, as it stands there.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.clock import Moment
from gateway.errors import Invalid
from gateway.identity.callers import Caller
from gateway.identity.people.persons import Person
from gateway.identity.provisioning.acting import WantedPerson
from gateway.identity.provisioning.grouping import WantedGroup
from gateway.identity.provisioning.groups import Group, Membership
from gateway.identity.provisioning.roster import Roster, Wanted
from gateway.scim import representations
from gateway.scim.attributes import GROUPS, USERS, Kind
from gateway.scim.lists import Query
from gateway.scim.moves import moves_in
from gateway.scim.patch import Operation, patched
from gateway.scim.representations import Resource

Change = Callable[[Resource], Resource]
"""What is to become of a resource, given what it is; may refuse by raising."""
Check = Callable[[Resource], None]


class Patch(NamedTuple):
    """A change step by step."""

    steps: Sequence[Operation]
    check: Check | None
    """What the resource is held against before; None where it is not, and need not be told afterwards either."""


class Endpoint(Protocol):
    """One list, of one provider's."""

    kind: Kind

    async def index(self, issuer: str, query: Query) -> tuple[int, list[Resource]]:
        """How many there are, and those asked for."""

    async def show(self, issuer: str, id_: str) -> Resource:
        """One of them."""

    async def create(self, caller: Caller, issuer: str, said: Resource, now: Moment) -> Resource:
        """A new one."""

    async def change(self, caller: Caller, issuer: str, id_: str, change: Change, now: Moment) -> Resource:
        """One of them, changed."""

    async def patch(self, caller: Caller, issuer: str, id_: str, patch: Patch, now: Moment) -> Resource | None:
        """One of them, changed step by step; None where it was not read for that."""

    async def remove(self, caller: Caller, issuer: str, id_: str, check: Check, now: Moment) -> None:
        """One of them less."""


class Users:
    """People."""

    kind = USERS

    def __init__(self, roster: Roster, base: str) -> None:
        self._roster = roster
        self._base = base

    async def index(self, issuer: str, query: Query) -> tuple[int, list[Resource]]:
        """How many there are, and those asked for."""
        total, found = await self._roster.people(issuer, _wanted(query))
        return total, [self._shown(person, groups) for person, groups in found]

    async def show(self, issuer: str, id_: str) -> Resource:
        """One of them."""
        return self._shown(*await self._roster.person(issuer, id_))

    async def create(self, caller: Caller, issuer: str, said: Resource, now: Moment) -> Resource:
        """A new one."""
        return self._shown(*await self._roster.enter(caller, issuer, _person(said), now))

    async def change(self, caller: Caller, issuer: str, id_: str, change: Change, now: Moment) -> Resource:
        """One of them, changed."""

        def editing(person: Person, groups: Sequence[Membership]) -> WantedPerson:
            return _person(change(self._shown(person, groups)))

        return self._shown(*await self._roster.edit(caller, issuer, id_, editing, now))

    async def patch(self, caller: Caller, issuer: str, id_: str, patch: Patch, now: Moment) -> Resource:
        """One of them, changed step by step."""
        return await self.change(caller, issuer, id_, _stepwise(patch), now)

    async def remove(self, caller: Caller, issuer: str, id_: str, check: Check, now: Moment) -> None:
        """One of them less."""
        await self._roster.remove(caller, issuer, id_, lambda *found: check(self._shown(*found)), now)

    def _shown(self, person: Person, groups: Sequence[Membership]) -> Resource:
        return representations.user(person, groups, self._base)


class Groups:
    """Groups of them."""

    kind = GROUPS

    def __init__(self, roster: Roster, base: str) -> None:
        self._roster = roster
        self._base = base

    async def index(self, issuer: str, query: Query) -> tuple[int, list[Resource]]:
        """How many there are, and those asked for; who is in them is looked up where it is shown."""
        total, found = await self._roster.groups(issuer, _wanted(query), with_members=query.shown.shows("members"))
        return total, [self._shown(group) for group in found]

    async def show(self, issuer: str, id_: str) -> Resource:
        """One of them."""
        return self._shown(await self._roster.group(issuer, id_))

    async def create(self, caller: Caller, issuer: str, said: Resource, now: Moment) -> Resource:
        """A new one."""
        return self._shown(await self._roster.enter_group(caller, issuer, _group(said), now))

    async def change(self, caller: Caller, issuer: str, id_: str, change: Change, now: Moment) -> Resource:
        """One of them, changed."""
        return self._shown(
            await self._roster.edit_group(caller, issuer, id_, lambda group: _group(change(self._shown(group))), now)
        )

    async def patch(self, caller: Caller, issuer: str, id_: str, patch: Patch, now: Moment) -> Resource | None:
        """One of them, changed step by step; None where no more was said than who joins and who leaves."""
        moves = moves_in(patch.steps) if patch.check is None else None
        if moves is None:
            return await self.change(caller, issuer, id_, _stepwise(patch), now)
        await self._roster.move(caller, issuer, id_, moves, now)
        return None

    async def remove(self, caller: Caller, issuer: str, id_: str, check: Check, now: Moment) -> None:
        """One of them less."""
        await self._roster.remove_group(caller, issuer, id_, lambda group: check(self._shown(group)), now)

    def _shown(self, group: Group) -> Resource:
        return representations.group(group, self._base)


def _stepwise(patch: Patch) -> Change:
    def changed(resource: Resource) -> Resource:
        if patch.check is not None:
            patch.check(resource)
        return patched(resource, patch.steps)

    return changed


def _wanted(query: Query) -> Wanted:
    return Wanted(query.condition, query.start - 1, query.count)


def _person(said: Resource) -> WantedPerson:
    return WantedPerson(
        user_name=_needed(said, "userName"),
        external_id=said.get("externalId"),
        display_name=said.get("displayName", ""),
        active=said.get("active", True),
    )


def _group(said: Resource) -> WantedGroup:
    return WantedGroup(
        display_name=_needed(said, "displayName"),
        external_id=said.get("externalId"),
        members=tuple(each["value"] for each in said.get("members", [])),
    )


def _needed(said: Resource, name: str) -> Any:
    if name not in said:
        raise Invalid(f"`{name}` is needed.", code="invalidValue")
    return said[name]
