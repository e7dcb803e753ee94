"""What the judge says to a whole group of organisations: asked once, as any use of one of them is."""

import asyncio
from collections.abc import Iterable

import msgspec

from gateway.access.judging import Judging
from gateway.access.populations import Group, Read
from gateway.access.questions import AudienceFact
from gateway.access.representatives import caller_of, holdings_of, in_lines
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import Moment
from gateway.releases.components import Component


class Answered(msgspec.Struct, frozen=True):
    """What one version says to one group about one component."""

    as_it_is: bool
    accepting: bool
    """Once every text is accepted."""
    audiences: tuple[str, ...]
    """Those that admit it."""


NOTHING = Answered(as_it_is=False, accepting=False, audiences=())
"""Where no version was in force."""


class Asking(msgspec.Struct, frozen=True):
    """The judge, and what stands for whoever is asked about."""

    judging: Judging
    read: Read
    in_force: InForce
    moment: Moment

    async def answer(self, group: Group, component: Component) -> Answered:
        """The answer to a group. Raises JudgeUnavailable.

        There may be thousands of groups, whose questions were mostly answered before: calls have their turn between.
        """
        await asyncio.sleep(0)
        allowed: list[bool] = []
        audiences: tuple[AudienceFact, ...] = ()
        for accepted in (group.accepted, self.read.texts):
            caller, held = caller_of(self.read, group), holdings_of(self.read, group, accepted)
            question = gather(
                Use(caller, component, in_lines(self.in_force, self.read, group), held), self.moment
            ).question
            allowed.append((await self.judging.decide(question, question.hash())).allow)
            audiences = question.audiences
        return Answered(as_it_is=allowed[0], accepting=allowed[1], audiences=_admitting(audiences))


def _admitting(audiences: Iterable[AudienceFact]) -> tuple[str, ...]:
    return tuple(
        each.name
        for each in audiences
        if each.truth == "yes" or (each.truth == "unknown" and each.on_unknown == "allow")
    )
