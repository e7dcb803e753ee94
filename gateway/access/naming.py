"""Some organisations of several groups, by name: those that grouping has met, and more only where it met too few.

A group may be three of a million: only where it has members that are not known yet are they looked for.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from gateway.access.populations import Group, Read, Share, members, prepared
from gateway.clock import Instant, Moment

MET = 2
"""Members of each share that grouping tells: the first and the last."""


def organisations_of(
    connection: Connection,
    read: Read,
    moment: Moment,
    found: Sequence[Group],
    *,
    limit: int,
    known: Instant | None = None,
) -> list[str]:
    """Some organisations of these groups, in order of id: all, where they are no more than the limit."""
    names = {name for group in found for share in group.shares for name in (share.first, share.last)}
    if len(names) < limit:
        known = prepared(connection, known)
        for group, share in _hiding(found):
            within = share.first, share.last
            names |= set(members(connection, read, moment, group, within, limit=limit, known=known))
            if len(names) >= limit:
                break
    return sorted(names)[:limit]


def _hiding(found: Sequence[Group]) -> Iterator[tuple[Group, Share]]:
    """Shares that have more members than are known, the fullest first: they are soonest found."""
    hiding = [(group, share) for group in found for share in group.shares if share.organisations > MET]
    yield from sorted(hiding, key=lambda each: -each[1].organisations)
