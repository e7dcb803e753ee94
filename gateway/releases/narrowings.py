"""Narrowings: what takes access away at once, whatever the strategy says, until its inverse gives it back.

A narrowing never changes the strategy. It is put beside it, for everybody or for those in its scope,
and restoring it, whole or for some, gives back what the strategy gives: no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from gateway.clock import NEVER, Instant, Moment
from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.identity.as_text import text_of
from gateway.identity.expressions import read_predicate
from gateway.identity.predicates import Among, Every, Predicate, tests_in
from gateway.releases.components import Component
from gateway.releases.strategies import NOTHING_OPENED, Stage, Strategy

EVERYBODY = Every(())
"""The scope of a narrowing that names none."""


class Verb(StrEnum):
    """What is done. All but the last take away."""

    HOLD = "hold"
    ROLL_BACK = "roll_back"
    SUSPEND = "suspend"
    WITHDRAW = "withdraw"
    RECALL = "recall"
    EMBARGO = "embargo"
    RESTORE = "restore"


class OnUnknown(StrEnum):
    """What a narrowing amounts to for those of whom its scope's answer is unknown."""

    DENY = "deny"
    ALLOW = "allow"


TO_A_STAGE = (Verb.HOLD, Verb.ROLL_BACK)
"""Verbs that leave what an earlier stage gave."""


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """One verb, as taken and recorded. Rows are only ever added."""

    id: str
    number: int
    """Counted from 1, per release."""
    release: str
    verb: Verb
    scope: str = ""
    """Predicate as text; empty for everybody."""
    on_unknown: str = "deny"
    """deny or allow: what it amounts to where the scope's answer is unknown. A restoration never gives to them."""
    strategy: str = ""
    """Digest of the version whose stage a hold or a roll-back leaves."""
    stage: str = ""
    """That stage; empty where none was open."""
    inverse_of: str = ""
    """Id of the narrowing that a restoration undoes."""
    authority: str = ""
    """On whose word: an order, a ticket, a contract."""
    cause: str
    taken_at: Instant
    taken_by: str
    """Public id of a key."""
    until: Instant = NEVER
    """From when it is over by itself."""
    review_by: Instant | None = None
    """Until when a second person must have looked at it; None for a restoration."""


class InEffect(msgspec.Struct, frozen=True):
    """A narrowing that was not restored whole, ready to be asked."""

    narrowing: Narrowing
    scope: Predicate
    restored: tuple[Predicate, ...] = ()
    """Those for whom it was restored: any that surely answers yes."""
    strategy: Strategy | None = None
    """The version whose stage it leaves."""

    def is_over(self, moment: Moment) -> bool:
        """Whether it surely ended by itself."""
        return moment.surely_reached(self.narrowing.until)

    @property
    def restored_texts(self) -> list[str]:
        """The scopes for which it was restored, as text."""
        return [text_of(scope) for scope in self.restored]

    @property
    def stages_left(self) -> tuple[Stage, ...]:
        """The stages that it leaves, each to those whom none before it here reaches: the one it names comes first.

        Where that one was for a share of organisations, the others had the stage before it.
        """
        stages = self.strategy.stages if self.strategy is not None else ()
        place = next((place for place, stage in enumerate(stages) if stage.name == self.narrowing.stage), -1)
        left: list[Stage] = []
        for stage in reversed(stages[: place + 1]):
            if left and left[0].goes_by_its_date and stage.is_gated:
                break  # nobody knows any more whether it had opened
            left.append(stage)
            if stage.canary is None:
                break
        return tuple(left)

    def left_to(self, organisation: str | None) -> Stage | None:
        """The stage that is left to an organisation, or to any; None where it had none, or the verb is another."""
        stage = next((stage for stage in self.stages_left if stage.reaches(organisation)), None)
        if stage is None or (self.narrowing.verb is Verb.ROLL_BACK and stage.name == self.narrowing.stage):
            return stage
        return stage if stage.closes > self.narrowing.taken_at else None


def in_effect(rows: Iterable[Narrowing], versions: Iterable[Strategy] = ()) -> tuple[InEffect, ...]:
    """The narrowings among these rows that were not restored whole, in the order of the rows.

    `versions` holds the strategies whose stages they leave. Raises Unavailable for a scope that cannot be read.
    """
    known = {strategy.digest(): strategy for strategy in versions}
    taken: list[Narrowing] = []
    restored: dict[str, list[Predicate]] = {}
    for row in rows:
        if row.verb is Verb.RESTORE:
            restored.setdefault(row.inverse_of, []).append(kept_scope(row))
        else:
            taken.append(row)
    return tuple(
        InEffect(row, kept_scope(row), tuple(restored.get(row.id, ())), known.get(row.strategy))
        for row in taken
        if EVERYBODY not in restored.get(row.id, ())
    )


def as_drafted(standing: Sequence[InEffect], drafted: Narrowing, strategy: Strategy) -> tuple[InEffect, ...]:
    """What would be in effect once this was taken of the version in force, or restored."""
    if drafted.verb is not Verb.RESTORE:
        return (*standing, *in_effect([drafted], [strategy]))
    scope = kept_scope(drafted)
    return tuple(
        msgspec.structs.replace(each, restored=(*each.restored, scope))
        if each.narrowing.id == drafted.inverse_of
        else each
        for each in standing
        if each.narrowing.id != drafted.inverse_of or scope != EVERYBODY
    )


def kept_scope(row: Narrowing) -> Predicate:
    """The scope of a row. Raises Unavailable where it cannot be read."""
    try:
        return read_predicate(row.scope, kept=True) if row.scope else EVERYBODY
    except Invalid as error:
        raise Unavailable(
            f"The scope of {row.id} is not stored as it was taken.",
            next_step="Restore the database from a backup; the ledger has every scope that was taken.",
        ) from error


def scope_of(text: str) -> Predicate:
    """The scope that a text says; everybody where it is empty. Raises Invalid."""
    return read_predicate(text) if text else EVERYBODY


def checked_scope(text: str) -> str:
    """The scope in the one form in which it is kept. Raises Invalid, also for a component nothing here enforces."""
    scope = scope_of(text.strip())
    for test in tests_in(scope):
        if isinstance(test, Among) and test.what == "component" and not set(test.names) <= set(Component):
            raise Invalid(
                f"The scope names a component that is not enforced here: {', '.join(test.names)}.",
                param="scope",
                next_step=f"There are {', '.join(Component)}.",
            )
    return "" if scope == EVERYBODY else text_of(scope)


def held_stage(strategy: Strategy, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> str:
    """Name of the stage that a hold freezes; empty where none is open. `opened` has the openings that were recorded."""
    reached = [stage for stage, opens in strategy.openings(opened) if moment.surely_reached(opens)]
    # Where a share's stage has closed, the others have theirs still: what is left to each of them is asked by its name.
    if not reached or (reached[-1].canary is None and moment.maybe_reached(reached[-1].closes)):
        return ""
    return reached[-1].name


def earlier_stage(strategy: Strategy, name: str, moment: Moment, opened: Mapping[str, Instant] = NOTHING_OPENED) -> str:
    """The stage of this name, if it was open before the one that is open now. Raises Invalid naming those that were."""
    stage = strategy.stage_at(moment, opened)
    reached = [each.name for each, opens in strategy.openings(opened) if moment.surely_reached(opens)]
    earlier = [each for each in reached if stage is None or each != stage.name]
    if name not in earlier:
        raise Invalid(
            f"`{name}` is no stage that was open before the one that is open now.",
            param="stage",
            next_step=f"Go back to {', '.join(earlier)}."
            if earlier
            else "There is none: suspend or withdraw it instead.",
        )
    return name


def to_restore(standing: Sequence[InEffect], named: str, moment: Moment) -> Narrowing:
    """The narrowing that a restoration undoes: the one named, or the only one. Raises NotFound or Conflict."""
    found = [each.narrowing for each in standing if not each.is_over(moment)]
    if named:
        found = [narrowing for narrowing in found if narrowing.id == named]
        if not found:
            raise NotFound(f"No narrowing `{named}` is in force for this release.", next_step=_SEE)
    if not found:
        raise Conflict("Nothing narrows this release: there is nothing to restore.", next_step=_SEE)
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} narrowings are in force: {', '.join(f'{each.id} ({each.verb})' for each in found)}.",
            next_step="Name the one to restore.",
        )
    return found[0]


_SEE = "See `gateway release narrowings RELEASE`."
