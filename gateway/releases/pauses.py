"""When a release was narrowed for everybody: nothing was tried out then, and nothing opens over it. Pure.

What narrows it for some leaves the others using it, and pauses nothing.
"""

from collections.abc import Iterable

from gateway.clock import NEVER, Instant, Moment
from gateway.identity.predicates import Among, tests_in
from gateway.releases.narrowings import Narrowing, Verb, kept_scope

Pause = tuple[Instant, Instant]
"""From when until when; NEVER while it lasts."""


def pauses(rows: Iterable[Narrowing]) -> tuple[Pause, ...]:
    """When everybody was narrowed by any of these, in order, none touching another. Restored for some, it lasts."""
    taken = list(rows)
    over = {row.inverse_of: row.taken_at for row in taken if row.verb is Verb.RESTORE and not row.scope}
    found: list[Pause] = []
    for row in sorted(taken, key=lambda row: row.taken_at):
        if row.verb is Verb.RESTORE or not _is_for_everybody(row):
            continue
        begins, ends = row.taken_at, min(row.until, over.get(row.id, NEVER))
        if found and begins <= found[-1][1]:
            begins, ends = found[-1][0], max(ends, found.pop()[1])
        if begins < ends:
            found.append((begins, ends))
    return tuple(found)


def paused_since(found: Iterable[Pause], moment: Moment) -> Instant | None:
    """Since when one may be going on; None where none is."""
    lasting = (begins for begins, ends in found if moment.maybe_reached(begins) and not moment.surely_reached(ends))
    return next(lasting, None)


def without(found: Iterable[Pause], since: Instant, until: Instant) -> int:
    """How long a time is without them, in microseconds."""
    lost = sum(max(0, min(ends, until) - max(begins, since)) for begins, ends in found)
    return max(0, until - since - lost)


def _is_for_everybody(row: Narrowing) -> bool:
    """Whether its scope asks for nothing, or for nothing but the component."""
    return all(isinstance(test, Among) and test.what == "component" for test in tests_in(kept_scope(row)))
