"""Giving and revoking grants, accepting terms: each with its entry, in one transaction."""

import secrets
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from gateway.access import store
from gateway.access.grants import LASTING, Acceptance, Grant, Holdings
from gateway.access.quotas import Meter
from gateway.clock import DAY, Instant, Moment, at, text_from
from gateway.database.engine import Database, Readable
from gateway.errors import Conflict, DatabaseUnavailable, Invalid, NotFound
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.releases.store import version_in_force

GRANT_DAYS_MAX = 366
"""A grant ends within a year: interface authorisations are to be looked at again."""


class Admissions:
    """What organisations hold towards releases."""

    def __init__(self, database: Database, ledger: Ledger, leisure: Readable | None = None) -> None:
        """What no call waits for is read at leisure, where that is given."""
        self._database = database
        self._leisure = leisure or database
        self._ledger = ledger

    async def give(self, actor: Actor, grant: Grant) -> Grant:
        """Give a grant; in force everywhere within a second."""
        if not grant.starts_at < grant.ends_at <= grant.starts_at + GRANT_DAYS_MAX * DAY:
            raise Invalid(
                f"A grant ends after it starts and within {GRANT_DAYS_MAX} days of it.",
                param="ends_at",
                next_step="Give an earlier end; grants are renewed by giving another.",
            )

        def work(connection: Connection) -> tuple[Grant, list[Act]]:
            before = store.grants_held(connection, grant.organisation, grant.release)
            given = _with_rules(connection, grant).following(before, at(grant.given_at))
            store.add_grant(connection, given)
            detail: dict[str, str | int | bool | list[str]] = {
                "authority": given.authority,
                "starts_at": text_from(given.starts_at),
                "ends_at": text_from(given.ends_at),
            }
            if given.recertify_by is not None:
                detail["recertify_by"] = text_from(given.recertify_by)
            return given, [_act(Event.GRANT_GIVEN, given, detail)]

        return await self._ledger.administer(actor, work)

    async def revoke(self, actor: Actor, grant_id: str, cause: str, now: Instant) -> Grant:
        """End a grant at once. Raises NotFound, or Conflict when it was revoked before."""

        def work(connection: Connection) -> tuple[Grant, list[Act]]:
            if not store.end_grant(connection, grant_id, now, cause):
                if store.grant_by_id(connection, grant_id) is None:
                    raise NotFound(f"There is no grant `{grant_id}`.")
                raise Conflict(
                    f"The grant `{grant_id}` was revoked before.", next_step="See what stands: `gateway grant list`."
                )
            grant = store.grant_by_id(connection, grant_id)
            assert grant is not None
            return grant, [_act(Event.GRANT_REVOKED, grant, {"cause": cause})]

        return await self._ledger.administer(actor, work)

    async def pause(self, actor: Actor, grant_id: str, cause: str, moment: Moment) -> Grant:
        """Let a grant admit nobody until it is resumed; calls under way are cut within a second."""

        def change(held: Grant) -> tuple[Grant, Act]:
            if held.paused_at is not None:
                raise Conflict(f"The grant `{grant_id}` is paused already.")
            paused = msgspec.structs.replace(held, paused_at=moment.latest, paused_cause=cause)
            return paused, _act(Event.GRANT_PAUSED, paused, {"cause": cause})

        return await self._change(actor, grant_id, moment, change)

    async def resume(self, actor: Actor, grant_id: str, moment: Moment) -> Grant:
        """Let a grant that was paused admit again, for what is left of its time."""

        def change(held: Grant) -> tuple[Grant, Act]:
            if held.paused_at is None:
                raise Conflict(f"The grant `{grant_id}` is not paused.")
            resumed = msgspec.structs.replace(held, paused_at=None, paused_cause="")
            return resumed, _act(Event.GRANT_RESUMED, resumed, {"paused_at": text_from(held.paused_at)})

        return await self._change(actor, grant_id, moment, change)

    async def recertify(self, actor: Actor, grant_id: str, authority: str, moment: Moment) -> Grant:
        """Say that somebody has looked at a grant again and that it goes on: until the next time, or its end."""

        def change(held: Grant) -> tuple[Grant, Act]:
            if held.recertify_every is None:
                raise Conflict(f"The grant `{grant_id}` need not be looked at again.")
            due = moment.earliest + held.recertify_every
            fresh = msgspec.structs.replace(held, recertify_by=due, recertification_noted=None)
            detail: dict[str, str | int | bool | list[str]] = {"authority": authority, "recertify_by": text_from(due)}
            return fresh, _act(Event.GRANT_RECERTIFIED, fresh, detail)

        return await self._change(actor, grant_id, moment, change)

    async def _change(
        self, actor: Actor, grant_id: str, moment: Moment, change: Callable[[Grant], tuple[Grant, Act]]
    ) -> Grant:
        """Change a grant that lasts. Raises NotFound, or Conflict where it is over or as it should be already."""

        def work(connection: Connection) -> tuple[Grant, list[Act]]:
            held = store.grant_by_id(connection, grant_id)
            if held is None:
                raise NotFound(f"There is no grant `{grant_id}`.")
            if held.state(moment) not in LASTING:
                raise Conflict(f"The grant `{grant_id}` is over: it is {held.state(moment)}.")
            changed, act = change(held)
            if not store.change_grant(connection, changed, held):
                raise Conflict(f"The grant `{grant_id}` has changed meanwhile.")
            return changed, [act]

        return await self._ledger.administer(actor, work)

    async def accept(self, actor: Actor, acceptance: Acceptance) -> bool:
        """Accept a text for an organisation; False when it had been accepted already."""

        def work(connection: Connection) -> tuple[bool, list[Act]]:
            if not store.accept_terms(connection, acceptance):
                return False, []
            act = Act(
                event=Event.TERMS_ACCEPTED,
                subject=acceptance.id,
                organisation=acceptance.organisation,
                release=acceptance.release,
                detail={"name": acceptance.name, "digest": acceptance.digest},
                touches=(Touch("organisation", acceptance.organisation),),
            )
            return True, [act]

        return await self._ledger.administer(actor, work)

    async def grants(self, *, organisation: str, release: str, after: str, limit: int) -> list[Grant]:
        """Grants in order of id, after the given one."""
        return await self._leisure.read(
            lambda connection: store.grants(
                connection, organisation=organisation, release=release, after=after, limit=limit
            )
        )

    async def holdings(self, organisation: str) -> Holdings:
        """Everything one organisation holds; empty holdings where it holds nothing.

        Raises DatabaseUnavailable, whatever the driver raised: nobody is admitted on a guess, and that is no crash.
        """
        try:
            return await self._database.read(lambda connection: store.holdings(connection, organisation))
        except Exception as error:
            raise DatabaseUnavailable from error

    async def used(self, organisation: str) -> dict[str, Meter]:
        """The meters of one organisation, by release."""
        return await self._leisure.read(lambda connection: store.meters_of_organisation(connection, organisation))


def new_id(kind: str) -> str:
    """An id that sorts nowhere in particular: `grant_…`, `terms_…`."""
    return f"{kind}_{secrets.token_hex(12)}"


def _with_rules(connection: Connection, grant: Grant) -> Grant:
    """The grant as the release's form has it: looked at again in time, like those that were asked for.

    Raises Conflict where the release wants more than one person's word, which is had by a request alone, and where
    it would last longer than the form gives to anybody.
    """
    version = version_in_force(connection, grant.release)
    form = None if version is None else version.strategy.requests
    if form is None:
        return grant
    if form.second_approval or form.concurrence:
        wanted = " and ".join(["two approvals"] * form.second_approval + ["a concurrence"] * bool(form.concurrence))
        raise Conflict(
            f"Each grant of `{grant.release}` needs {wanted}: nobody gives one alone.",
            code="request_required",
            next_step=f"Let the organisation ask: `gateway request ask {grant.release}`.",
        )
    if grant.ends_at > grant.starts_at + form.grant_days * DAY:
        raise Conflict(
            f"A grant of `{grant.release}` lasts {form.grant_days} days at most: its form says so.",
            code="grant_too_long",
            next_step="Let it end sooner, or plan a version whose form gives more days.",
        )
    return msgspec.structs.replace(
        grant,
        recertify_by=form.recertification(grant.starts_at),
        recertify_every=form.recertify_every_days * DAY or None,
    )


def _act(event: Event, grant: Grant, detail: dict[str, str | int | bool | list[str]]) -> Act:
    return Act(
        event=event,
        subject=grant.id,
        organisation=grant.organisation,
        release=grant.release,
        detail=detail,
        touches=(Touch("organisation", grant.organisation),),
    )
