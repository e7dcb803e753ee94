"""Taking a narrowing, and giving back what one took: each in one transaction with its entry in the ledger."""

import secrets

import msgspec
from sqlalchemy import Connection

from gateway.clock import HOUR, NEVER, Instant, Moment, text_from
from gateway.database.engine import Readable
from gateway.errors import Invalid, NotFound
from gateway.identity.organisations import checked_text
from gateway.identity.predicates import Among, tests_in
from gateway.identity.search import fault_of_names
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases import store
from gateway.releases.evidence.store import all_openings
from gateway.releases.narrowings import (
    TO_A_STAGE,
    InEffect,
    Narrowing,
    OnUnknown,
    Verb,
    checked_scope,
    earlier_stage,
    held_stage,
    scope_of,
    to_restore,
)
from gateway.releases.versions import StrategyVersion

EVENTS = {
    Verb.HOLD: Event.RELEASE_HELD,
    Verb.ROLL_BACK: Event.RELEASE_ROLLED_BACK,
    Verb.SUSPEND: Event.RELEASE_SUSPENDED,
    Verb.WITHDRAW: Event.RELEASE_WITHDRAWN,
    Verb.RECALL: Event.RELEASE_RECALLED,
    Verb.EMBARGO: Event.RELEASE_EMBARGOED,
    Verb.RESTORE: Event.RELEASE_RESTORED,
}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, as somebody asks for it."""

    release: str
    verb: Verb
    scope: str = ""
    on_unknown: str = "deny"
    stage: str = ""
    """Of a roll-back: the stage to go back to."""
    inverse_of: str = ""
    """Of a restoration: the narrowing to undo; left out where only one is in force."""
    authority: str = ""
    cause: str = ""
    until: Instant = NEVER


class Restraint:
    """Narrows releases and restores them. One person is enough: both stay inside what the strategy gives."""

    def __init__(self, database: Readable, ledger: Ledger, review_within_h: int = 24) -> None:
        """`review_within_h`: how soon a second person must have looked at what one has narrowed."""
        self._database = database
        self._ledger = ledger
        self._review_within = review_within_h * HOUR

    async def take(self, actor: Actor, order: Order, moment: Moment) -> Narrowing:
        """Do what is asked; in force everywhere within a second. Raises Invalid, NotFound or Conflict."""

        def work(connection: Connection) -> tuple[Narrowing, list[Act]]:
            drafted = _drafted(connection, order, moment)
            if order.verb is not Verb.RESTORE:
                drafted = msgspec.structs.replace(drafted, review_by=moment.latest + self._review_within)
            narrowing, act = record(connection, actor, drafted)
            return narrowing, [act]

        return await self._ledger.administer(actor, work)

    async def draft(self, order: Order, moment: Moment) -> Narrowing:
        """What taking it would come to; nothing is written. Raises as `take` does."""
        return await self._database.read(lambda connection: _drafted(connection, order, moment))

    async def standing(self, release: str, as_of: Instant = NEVER) -> tuple[InEffect, ...]:
        """The narrowings of one release that were not restored whole; or had not been, as of an instant."""
        found = await self._database.read(lambda connection: store.narrowings_in_effect(connection, release, as_of))
        return found.get(release, ())

    async def get(self, narrowing: str) -> Narrowing:
        """The narrowing with this id. Raises NotFound."""
        found = await self._database.read(lambda connection: store.narrowing_by_id(connection, narrowing))
        if found is None:
            raise NotFound
        return found

    async def history(self, release: str, before: int | None = None, limit: int = 200) -> list[Narrowing]:
        """Everything that was ever taken of a release, from the newest backwards."""
        return await self._database.read(lambda c: store.narrowings(c, release, before=before, limit=limit))


def record(connection: Connection, actor: Actor, drafted: Narrowing) -> tuple[Narrowing, Act]:
    """Write a narrowing or a restoration under the ledger's lock, with what the ledger says of it."""
    narrowing = msgspec.structs.replace(
        drafted,
        id=f"narrowing_{secrets.token_hex(12)}",
        number=store.next_narrowing(connection, drafted.release),
        taken_by=actor.key,
    )
    store.add_narrowing(connection, narrowing)
    return narrowing, _act(narrowing)


def _drafted(connection: Connection, order: Order, moment: Moment) -> Narrowing:
    """The narrowing an order comes to, without id, number and whose it is."""
    version = store.version_in_force(connection, order.release)
    if version is None:
        raise NotFound("There is no such release.", next_step="See `gateway release list`.")
    checked_text(order.cause, "cause")
    checked_text(order.authority, "authority", empty=True)
    if order.on_unknown not in tuple(OnUnknown):
        raise Invalid("An unknown answer amounts to `deny` or to `allow`.", param="on_unknown")
    if order.until <= moment.latest:
        raise Invalid("It would have ended already.", param="until", next_step="Give a later end, or none.")
    if order.stage and order.verb is not Verb.ROLL_BACK:
        raise Invalid("Only a roll-back names a stage.", param="stage")
    drafted = Narrowing(
        id="",
        number=0,
        release=order.release,
        verb=order.verb,
        scope=_scope(connection, order),
        on_unknown=order.on_unknown,
        authority=order.authority,
        cause=order.cause,
        taken_at=moment.latest,
        taken_by="",
        until=order.until,
    )
    if order.verb is Verb.RESTORE:
        return _restoration(connection, order, drafted, moment)
    if order.inverse_of:
        raise Invalid("Only a restoration names what it undoes.", param="inverse_of")
    if order.verb in TO_A_STAGE:
        return msgspec.structs.replace(
            drafted, strategy=version.digest, stage=_stage(connection, order, version, moment)
        )
    return drafted


def _scope(connection: Connection, order: Order) -> str:
    """The scope, checked. An organisation that there is not stops nobody, and stands for one that was to be stopped."""
    text = checked_scope(order.scope)
    asked = [test for test in tests_in(scope_of(text)) if isinstance(test, Among) and test.what == "organisation"]
    names = sorted({name for test in asked for name in test.names})
    if names and (fault := fault_of_names(connection, names)):
        raise Invalid(fault, param="scope", next_step="See `gateway organisation list` for the ids there are.")
    return text


def _stage(connection: Connection, order: Order, version: StrategyVersion, moment: Moment) -> str:
    opened = version.strategy.opened(all_openings(connection).get(order.release, {}))
    if order.verb is Verb.HOLD:
        return held_stage(version.strategy, moment, opened)
    return earlier_stage(version.strategy, order.stage, moment, opened)


def _restoration(connection: Connection, order: Order, drafted: Narrowing, moment: Moment) -> Narrowing:
    if order.until != NEVER:
        raise Invalid("A restoration has no end.", param="until", next_step="Narrow anew when the time comes.")
    if order.on_unknown != "deny":
        raise Invalid("A restoration never gives to those of whom it is unknown.", param="on_unknown")
    standing = store.narrowings_in_effect(connection, order.release).get(order.release, ())
    return msgspec.structs.replace(drafted, inverse_of=to_restore(standing, order.inverse_of, moment).id)


def _act(narrowing: Narrowing) -> Act:
    """What is recorded: everything but what does not apply."""
    detail: dict[str, str | int | bool | list[str]] = {
        name: said
        for name in ("scope", "strategy", "stage", "inverse_of", "authority", "cause")
        if (said := getattr(narrowing, name))
    }
    detail["on_unknown"] = narrowing.on_unknown
    if narrowing.until != NEVER:
        detail["until"] = text_from(narrowing.until)
    if narrowing.review_by is not None:
        detail["review_by"] = text_from(narrowing.review_by)
    return Act(
        event=EVENTS[narrowing.verb],
        subject=narrowing.id,
        release=narrowing.release,
        detail=detail,
        touches=(Touch("release", narrowing.release),),
    )
