"""Opening stages that have requirements: what is known of each, the words of approvers, and the opening itself.

A stage is open from the instant at which its opening was recorded, once, under the lock of the ledger's
head, on what was known at that instant. An opening belongs to the stage as it stood: what changes the
stage, for whom it is or what it gives needs its requirements met anew.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant, Moment, text_from
from gateway.database.engine import Database
from gateway.errors import Conflict, Invalid
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases.agreement import Agreement, Judged, Word, agreement_of
from gateway.releases.evidence import store
from gateway.releases.evidence.records import A_LATER_END, Approval, Concurrence
from gateway.releases.fulfilment import Answer, Known, answers
from gateway.releases.known import Gated, gated_stages, known_of
from gateway.releases.store import version_in_force
from gateway.releases.unopened import check_asked, check_seen, unopened_stage
from gateway.releases.versions import StrategyVersion

T = TypeVar("T")

TRIES_MAX = 5
"""How often a word is judged anew because what it was judged on moved meanwhile."""

GATEWAY = Actor(key="", organisation="")
"""Acts that no caller asked for."""


class Moved(Exception):
    """What was judged is no longer so."""


class Required(msgspec.Struct, frozen=True):
    """One requirement of a stage, and whether it holds."""

    title: str
    answer: Answer


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with a stage that has requirements."""

    digest: str
    """Of the stage as it stands: what an approval is about."""
    basis: str
    """Of that and the evidence its requirements read: what an approval is given on."""
    opened_at: Instant | None
    after: str
    """The stage before that must open first; empty where none must."""
    required: tuple[Required, ...]


class _Due(msgspec.Struct, frozen=True):
    """A stage that nothing keeps shut but the judge."""

    gated: Gated
    moment: Moment
    required: tuple[Required, ...]
    agreement: Agreement


class Openings:
    """Stages with requirements, of every release."""

    def __init__(self, database: Database, ledger: Ledger, judged: Judged) -> None:
        self._database = database
        self._ledger = ledger
        self._judged = judged

    async def recorded(self, release: str) -> Mapping[str, Instant]:
        """When stages of a release were opened, by digest of the stage."""
        return await self._database.read(lambda connection: store.openings(connection, release))

    async def standing(self, version: StrategyVersion, moment: Moment) -> dict[str, Standing]:
        """How it stands with each stage of a version that has requirements, by name."""

        def work(connection: Connection) -> dict[str, Standing]:
            return {
                gated.stage.name: Standing(
                    digest=gated.digest,
                    basis=gated.basis,
                    opened_at=gated.opened_at,
                    after=gated.after,
                    required=_required(gated, known_of(connection, gated, moment), moment),
                )
                for gated in gated_stages(connection, version)
            }

        return await self._database.read(work)

    async def approve(
        self, actor: Actor, release: str, stage: str, moment: Moment, *, word: Word, basis: str = ""
    ) -> Approval:
        """Give one person's word for opening a stage.

        `basis` is what the approver saw; empty for whatever stands. Raises NotFound, Conflict, and what the judge
        says of whoever may not.
        """

        def work(connection: Connection, gated: Gated, agreement: Agreement) -> tuple[Approval, list[Act]]:
            who = agreement.actor
            assert who is not None, "it was asked for by somebody"
            approval = Approval(
                id=f"approval_{secrets.token_hex(12)}",
                release=release,
                stage=gated.digest,
                basis=gated.basis,
                persons=(who.person, *who.issuers),
                given_at=moment.latest,
                given_by=actor.key,
                organisation=actor.organisation,
            )
            store.add_approval(connection, approval)
            detail = {"stage": stage, "approval": approval.id, "basis": gated.basis, "strategy": gated.version.digest}
            return approval, [_act(Event.APPROVAL_GIVEN, gated, {**detail})]

        def unopened(connection: Connection) -> Gated:
            gated = unopened_stage(connection, release, stage)
            check_seen(gated, basis)
            return gated

        return await self._say(actor, word, unopened, work, moment)

    async def concur(
        self, actor: Actor, stage: str, concurrence: Concurrence, moment: Moment, *, word: Word
    ) -> Concurrence:
        """Record that an authority whom a stage asks for concurs with it.

        Raises NotFound, Conflict or Invalid, and what the judge says of whoever may not.
        """
        if not concurrence.stands(moment):
            raise Invalid("The concurrence would have expired already.", param="expires_at", next_step=A_LATER_END)

        def unopened(connection: Connection) -> Gated:
            gated = unopened_stage(connection, concurrence.release, stage)
            check_asked(gated, concurrence.authority)
            return gated

        def work(connection: Connection, gated: Gated, _: Agreement) -> tuple[Concurrence, list[Act]]:
            kept = msgspec.structs.replace(concurrence, stage=gated.digest)
            store.add_concurrence(connection, kept)
            detail = {
                "authority": kept.authority,
                "reference": kept.reference,
                "expires_at": text_from(kept.expires_at),
            }
            return kept, [_act(Event.CONCURRENCE_GIVEN, gated, {"stage": stage, "concurrence": kept.id, **detail})]

        said = msgspec.structs.replace(word, authority=concurrence.authority)
        return await self._say(actor, said, unopened, work, moment)

    async def open_due(self, release: str) -> str:
        """Open the stage of a release whose date has surely come and all of whose requirements hold.

        Answers its name; empty where there is none, or where the judge says that it may not open. Asked first
        without the lock, so that waiting costs nobody anything, and again under it, so that exactly one process
        opens it, and only on what was judged.
        """
        first = await self._database.read(lambda connection: self._due(connection, release))
        if first is None or (first.agreement.needed and await self._judged(first.agreement) is not None):
            return ""

        def work(connection: Connection) -> tuple[str, list[Act]]:
            due = self._due(connection, release)
            if due is None or due.agreement != first.agreement:
                return "", []
            gated, moment, required = due.gated, due.moment, due.required
            opening = gated.version.strategy.opening_digest(gated.stage)
            store.add_opening(connection, release, opening, moment.latest)
            detail: dict[str, str | int | bool | list[str]] = {
                "stage": gated.stage.name,
                "strategy": gated.version.digest,
                "opened_at": text_from(moment.latest),
                "met": [f"{each.title}: {each.answer.said}" for each in required],
            }
            act = _act(Event.STAGE_OPENED, gated, detail, (Touch("release", release),))
            # What is kept goes by this digest, and so does whoever asks what had been opened by an instant.
            return gated.stage.name, [msgspec.structs.replace(act, subject=opening)]

        return await self._ledger.administer(GATEWAY, work)

    async def _say(
        self,
        actor: Actor,
        word: Word,
        unopened: Callable[[Connection], Gated],
        work: Callable[[Connection, Gated, Agreement], tuple[T, list[Act]]],
        moment: Moment,
    ) -> T:
        """Write what somebody says about a stage, if the judge lets them: on what it was judged on, or judged anew."""

        def asked(connection: Connection) -> tuple[Gated, Agreement]:
            gated = unopened(connection)
            return gated, agreement_of(connection, gated, known_of(connection, gated, moment), actor.key, word)

        def written(connection: Connection) -> tuple[T, list[Act]]:
            gated, agreement = asked(connection)
            if agreement != judged:
                raise Moved
            return work(connection, gated, agreement)

        for _ in range(TRIES_MAX):
            gated, judged = await self._database.read(asked)
            refusal = await self._judged(judged)
            if refusal is not None:
                raise refusal
            try:
                return await self._ledger.administer(actor, written)
            except Moved:
                continue
        raise Conflict(
            "The stage moves faster than it can be judged.",
            code="change_contended",
            next_step=f"Look again, then say it: `gateway release show {gated.version.strategy.release}`.",
        )

    def _due(self, connection: Connection, release: str) -> _Due | None:
        moment = self._ledger.now()
        version = version_in_force(connection, release)
        if version is None:
            return None
        opened = version.strategy.opened(store.openings(connection, release))
        waiting = version.strategy.waiting_stage(moment, opened)
        if waiting is None:
            return None
        gated = next(each for each in gated_stages(connection, version) if each.stage == waiting)
        known = known_of(connection, gated, moment)
        required = _required(gated, known, moment)
        if not all(each.answer.met for each in required):
            return None
        return _Due(gated, moment, required, agreement_of(connection, gated, known))


def _required(gated: Gated, known: Known, moment: Moment) -> tuple[Required, ...]:
    return tuple(Required(named, said) for named, said in answers(gated.stage.opens_when, known, moment))


def _act(
    event: Event,
    gated: Gated,
    detail: dict[str, str | int | bool | list[str]],
    touches: tuple[Touch, ...] = (),
) -> Act:
    release = gated.version.strategy.release
    return Act(event=event, subject=gated.digest, release=release, detail=detail, touches=touches)
