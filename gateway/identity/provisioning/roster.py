"""The list of people and groups that each declared provider keeps here: read, and changed by whoever keeps it."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.errors import Forbidden, Invalid
from gateway.identity.callers import Caller, Role
from gateway.identity.directory import Directory
from gateway.identity.people.persons import Person, is_person_id
from gateway.identity.provisioning import acting, grouping, store
from gateway.identity.provisioning.acting import EditPerson, Found, Leave, WantedPerson
from gateway.identity.provisioning.compiled import groups_where, people_where
from gateway.identity.provisioning.conditions import Condition
from gateway.identity.provisioning.costs import Extent, check_cost, is_identified
from gateway.identity.provisioning.grouping import EditGroup, Moves, WantedGroup
from gateway.identity.provisioning.groups import Group, Membership, is_group_id
from gateway.ledger.store import Touch

SCOPE = "scim"
"""What a key or a token is narrowed to that keeps the list, alone or as `scim:PROVIDER`."""


class Wanted(msgspec.Struct, frozen=True):
    """Which of a list is asked for."""

    condition: Condition | None
    offset: int
    limit: int


class Roster:
    """Everything that is done about the list."""

    def __init__(self, directory: Directory, providers: Collection[str], leave: Leave) -> None:
        """`providers` are the names of those declared; `leave` ends a person inside a transaction."""
        self._directory = directory
        self._providers = tuple(sorted(providers))
        self._leave = leave

    def provider_of(self, caller: Caller) -> str:
        """Whose list a caller keeps. Raises Forbidden where it keeps none, or where it does not say which."""
        if not caller.has(Role.PROVIDER):
            raise Forbidden(
                "This door is for these roles only: provider.",
                next_step="Use a key with the role provider and the scope `scim`.",
            )
        if not (caller.in_scope(SCOPE) or any(each.startswith(f"{SCOPE}:") for each in caller.scopes or ())):
            raise Forbidden(
                "Your key's scopes do not reach this.",
                code="scope_too_narrow",
                next_step="Use a key with the scope `scim`.",
            )
        reached = [name for name in self._providers if caller.in_scope(SCOPE, name)]
        if not reached:
            raise Forbidden(
                "No identity provider with a `link` is declared whose list this key could keep.",
                code="no_provider",
                next_step="Declare it, with its `link`, where `GATEWAY_IDENTITY_PROVIDERS` points to.",
            )
        if len(reached) > 1:
            raise Forbidden(
                "More than one identity provider is declared, and this key does not say whose list it keeps.",
                code="provider_unclear",
                next_step="Use a key with the scope `scim:NAME`.",
            )
        return reached[0]

    # People

    async def people(self, issuer: str, wanted: Wanted) -> tuple[int, list[Found]]:
        """How many there are on a provider's list, and a page of them. Raises Invalid for what cannot be asked."""
        page = store.Page(people_where(wanted.condition), wanted.offset, wanted.limit)

        await self._check_cost(wanted, partial(store.extent_of_people, issuer=issuer))

        def work(connection: Connection) -> tuple[int, list[Found]]:
            total, persons = store.find_people(connection, issuer, page)
            groups = store.memberships(connection, [person.id for person in persons])
            return total, [(person, groups.get(person.id, [])) for person in persons]

        return await self._directory.look_up(work)

    async def person(self, issuer: str, person_id: str) -> Found:
        """Somebody on a provider's list. Raises NotFound."""
        _check_person_id(person_id)
        existing = await self._directory.look_up(partial(acting.found, issuer=issuer, person_id=person_id))
        if existing is None:
            raise acting.not_listed()
        return existing

    async def enter(self, actor: Caller, issuer: str, wanted: WantedPerson, now: Moment) -> Found:
        """Enter somebody new."""
        return await self._directory.act(actor, now, lambda asks: acting.enter(asks, issuer, wanted, self._leave))

    async def edit(self, actor: Caller, issuer: str, person_id: str, editing: EditPerson, now: Moment) -> Found:
        """Change somebody, as they stand when it is written."""
        _check_person_id(person_id)
        touch = Touch("person", person_id)
        return await self._directory.act(
            actor, now, lambda asks: acting.edit(asks, issuer, person_id, editing, self._leave), touch
        )

    async def remove(
        self,
        actor: Caller,
        issuer: str,
        person_id: str,
        check: Callable[[Person, Sequence[Membership]], None],
        now: Moment,
    ) -> None:
        """Take somebody off the list, and away all that is theirs."""
        _check_person_id(person_id)
        touch = Touch("person", person_id)
        await self._directory.act(
            actor, now, lambda asks: acting.remove(asks, issuer, person_id, check, self._leave), touch
        )

    # Groups

    async def groups(self, issuer: str, wanted: Wanted, *, with_members: bool = True) -> tuple[int, list[Group]]:
        """How many groups there are on a provider's list, and a page of them. Raises Invalid as `people` does."""
        page = store.Page(groups_where(wanted.condition), wanted.offset, wanted.limit)
        await self._check_cost(wanted, partial(store.extent_of_groups, issuer=issuer))
        work = partial(store.find_groups, issuer=issuer, page=page, with_members=with_members)
        total, found = await self._directory.look_up(work)
        if found is None:
            raise Invalid(
                f"These groups have more than {store.MEMBERS_MAX} members together.",
                code="tooMany",
                next_step="Ask for fewer at once (`count`), or without them (`excludedAttributes=members`).",
            )
        return total, found

    async def group(self, issuer: str, group_id: str) -> Group:
        """A group on a provider's list. Raises NotFound."""
        _check_group_id(group_id)
        existing = await self._directory.look_up(partial(store.group_by_id, issuer=issuer, group=group_id))
        if existing is None:
            raise acting.not_listed()
        return existing

    async def enter_group(self, actor: Caller, issuer: str, wanted: WantedGroup, now: Moment) -> Group:
        """Enter a new group."""
        return await self._directory.act(actor, now, lambda asks: grouping.enter(asks, issuer, wanted))

    async def edit_group(self, actor: Caller, issuer: str, group_id: str, editing: EditGroup, now: Moment) -> Group:
        """Change a group, as it stands when it is written."""
        _check_group_id(group_id)
        return await self._directory.act(actor, now, lambda asks: grouping.edit(asks, issuer, group_id, editing))

    async def move(self, actor: Caller, issuer: str, group_id: str, moves: Moves, now: Moment) -> None:
        """Put people into a group, or take them out of it."""
        _check_group_id(group_id)
        await self._directory.act(actor, now, lambda asks: grouping.move(asks, issuer, group_id, moves))

    async def remove_group(
        self, actor: Caller, issuer: str, group_id: str, check: Callable[[Group], None], now: Moment
    ) -> None:
        """Delete a group."""
        _check_group_id(group_id)
        await self._directory.act(actor, now, lambda asks: grouping.remove(asks, issuer, group_id, check))

    async def _check_cost(self, wanted: Wanted, extent: Callable[[Connection], Extent]) -> None:
        """Raise Invalid (`tooMany`) where a filter is too much for a list as long as it is."""
        if wanted.condition is not None and not is_identified(wanted.condition):
            check_cost(wanted.condition, await self._directory.look_up(extent))


def _check_person_id(person_id: str) -> None:
    if not is_person_id(person_id):
        raise acting.not_listed()


def _check_group_id(group_id: str) -> None:
    if not is_group_id(group_id):
        raise acting.not_listed()
