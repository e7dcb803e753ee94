"""`/control/changes`: versions planned as a difference, approved by the right people, and applied."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from gateway.access.change_decisions import ChangeReason, ChangeRefused
from gateway.access.reach import COUNT_DEADLINE_S
from gateway.access.telling_changes import told_of
from gateway.clock import Moment
from gateway.control.agreeing import AGREEING, Agreeing, role_of
from gateway.control.areas import Areas, Asking, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.plans import Foreseen, Plan, ShownChange, shown_change, shown_plan
from gateway.control.releases import ReleaseFile, read_file
from gateway.control.wire import (
    After,
    Body,
    Digest,
    DigestOrNone,
    DocumentInPath,
    Limit,
    Line,
    RecordInPath,
    ReleaseFilter,
)
from gateway.errors import NotFound
from gateway.identity.callers import OVERSIGHT, Role
from gateway.identity.search import holding
from gateway.releases.changes.change import Approval, ChangeState
from gateway.releases.retention import Ceilings

ZERO_RETENTION = "zero_retention"
NAMED_MAX = 5


class NewApproval(Body, frozen=True):
    """Agreement to exactly one change."""

    digest: Digest
    """Of the change, as it was shown."""
    role: Agreeing | None = None
    """The role it is given in; left out where the key holds only one of them."""
    grounds: DigestOrNone = ""
    """Of the evidence, as it was shown; refused where it is another by now. Left out: whatever stands."""
    cannot_be_undone: bool = False
    """Says: I know that this cannot be undone. Needed where that is so."""


class Rejection(Body, frozen=True):
    """Why a change will not be. Kept in the ledger."""

    cause: Line
    role: Agreeing | None = None


class AppliedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was just applied, and the version it brought."""

    change: ShownChange
    number: int
    digest: str
    previous: str


class ProposedText(msgspec.Struct, frozen=True, kw_only=True):
    """A text of terms that a change would bring into force."""

    name: str
    digest: str
    before: str
    """Digest of the text that it was planned against; empty for none."""
    text: str


class ChangePage(msgspec.Struct, frozen=True):
    """Some changes, from the newest backwards."""

    changes: list[ShownChange]
    next: str | None
    """Where the next page begins; null on the last."""


class Changes(Controller):
    """Changes: proposed versions of a release's strategy."""

    path = "/changes"
    tags = ("changes",)

    @get("/", **open_to(*OVERSIGHT))
    async def index(
        self,
        *,
        areas: InAreas,
        moment: Now,
        release: ReleaseFilter = None,
        only: Annotated[Literal["planned", "approved", "applied", "rejected"] | None, QueryParameter()] = None,
        after: After = None,
        limit: Limit = 50,
    ) -> ChangePage:
        """Changes from the newest backwards. One that is stale is among those planned or approved, and says so."""
        found, are_last = await areas.changing.page(
            release=release or "", state=None if only is None else ChangeState(only), before=after or "", limit=limit
        )
        policy = areas.changing.policy
        last = None if are_last else found[-1].change.id
        return ChangePage([shown_change(each, policy, moment) for each in found], last)

    @post("/", **open_to(Role.PROVIDER))
    async def plan(self, data: JSONBody[ReleaseFile], areas: InAreas, caller: Asking, moment: Now) -> Plan:
        """Hold a file against what is in force and write it down as a change. Nothing passes otherwise by it."""
        reading = await read_file(areas, data)
        change = await areas.changing.plan(
            caller, reading, data.file.encode(), moment, base=data.base, adopt=data.adopt
        )
        return await _plan(areas, change.id, moment)

    @get("/{change:str}", **open_to(*OVERSIGHT))
    async def show(self, change: RecordInPath, areas: InAreas, moment: Now) -> Plan:
        """What a change does, who gains and loses by it, and what it still needs."""
        return await _plan(areas, change, moment)

    @get("/{change:str}/terms/{text:str}", **open_to(*OVERSIGHT))
    async def terms(self, change: RecordInPath, text: DocumentInPath, areas: InAreas) -> ProposedText:
        """A text of terms as a change would bring it, to be read before anybody agrees to it."""
        proposed = await areas.changing.get(change)
        digest = proposed.change.strategy.terms.get(text)
        content = None if digest is None else await areas.catalogue.document(digest)
        if digest is None or content is None:
            raise NotFound(f"The change has no text `{text}`.", next_step=f"See `gateway change show {change}`.")
        in_force = {} if proposed.base is None else proposed.base.terms
        return ProposedText(
            name=text, digest=digest, before=in_force.get(text, ""), text=content.decode("utf-8", "replace")
        )

    @post("/{change:str}/approve", status_code=200, **open_to(*AGREEING))
    async def approve(
        self, change: RecordInPath, data: JSONBody[NewApproval], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownChange:
        """Agree to a change; or, once it was applied on one person's word, review it."""
        approval = Approval(
            key=caller.key,
            role=role_of(caller, data.role),
            digest=data.digest,
            given_at=moment.latest,
            acknowledged=data.cannot_be_undone,
            grounds=data.grounds,
        )
        async with _told(areas, change, moment):
            await areas.changing.approve(caller, change, approval, moment)
        return await _shown(areas, change, moment)

    @post("/{change:str}/reject", status_code=200, **open_to(*AGREEING))
    async def reject(
        self, change: RecordInPath, data: JSONBody[Rejection], areas: InAreas, caller: Asking, moment: Now
    ) -> ShownChange:
        """Say that a change will not be; its author may take it back so."""
        async with _told(areas, change, moment):
            await areas.changing.reject(caller, change, role_of(caller, data.role), data.cause, moment)
        return await _shown(areas, change, moment)

    @post("/{change:str}/apply", status_code=200, **open_to(Role.PROVIDER))
    async def apply(self, change: RecordInPath, areas: InAreas, caller: Asking, moment: Now) -> AppliedChange:
        """Bring a change into force as the next version of its release: everywhere within a second."""
        async with _told(areas, change, moment):
            _, version = await areas.changing.apply(caller, change, moment)
        return AppliedChange(
            change=await _shown(areas, change, moment),
            number=version.number,
            digest=version.digest,
            previous=version.previous,
        )


async def _shown(areas: Areas, change: str, moment: Moment) -> ShownChange:
    return shown_change(await areas.changing.get(change), areas.changing.policy, moment)


@asynccontextmanager
async def _told(areas: Areas, change: str, moment: Moment) -> AsyncIterator[None]:
    """Let a refusal say what is so of this very change: who has agreed, what moved, until when it waits."""
    try:
        yield
    except ChangeRefused as refused:
        proposed, waits_s = await areas.changing.get(change), 0
        if ChangeReason.COOLING_OFF in refused.reasons:
            waits_s = (await areas.changing.outlook(proposed, moment)).waits_s
        policy = areas.changing.policy
        told = dict.fromkeys(told_of(reason, proposed, policy, waits_s) for reason in refused.reasons)
        refused.message = " ".join(told)
        raise


async def _plan(areas: Areas, change: str, moment: Moment) -> Plan:
    proposed = await areas.changing.get(change)
    narrowings = await areas.restraint.standing(proposed.change.strategy.release)
    consequences = await areas.foresight.consequences(proposed.base, proposed.change.strategy, moment, narrowings)
    foreseen = Foreseen(
        consequences=consequences,
        outlook=await areas.changing.outlook(proposed, moment),
        gates=await areas.openings.standing(proposed.as_version(moment), moment),
        ceilings=await _ceilings(areas, moment),
    )
    return shown_plan(proposed, foreseen, areas.changing.policy, moment)


async def _ceilings(areas: Areas, moment: Moment) -> Ceilings:
    """Organisations of which it is asserted that they want nothing kept."""
    work = partial(holding, name=ZERO_RETENTION, moment=moment, limit=NAMED_MAX)
    count, first = await areas.database.read(work, deadline_s=COUNT_DEADLINE_S)
    return Ceilings(count, tuple(first))
