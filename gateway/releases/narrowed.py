"""What narrowings leave of a stage for everybody, and how each of them is told. Pure, as of a moment.

Who one caller is belongs to the gate. Here a narrowing counts only where its scope takes a thing from whoever
asks; one for some is told of, and takes nothing from the others.
"""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.clock import NEVER, Moment, text_from
from gateway.identity.predicates import Among, Truth, tests_in, truth_for_all
from gateway.releases.audiences import PUBLIC
from gateway.releases.components import Component
from gateway.releases.narrowings import TO_A_STAGE, InEffect, Verb
from gateway.releases.strategies import AccessLevel, Stage

PARTICIPLES = {
    Verb.HOLD: "held",
    Verb.ROLL_BACK: "rolled back",
    Verb.SUSPEND: "suspended",
    Verb.WITHDRAW: "withdrawn",
    Verb.RECALL: "recalled",
    Verb.EMBARGO: "embargoed",
}
_LEVELS = tuple(AccessLevel)
"""From the narrowest to the widest."""


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """A stage in force, as narrowings leave it."""

    stage: Stage | None
    """What everybody whom it admits still gets of it; None where that is nothing."""
    done: str = ""
    """What was done to it for everybody, such as `suspended`; empty where nothing was."""
    to: str = ""
    """Of what is held or rolled back: the stage that is left; empty where there was none."""
    parts: tuple[Component, ...] = ()
    """The components that it was done to, where it was not to all."""
    is_for_some: bool = False
    """Whether it was restored for some."""

    @property
    def told(self) -> str:
        """`suspended for everybody`, `held at trusted-testers`, `withdrawn as to weights.final`."""
        of = f" as to {', '.join(self.parts)}" if self.parts else ""
        if self.to:
            return f"{self.done} at {self.to}{of}"
        return f"{self.done}{of} for everybody{' but some' if self.is_for_some else ''}"


def standing(narrowings: Iterable[InEffect], moment: Moment) -> list[InEffect]:
    """Those that have surely not ended by themselves."""
    return [each for each in narrowings if not each.is_over(moment)]


def remaining(stage: Stage, narrowings: Iterable[InEffect], moment: Moment) -> Remaining:
    """What is left of a stage for everybody; of several narrowings the one is told that took the most."""
    found, lasting = Remaining(stage=stage), standing(narrowings, moment)
    for each in lasting:
        before = found.stage
        taken = () if before is None else tuple(name for name in before.offers if _takes(each, name))
        if before is None or not taken:
            continue
        left = _less(before, each, taken)
        if left == before and not each.restored:
            continue
        if found.done and left is not None and left.access is before.access:
            found = msgspec.structs.replace(found, stage=left)
            continue
        found = Remaining(
            stage=left,
            done=PARTICIPLES[each.narrowing.verb],
            to=each.narrowing.stage if each.narrowing.verb in TO_A_STAGE else "",
            parts=() if len(taken) == len(before.offers) else taken,
            is_for_some=bool(each.restored),
        )
    if found.stage is None and any(_recalls(each, stage) for each in lasting):
        return Remaining(stage=None, done=PARTICIPLES[Verb.RECALL])
    return found


def _recalls(each: InEffect, stage: Stage) -> bool:
    """Whether all of the stage was called back from everybody: that is what callers are told, whatever came before."""
    taken = all(_takes(each, component) for component in stage.offers)
    return each.narrowing.verb is Verb.RECALL and taken and not each.restored


def in_words(stage: Stage | None, narrowings: Iterable[InEffect], moment: Moment) -> str | None:
    """`suspended for everybody`, `suspended for some`; None where nothing narrows."""
    lasting = standing(narrowings, moment)
    if not lasting:
        return None
    left = None if stage is None else remaining(stage, lasting, moment)
    if left is not None and left.done:
        return left.told
    done = (
        f"{PARTICIPLES[each.narrowing.verb]}{' for some' if each.narrowing.scope or each.restored else ''}"
        for each in lasting
    )
    return ", ".join(dict.fromkeys(done))


def told(each: InEffect) -> str:
    """A narrowing in one line, for those who may know the cause."""
    taken = each.narrowing
    whom = f"those in `{taken.scope}`" if taken.scope else "everybody"
    if taken.scope and taken.on_unknown == "deny" and not _is_of_components(each):
        whom += " or of whom it is unknown"
    but = f", but for {', '.join(f'`{scope}`' for scope in each.restored_texts)}" if each.restored else ""
    until = "" if taken.until >= NEVER else f", until {text_from(taken.until)}"
    at = f" at {taken.stage}" if taken.stage else ""
    word = f", on the word of {taken.authority}" if taken.authority else ""
    done = f"{PARTICIPLES[taken.verb]}{at} since {text_from(taken.taken_at)}{until}"
    return f"{done}, for {whom}{but}, by {taken.taken_by}{word}: {taken.cause}"


def _less(stage: Stage, each: InEffect, taken: Sequence[Component]) -> Stage | None:
    """The stage less what one narrowing takes from whoever asks; None where nothing is left.

    Where some organisations are left one stage and the others another, it is what any of them may have.
    """
    held = each.stages_left if each.narrowing.verb in TO_A_STAGE else ()
    widest = max((left.access for left in held), key=_LEVELS.index, default=None)
    if each.restored:
        return _for_some(stage, widest)
    kept = [component for component in taken if any(component in left.offers for left in held)]
    offers = tuple(component for component in stage.offers if component in kept or component not in taken)
    if not offers:
        return None
    access, to = stage.access, stage.to
    if widest is not None and len(taken) == len(stage.offers):
        whom = tuple(sorted({name for left in held for name in left.to}))
        access, to = min(access, widest, key=_LEVELS.index), stage.to if PUBLIC in whom else whom
    if access is AccessLevel.OPEN_WEIGHTS and Component.WEIGHTS not in offers:
        access = AccessLevel.API
    return msgspec.structs.replace(stage, offers=offers, access=access, to=to)


def _for_some(stage: Stage, held: AccessLevel | None) -> Stage:
    """A stage that was given back to some: no wider than limited, or than what everybody was left."""
    widest = AccessLevel.LIMITED if held is None else max(AccessLevel.LIMITED, held, key=_LEVELS.index)
    return msgspec.structs.replace(stage, access=min(stage.access, widest, key=_LEVELS.index))


def _takes(each: InEffect, component: Component) -> bool:
    """Whether whoever asks for a component is surely in its scope."""
    return truth_for_all(each.scope, component) is Truth.YES


def _is_of_components(each: InEffect) -> bool:
    """Whether its scope asks for nothing but the component."""
    return all(isinstance(test, Among) and test.what == "component" for test in tests_in(each.scope))
