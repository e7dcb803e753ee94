"""Where a strategy may stand at an instant, whatever becomes of its requirements and whichever organisation asks.

By dates alone there is one answer. A stage that has requirements may be open or still shut, which keeps the one
before it open; a canary reaches some organisations and leaves the others where they were. Two strategies are
compared only in positions that can be both at once.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from gateway.clock import Instant
from gateway.releases.cohorts import Canary
from gateway.releases.recorded import NOTHING_RECORDED, Recorded
from gateway.releases.requirements import Soak
from gateway.releases.strategies import AccessLevel, Stage, Strategy
from gateway.releases.tightness import ask_no_less

POSITIONS_MAX = 64
"""About so many at an instant: seven gates and two canaries in a row, or three of each."""


class Gate(msgspec.Struct, frozen=True):
    """A stage that has requirements, as it stands in a strategy."""

    stage: Stage
    digest: str
    """What its recorded opening is about."""
    asked: str
    """What approvals and concurrences are about."""
    before: Stage | None
    """The stage that a soak is counted of."""
    soak: str
    """Its digest, where there is a soak: counting begins anew with another one."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for an organisation, what comes next, and what must be so for that."""

    stage: Stage | None
    coming: Stage | None
    opened: tuple[Gate, ...]
    """Gates that have opened, in order."""
    pending: tuple[Gate, ...]
    """Gates up to and including the first that has not opened; empty where all have whose dates have come."""
    inside: tuple[Canary, ...]
    """Those that reach the organisation."""
    outside: tuple[Canary, ...]
    """Those that do not."""


def are_few(strategy: Strategy) -> bool:
    """Whether the positions can be gone through: a file may say so many gates and canaries that nobody would wait."""
    gates = sum(stage.is_gated for stage in strategy.stages)
    run = longest = 0
    for stage in strategy.stages:
        run = 0 if stage.canary is None else run + 1
        longest = max(longest, run)
    return (gates + 1) * (longest + 1) ** 2 <= POSITIONS_MAX


class Course:
    """A strategy through time: digests of its gates, and its positions at an instant, are each worked out once."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self._gates = _gates(strategy)
        self._positions: dict[Instant, list[Position]] = {}

    def positions(self, instant: Instant) -> list[Position]:
        """Every position at an instant at which the strategy may stand."""
        if instant not in self._positions:
            self._positions[instant] = _positions(self.strategy.stages, self._gates, instant)
        return self._positions[instant]

    def reachable(self, instant: Instant, recorded: Recorded) -> list[Position]:
        """The positions in which no gate is shut whose opening was recorded."""
        found = self.positions(instant)
        return [each for each in found if not each.pending or each.pending[-1].digest not in recorded.opened]


def _positions(stages: Sequence[Stage], gates: Sequence[Gate], instant: Instant) -> list[Position]:
    reached = sum(stage.opens <= instant for stage in stages)
    narrowed = max((at for at in range(reached) if _goes_by_date(stages[at])), default=-1)
    waiting = [at for at in range(reached) if stages[at].is_gated]
    found: list[Position] = []
    for shut in [None, *waiting]:
        top = reached - 1 if shut is None else max(shut - 1, narrowed)
        count = len(waiting) if shut is None else waiting.index(shut)
        pending = () if shut is None else gates[: count + 1]
        for place, inside, outside in _standing(stages, top):
            stands = None if place < 0 or stages[place].closes <= instant else stages[place]
            for coming, reaching, passing in _coming(stages, top + 1):
                position = Position(
                    stage=stands,
                    coming=coming,
                    opened=tuple(gates[:count]),
                    pending=tuple(pending),
                    inside=(*inside, *reaching),
                    outside=(*outside, *passing),
                )
                if _is_possible(position.inside, position.outside):
                    found.append(position)
    return found


def together(
    old: Course, new: Course, instant: Instant, recorded: Recorded = NOTHING_RECORDED
) -> Iterator[tuple[Position, Position]]:
    """The positions of an older and a newer strategy that can be both at once, by what was recorded of either.

    What is still to be met is thought to be met alike: whoever would approve the one would approve the other. What
    was met before says nothing of the other.
    """
    for before in old.reachable(instant, recorded):
        for after in new.reachable(instant, recorded):
            anew = [gate for gate in after.opened if not _was_met(gate, recorded)]
            if _is_possible((*before.inside, *after.inside), (*before.outside, *after.outside)) and not (
                _would_have_opened(before.pending, anew) or _have_opened(after.pending, before.opened)
            ):
                yield before, after


def _was_met(gate: Gate, recorded: Recorded) -> bool:
    """Whether some of what it asks for was given to it as it stands, and perhaps to it alone."""
    return gate.digest in recorded.opened or gate.asked in recorded.agreed


def _gates(strategy: Strategy) -> list[Gate]:
    found = []
    for before, stage in pairwise([None, *strategy.stages]):
        if stage is not None and stage.is_gated:
            soak = strategy.stage_digest(before) if before is not None and _soaks(stage) else ""
            found.append(Gate(stage, strategy.opening_digest(stage), strategy.stage_digest(stage), before, soak))
    return found


def _soaks(stage: Stage) -> bool:
    return any(isinstance(each, Soak) for each in stage.opens_when)


def _goes_by_date(stage: Stage) -> bool:
    """Whether it opens past one that waits, as `Strategy.openings` has it."""
    return stage.access is AccessLevel.CLOSED and not stage.is_gated


def _standing(stages: Sequence[Stage], top: int) -> Iterator[tuple[int, list[Canary], list[Canary]]]:
    """The last stage up to the top that reaches an organisation, by whom it may be; -1 where none does."""
    outside: list[Canary] = []
    for place in range(top, -1, -1):
        canary = stages[place].canary
        yield place, [] if canary is None else [canary], list(outside)
        if canary is None:
            return
        outside.append(canary)
    yield -1, [], outside


def _coming(stages: Sequence[Stage], first: int) -> Iterator[tuple[Stage | None, list[Canary], list[Canary]]]:
    """The first stage from here on that reaches an organisation."""
    outside: list[Canary] = []
    for stage in stages[first:]:
        yield stage, [] if stage.canary is None else [stage.canary], list(outside)
        if stage.canary is None:
            return
        outside.append(stage.canary)
    yield None, [], outside


def _is_possible(inside: Sequence[Canary], outside: Sequence[Canary]) -> bool:
    """Whether some organisation may be inside all of the ones and outside of all the others."""
    return not any(one.salt == other.salt and one.percent <= other.percent for one in inside for other in outside)


def _would_have_opened(pending: Sequence[Gate], opened: Sequence[Gate]) -> bool:
    """Whether gates of the older strategy would all be open, since gates that ask no less are, one after the other."""
    if not pending:
        return False
    ahead = iter(opened)
    return all(any(_asks_no_less(gate, asked) for gate in ahead) for asked in pending)


def _asks_no_less(gate: Gate, asked: Gate) -> bool:
    own, theirs = gate.stage, asked.stage
    if own.opens < theirs.opens or own.closes > theirs.closes:
        return False
    return ask_no_less(own.opens_when, theirs.opens_when) and _soaks_no_less(gate, asked)


def _soaks_no_less(gate: Gate, asked: Gate) -> bool:
    if not _soaks(asked.stage):
        return True
    one, other = gate.before, asked.before
    if one is None or other is None:
        return one is other
    return one.name == other.name and one.opens >= other.opens and one.closes <= other.closes


def _have_opened(pending: Sequence[Gate], opened: Sequence[Gate]) -> bool:
    """Whether gates of the newer strategy are open by the very records that opened those of the older one."""
    kept = [(each.digest, each.soak) for each in opened[: len(pending)]]
    return bool(pending) and [(each.digest, each.soak) for each in pending] == kept
