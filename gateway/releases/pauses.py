"""When what a stage offers was narrowed for everybody: nothing was tried out then, and nothing opens over it. Pure.

What narrows a release for some leaves the others using it, and pauses nothing. What takes other components than those
that a stage offers leaves the stage as it was. What takes one of several does not: what is left is not what is to be
tried out, or to be opened.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from gateway.clock import Instant, Moment
from gateway.identity.predicates import Predicate, Truth, truth_for_all
from gateway.releases.components import Component
from gateway.releases.narrowings import Narrowing, Verb, kept_scope

Pause = tuple[Instant, Instant]
"""From when until when; NEVER while it lasts."""


def pauses(rows: Iterable[Narrowing], components: Collection[Component]) -> tuple[Pause, ...]:
    """When any of these components was narrowed for everybody, in order, none touching another.

    Restored for some, it lasts.
    """
    found: list[Pause] = []
    for begins, ends in sorted(_spans(list(rows), components)):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        elif begins < ends:
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


def between(found: Iterable[Pause], since: Instant, until: Instant) -> list[Pause]:
    """What is left of a time without them: from when until when, in order."""
    left = []
    for begins, ends in found:
        left.append((since, min(begins, until)))
        since = max(since, ends)
    return [(begins, ends) for begins, ends in [*left, (since, until)] if begins < ends]


def _spans(rows: Sequence[Narrowing], components: Collection[Component]) -> Iterator[Pause]:
    """From when until when each narrowing took each of the components from everybody."""
    scopes = {row.id: kept_scope(row) for row in rows}
    for row in rows:
        if row.verb is Verb.RESTORE:
            continue
        undoing = [each for each in rows if each.verb is Verb.RESTORE and each.inverse_of == row.id]
        for component in components:
            if _is_for_everybody(scopes[row.id], component):
                over = [each.taken_at for each in undoing if _is_for_everybody(scopes[each.id], component)]
                yield row.taken_at, min([row.until, *over])


def _is_for_everybody(scope: Predicate, component: Component) -> bool:
    return truth_for_all(scope, component) is Truth.YES
