"""Narrowings reviewed by a second person: the judge says whether that may be, the releases' own code writes."""

from functools import partial

from sqlalchemy import Connection

from gateway.access.change_decisions import ChangeRefused
from gateway.access.change_questions import ActOnChange, ChangeQuestion, Consent, Party
from gateway.access.judges.port import Judge
from gateway.clock import Moment
from gateway.database.engine import Readable
from gateway.errors import Conflict, NotFound
from gateway.identity.callers import Caller
from gateway.identity.lineages import Lineage, lineage_of
from gateway.ledger.store import Ledger
from gateway.releases.changes.acting import Moved
from gateway.releases.reviews import acting, store
from gateway.releases.reviews.review import Review, Reviewed

TRIES_MAX = 5
"""How often a review is judged anew because what it was judged on moved meanwhile."""


class Reviewing:
    """Everything that is done about reviews of narrowings."""

    def __init__(self, database: Readable, ledger: Ledger, judge: Judge) -> None:
        self._database = database
        self._ledger = ledger
        self._judge = judge

    async def reviews(self, narrowings: list[str]) -> dict[str, Review]:
        """The reviews of these narrowings, by id; absent where there is none."""
        return await self._database.read(lambda connection: store.reviews(connection, narrowings))

    async def review(self, caller: Caller, release: str, review: Review, moment: Moment) -> Review:
        """Confirm what somebody else has narrowed, or undo it. Raises NotFound, and ChangeRefused with all reasons."""
        actor = caller.actor
        for _ in range(TRIES_MAX):
            judged, asked = await self._question(caller, release, review, moment)
            decision = await self._judge.ask_change(asked)
            if not decision.allow:
                raise ChangeRefused(decision.reasons)
            try:
                return await self._ledger.administer(
                    actor, partial(acting.review, actor=actor, judged=judged, review=review, moment=moment)
                )
            except Moved:
                continue
        raise Conflict(
            "The narrowing moves faster than it can be judged.",
            code="change_contended",
            next_step="See how it stands with `gateway release narrowings RELEASE`, and try again.",
        )

    async def _question(
        self, caller: Caller, release: str, review: Review, moment: Moment
    ) -> tuple[Reviewed, ChangeQuestion]:
        def work(connection: Connection) -> tuple[Reviewed, ChangeQuestion]:
            found = store.reviewed(connection, review.narrowing, moment)
            if found is None or found.narrowing.release != release:
                raise NotFound(f"There is no narrowing `{review.narrowing}` of `{release}`.")
            given = [] if found.review is None else [found.review]
            people = {found.narrowing.taken_by, caller.key, *(each.reviewed_by for each in given)}
            lineages = {key: lineage_of(connection, key) for key in people}
            return found, question(found, caller, review.role, lineages)

        return await self._database.read(work)


def question(found: Reviewed, caller: Caller, role: str, lineages: dict[str, Lineage]) -> ChangeQuestion:
    """What the judge is asked about a review. Pure: the same values give the same question."""
    author = lineages[found.narrowing.taken_by]
    given = [] if found.review is None else [found.review]
    return ChangeQuestion(
        act=ActOnChange.REVIEW_NARROWING.value,
        state="in_force" if found.in_force else "over",
        is_current=True,
        effect="narrowing",
        irreversible=False,
        author=Party(person=author.person, issuers=author.issuers),
        actor=_consent(lineages[caller.key], role),
        actor_roles=tuple(each.value for each in caller.roles),
        consents=tuple(_consent(lineages[each.reviewed_by], each.role) for each in given),
        consents_void=0,
        planned_for_s=0,
        asks_sign_in=False,  # a review takes nothing away for good
        signed_in_s=None,
    )


def _consent(lineage: Lineage, role: str) -> Consent:
    return Consent(person=lineage.person, issuers=lineage.issuers, role=role, acknowledged=False)
