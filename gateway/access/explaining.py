"""One use at any instant explained: gathered and judged as the gate does, from what was recorded by then."""

from functools import partial

import msgspec
from sqlalchemy import Connection

from gateway.access import past
from gateway.access.candidates import Asked
from gateway.access.current import Current
from gateway.access.explanations import Ended, Explanation, Step
from gateway.access.grants import Holdings
from gateway.access.instants import AsOf, Tense, as_of
from gateway.access.judges import store as policies_kept
from gateway.access.judges.former import FormerJudges
from gateway.access.judging import Judging
from gateway.access.reasons import MEANINGS, Reason
from gateway.access.remedies import ways
from gateway.access.snapshot import InForce
from gateway.access.standing import Use, gather
from gateway.clock import NEVER, Instant, Moment, at, text_from
from gateway.database.engine import Readable
from gateway.errors import Invalid, NotFound, PolicyNotKept
from gateway.identity.callers import Caller, Role
from gateway.identity.organisations import PROVIDER, is_id
from gateway.identity.past import assertions_by, key_by, organisation_by
from gateway.identity.people.vouchers import vouchers_of
from gateway.ledger.store import Ledger
from gateway.releases.components import Component
from gateway.releases.known import unmet
from gateway.releases.past import version_by

BOUNDARIES_MAX = 40
"""Dates ahead at which an answer is looked at again."""

READ_S = 10.0


class Read(msgspec.Struct, frozen=True):
    """Everything that is read about one use, of one state of the database."""

    caller: Caller
    ended: Ended | None
    in_force: InForce | None
    holdings: Holdings


class Explaining:
    """Asks the judge what it said, says and will say, and tells what that rests on."""

    def __init__(self, database: Readable, ledger: Ledger, current: Current, judging: Judging) -> None:
        self._database = database
        self._ledger = ledger
        self._current = current
        self._judging = judging
        self._former = FormerJudges()

    async def stop(self) -> None:
        """Let go of the judges of other times."""
        await self._former.stop()

    async def when(self, instant: Instant | None) -> AsOf:
        """The instant that is asked about, once nothing more can come to be recorded by then."""
        _, now = self._current.now()
        asked = as_of(instant, now)
        if asked.known is not None:
            await self._ledger.settle(asked.known)
        return asked

    async def judging(self, asked: AsOf) -> Judging:
        """Whoever judged at that instant. Raises PolicyNotKept where that cannot be asked any more."""
        known = asked.known
        if known is None:
            return self._judging
        digest = await self._database.read(partial(past.policy_by, known=known))
        if digest is None:
            raise PolicyNotKept("No policies are recorded as judging then.")
        if digest == self._judging.policy:
            return self._judging
        return await self._kept(digest)

    async def aside(self, judging: Judging) -> Judging:
        """The same policies, asked apart: calls never wait behind what is only tried here."""
        if judging is not self._judging:
            return judging
        try:
            return await self._kept(judging.policy)
        except PolicyNotKept:
            return judging

    async def _kept(self, digest: str) -> Judging:
        kept = await self._database.read(partial(policies_kept.policies_by_digest, digest=digest))
        if kept is None:
            raise PolicyNotKept(f"The policies {digest} judged then, and their text is not kept here.")
        if kept.question != policies_kept.form_of_question():
            raise PolicyNotKept(f"The policies {digest} judged then, and read another form of question than today's.")
        return await self._former.judging(kept.policies)

    async def explain(
        self, named: str | Caller, release: str, component: Component, instant: Instant | None
    ) -> Explanation:
        """The answer to an organisation or a key, by its public id, or to a caller who stands here with a token.

        Raises NotFound for one that was not there, and Invalid for what such a caller was: tokens are not kept.
        """
        asked = await self.when(instant)
        if asked.tense is Tense.PAST and not isinstance(named, str):
            raise Invalid(
                "What a token or a session says of its holder is not kept: of the past, ask about the organisation.",
                param="at",
                next_step=f"Ask of `{named.organisation}`, or leave `at` out.",
            )
        told = await self.weigh(named, release, component, asked)
        if told.use is None or told.ended is not None:
            return told
        start, aside = Asked(told.use, asked.moment), await self.aside(await self.judging(asked))
        found, whole = ((), True) if told.admitted else await ways(aside, start)
        if any(step.waits for way in found for step in way):
            work = partial(_unmet, release=release, asked=asked)
            missing = await self._database.read(work, deadline_s=READ_S)
            found = tuple(tuple(_with_missing(step, missing) for step in way) for way in found)
        until, turns = await self._until(aside, start, told)
        return msgspec.structs.replace(told, holds_until=until, turns_at=turns, ways=found, all_ways=whole)

    async def weigh(self, named: str | Caller, release: str, component: Component, asked: AsOf) -> Explanation:
        """The bare answer, with what it rests on. Raises NotFound."""
        read = await self._database.read(partial(_read, named=named, release=release, asked=asked), deadline_s=READ_S)
        told = Explanation(
            as_of=asked,
            release=release,
            component=component.value,
            organisation=read.caller.organisation,
            key=read.caller.key,
            roles=read.caller.roles,
            admitted=False,
            visible=False,
            reasons=(Reason.MODEL_NOT_FOUND,),
            policy="",
        )
        if read.in_force is None:
            return told
        judging = await self.judging(asked)
        use = Use(read.caller, component, read.in_force, read.holdings)
        gathered = gather(use, asked.moment)
        digest = gathered.question.hash()
        decision = await judging.decide(gathered.question, digest)
        told = msgspec.structs.replace(
            told,
            admitted=decision.allow,
            visible=decision.visible,
            reasons=decision.reasons,
            policy=judging.policy,
            question=digest,
            decision=decision,
            use=use,
            gathered=gathered,
        )
        if read.ended is None:
            return told
        return msgspec.structs.replace(told, admitted=False, reasons=(read.ended.reason,), ended=read.ended)

    async def _until(self, judging: Judging, start: Asked, told: Explanation) -> tuple[Instant, Instant]:
        """The first dates at which the answer is another, and whether it is admitted, if nothing is recorded before."""
        until = NEVER
        for instant in _boundaries(start)[:BOUNDARIES_MAX]:
            if instant >= start.use.caller.expires_at:
                return min(until, instant), instant
            question = gather(start.use, at(instant)).question
            decision = await judging.decide(question, question.hash())
            if (decision.allow, decision.reasons) != (told.admitted, told.reasons):
                until = min(until, instant)
            if decision.allow != told.admitted:
                return until, instant
        return until, NEVER


def _boundaries(start: Asked) -> list[Instant]:
    """Dates ahead at which something that the answer rests on begins or ends."""
    use, moment = start.use, start.moment
    strategy, caller = use.in_force.strategy, use.caller
    openings = strategy.openings(use.in_force.openings, caller.organisation)
    found = {opens for _, opens in openings} | {stage.closes for stage in strategy.stages}
    found |= {stage.review.by for stage in strategy.stages if stage.review is not None}
    found |= {instant for each in caller.attributes for instant in (each.asserted_at, each.expires_at)}
    found |= {each.narrowing.until for each in use.in_force.narrowings}
    found |= {*use.holdings.boundaries(strategy.release), caller.expires_at}
    return sorted(instant for instant in found if not moment.surely_reached(instant) and instant < NEVER)


def _read(connection: Connection, named: str | Caller, release: str, asked: AsOf) -> Read:
    known = asked.known
    caller, ended = (
        _caller(connection, named, known, asked.moment)
        if isinstance(named, str)
        else (named, _token_ended(named, asked))
    )
    return Read(
        caller,
        ended,
        past.in_force_by(connection, release, known),
        past.holdings_by(connection, caller.organisation, known),
    )


def _unmet(connection: Connection, release: str, asked: AsOf) -> dict[str, list[str]]:
    version = version_by(connection, release, asked.known)
    return {} if version is None else unmet(connection, version, asked.moment, asked.known)


def _with_missing(step: Step, missing: dict[str, list[str]]) -> Step:
    return msgspec.structs.replace(step, missing=tuple(each for name in step.waits for each in missing.get(name, ())))


def _caller(connection: Connection, named: str, known: Instant | None, moment: Moment) -> tuple[Caller, Ended | None]:
    """Who is named, and why nothing was answered to them where nothing was."""
    key = None
    organisation = organisation_by(connection, named, known) if is_id(named) else None
    if organisation is None:
        key = key_by(connection, named, known)
        organisation = None if key is None else organisation_by(connection, key.organisation, known)
    if organisation is None:
        raise _not_there(connection, named, known)
    attributes = assertions_by(connection, organisation.id, known)
    disabled = _ended((organisation.disabled_at is not None, Reason.KEY_REVOKED, "The organisation was disabled."))
    if key is None:
        roles = (Role.STAFF if organisation.id == PROVIDER else Role.DEVELOPER,)
        return Caller("", organisation.id, roles, None, attributes, NEVER), disabled
    ended = disabled or _ended(
        (key.revoked_at is not None, Reason.KEY_REVOKED, MEANINGS[Reason.KEY_REVOKED].message),
        (moment.maybe_reached(key.expires_at), Reason.KEY_EXPIRED, MEANINGS[Reason.KEY_EXPIRED].message),
    )
    if key.person:
        attributes += vouchers_of(connection, key.person, known).assertions
    return Caller(key.id, organisation.id, key.roles, key.scopes, attributes, key.expires_at), ended


def _not_there(connection: Connection, named: str, known: Instant | None) -> NotFound:
    """Nobody of that name; or nobody yet, at the instant asked about."""
    since = None
    if known is not None:
        organisation = organisation_by(connection, named, None) if is_id(named) else None
        key = None if organisation is not None else key_by(connection, named, None)
        since = organisation.created_at if organisation is not None else None if key is None else key.issued_at
    if since is None:
        return NotFound(
            f"There is no organisation and no key `{named}`.",
            next_step="See `gateway organisation list` and `gateway key list`.",
        )
    return NotFound(
        f"`{named}` was not there yet at that instant: it was entered at {text_from(since)}.",
        next_step="Ask about a later instant.",
    )


def _token_ended(caller: Caller, asked: AsOf) -> Ended | None:
    says = "The token, or the session, has ended by then."
    return _ended((asked.moment.maybe_reached(caller.expires_at), Reason.KEY_EXPIRED, says))


def _ended(*causes: tuple[bool, Reason, str]) -> Ended | None:
    return next((Ended(reason, says) for holds, reason, says in causes if holds), None)
