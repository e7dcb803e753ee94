"""Groups entered, changed and deleted on a provider's list: each the inside of one transaction, with its acts.

Who joined and who left is in the ledger by their ids; what a group is called is not.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.errors import Invalid
from gateway.identity.issuing import Asking
from gateway.identity.organisations import PROVIDER
from gateway.identity.provisioning import store
from gateway.identity.provisioning.acting import Detail, changed, check_provider, not_listed, taken
from gateway.identity.provisioning.groups import MEMBERS_MAX, Group, new_group_id
from gateway.ledger.events import Event
from gateway.ledger.store import Act


class WantedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a group is to be."""

    display_name: str
    external_id: str | None
    members: tuple[str, ...]


EditGroup = Callable[[Group], WantedGroup]
"""What is to become of it, given what it is; may refuse by raising."""

Moves = Mapping[str, bool]
"""People by their ids, and whether each is to be in the group."""


def enter(asks: Asking, issuer: str, wanted: WantedGroup) -> tuple[Group, Sequence[Act]]:
    """A new group. Raises Invalid where somebody in it is not on the list."""
    check_provider(asks)
    _check_group_free(asks.connection, issuer, wanted)
    _check_listed(asks.connection, issuer, wanted.members)
    group = Group(
        id=new_group_id(),
        issuer=issuer,
        display_name=wanted.display_name,
        external_id=wanted.external_id,
        members=tuple(sorted(wanted.members)),
        created_at=asks.moment.latest,
        created_by=asks.key.id,
        changed_at=asks.moment.latest,
    )
    store.add_group(asks.connection, group)
    detail: Detail = {"issuer": issuer, **({"joined": list(group.members)} if group.members else {})}
    return group, [_about(Event.GROUP_CREATED, group, detail)]


def edit(asks: Asking, issuer: str, group_id: str, editing: EditGroup) -> tuple[Group, Sequence[Act]]:
    """A group changed, as it stands now. What changes nothing is no act."""
    check_provider(asks)
    group = _existing(asks.connection, issuer, group_id)
    wanted = editing(group)
    _check_group_free(asks.connection, issuer, wanted, group.id)
    joined, left = set(wanted.members) - set(group.members), set(group.members) - set(wanted.members)
    _check_size(len(wanted.members))
    _check_listed(asks.connection, issuer, joined)
    renewed = msgspec.structs.replace(
        group,
        display_name=wanted.display_name,
        external_id=wanted.external_id,
        members=tuple(sorted(wanted.members)),
    )
    if renewed == group:
        return group, []
    names = [name for name in changed(group, renewed) if name != "members"]
    renewed = msgspec.structs.replace(renewed, changed_at=asks.moment.latest)
    return renewed, _changed(asks.connection, renewed, names, joined, left)


def move(asks: Asking, issuer: str, group_id: str, moves: Moves) -> tuple[None, Sequence[Act]]:
    """Some people put into a group or taken out of it: nobody else who is in it is read, be they five or thousands."""
    check_provider(asks)
    group = store.group_by_id(asks.connection, issuer, group_id, with_members=False)
    if group is None:
        raise not_listed()
    there = store.members_among(asks.connection, group_id, moves)
    joined = {person for person, is_in in moves.items() if is_in} - there
    left = {person for person, is_in in moves.items() if not is_in} & there
    if not joined and not left:
        return None, []
    if joined:
        _check_size(store.count_members(asks.connection, group_id) + len(joined) - len(left))
        _check_listed(asks.connection, issuer, joined)
    moved = msgspec.structs.replace(group, changed_at=asks.moment.latest)
    return None, _changed(asks.connection, moved, [], joined, left)


def _changed(
    connection: Connection, group: Group, names: list[str], joined: Collection[str], left: Collection[str]
) -> list[Act]:
    """Write what a group has become, and say so."""
    store.change_group(connection, group)
    store.leave_group(connection, group.id, left)
    store.join_group(connection, group.id, joined)
    lists = {"changed": names, "joined": sorted(joined), "left": sorted(left)}
    return [_about(Event.GROUP_CHANGED, group, {name: said for name, said in lists.items() if said})]


def remove(asks: Asking, issuer: str, group_id: str, check: Callable[[Group], None]) -> tuple[None, Sequence[Act]]:
    """A group deleted. Who was in it stays on the list."""
    check_provider(asks)
    group = _existing(asks.connection, issuer, group_id)
    check(group)
    store.remove_group(asks.connection, group.id)
    return None, [_about(Event.GROUP_REMOVED, group, {"left": list(group.members)} if group.members else {})]


def _existing(connection: Connection, issuer: str, group_id: str) -> Group:
    group = store.group_by_id(connection, issuer, group_id)
    if group is None:
        raise not_listed()
    return group


def _check_group_free(connection: Connection, issuer: str, wanted: WantedGroup, group: str = "") -> None:
    if wanted.external_id is not None:
        same = store.group_by_external_id(connection, issuer, wanted.external_id)
        if same not in {None, group}:
            raise taken("a group with this `externalId`")


def _check_size(members: int) -> None:
    if members > MEMBERS_MAX:
        raise Invalid(f"A group has at most {MEMBERS_MAX} members.", code="tooMany")


def _check_listed(connection: Connection, issuer: str, persons: Collection[str]) -> None:
    missing = set(persons) - store.listed_among(connection, issuer, persons)
    if missing:
        raise Invalid("A member that is named is not on the list of people.", code="invalidValue")


def _about(event: Event, group: Group, detail: Detail) -> Act:
    return Act(event=event, subject=group.id, organisation=PROVIDER, detail={**detail})
