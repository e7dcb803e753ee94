"""`/control/ledger`: reading the record. Oversight reads all of it; a developer, what concerns its own organisation.

A refusal that hid a release is told to its organisation exactly as one that met no release, and what was done about a
hidden release not at all, so that the record gives nothing away that the door did not.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, get
from litestar.params import QueryParameter

from gateway.access.reasons import Reason
from gateway.control.areas import Areas, Asking, InAreas
from gateway.control.guards import open_to
from gateway.control.known import hidden_among
from gateway.control.wire import (
    DecisionFilter,
    EndpointFilter,
    KeyFilter,
    Limit,
    Order,
    OrganisationFilter,
    Reference,
    ReleaseFilter,
    WhenFilter,
    instant_in,
    shown,
)
from gateway.errors import NotFound
from gateway.identity.callers import OVERSIGHT, Caller, Role
from gateway.identity.search import fault_of_names
from gateway.ledger.entries import Entry
from gateway.ledger.events import Event
from gateway.ledger.search import Page, Query
from gateway.ledger.store import lines
from gateway.spelling import meant

INDEX_MAX = 2**53 - 1

OF_CALLS = (Event.ACCESS_ADMITTED, Event.ACCESS_REFUSED, Event.ACCESS_FINISHED)

_TOLD_OF_UNKNOWN = frozenset({"organisation", "key", "component", "endpoint", "end_user", "reasons", "bytes_in"})
"""What the record says of a call to a name that is no release, and is told of any that the caller may not know of."""


class ShownEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the ledger."""

    index: int
    id: str
    event: str
    at: datetime
    uncertainty_us: int
    process: str
    body: dict[str, Any]
    leaf_hash: str = ""
    """RFC 6962, in hex. Left out where the entry is not shown whole."""
    canonical: str = ""
    """The very text that is hashed; only where one entry is asked for."""


class EntryPage(msgspec.Struct, frozen=True):
    """Some entries, in the order asked for. A search for what is rare may give few, or none, before the last page."""

    entries: list[ShownEntry]
    next: int
    """`after` of the next page; on the last, where to go on once more is recorded."""
    is_last: bool
    """Whether there is nothing more at present."""
    notes: list[str]
    """On the first page: of what was asked for, names that nothing has here. What was recorded of them is shown."""


class EntryWithEnd(msgspec.Struct, frozen=True):
    """One entry and, where it admitted a call, how that ended."""

    entry: ShownEntry
    ended: ShownEntry | None


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """What the ledger is now, to be kept where nobody who runs the gateway can reach it."""

    size: int
    """How many entries it vouches for."""
    root: str
    """Over them (RFC 6962), in hex."""
    note: str
    """The checkpoint itself, a signed note (C2SP tlog-checkpoint): keep this text as it is."""
    key: str
    """By what it is verified: `name+hash+key`, a line for each key that the ledger has had, oldest first. Keep the
    first from the start, and believe a later one only if you were told of it."""


class LedgerEntries(Controller):
    """The ledger."""

    path = "/ledger"
    tags = ("ledger",)

    @get("/", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def index(
        self,
        *,
        areas: InAreas,
        caller: Asking,
        since: WhenFilter = None,
        until: WhenFilter = None,
        organisation: OrganisationFilter = None,
        key: KeyFilter = None,
        release: ReleaseFilter = None,
        event: Annotated[Event | None, QueryParameter()] = None,
        decision: DecisionFilter = None,
        reason: Annotated[Reason | None, QueryParameter()] = None,
        endpoint: EndpointFilter = None,
        order: Annotated[Order, QueryParameter()] = Order.NEWEST,
        after: Annotated[
            int | None, QueryParameter(ge=0, le=INDEX_MAX, description="`next` of the page before.")
        ] = None,
        limit: Limit = 100,
    ) -> EntryPage:
        """Entries by time, organisation, key, release, event, decision, reason and endpoint."""
        query = Query(
            since=instant_in(since, "since"),
            until=instant_in(until, "until"),
            organisation=organisation or "",
            key=key or "",
            release=release or "",
            event=event or "",
            decision=decision or "",
            reason=reason or "",
            endpoint=endpoint or "",
            oldest_first=order is Order.OLDEST,
            cursor=after,
            limit=limit,
        )
        with areas.searching.by(caller):
            page = await _page(areas, caller, query)
            notes = await _notes(areas, query) if after is None and caller.has(*OVERSIGHT) else []
        entries = await _all_shown(areas, caller, page.entries)
        return EntryPage(entries, page.cursor, page.is_last, notes)

    @get("/checkpoint", **open_to(*OVERSIGHT))
    async def checkpoint(self, areas: InAreas, caller: Asking) -> SignedCheckpoint:
        """What the ledger is now, signed. Whoever keeps it can tell later whether it was changed since."""
        with areas.searching.by(caller):
            checkpoint, note = await areas.checkpoints.now()
        key = "\n".join(map(str, areas.checkpoints.verifiers))
        return SignedCheckpoint(checkpoint.size, checkpoint.root.hex(), note, key)

    @get("/{entry:str}", **open_to(*OVERSIGHT, Role.DEVELOPER))
    async def show(self, entry: Reference, areas: InAreas, caller: Asking) -> EntryWithEnd:
        """One entry, by its index or its id, with the very text that is hashed."""
        with areas.searching.by(caller):
            found = await _about(areas, caller, entry)
        shown_entries = await _all_shown(areas, caller, found[:2], whole=True)
        if not shown_entries:
            raise NotFound
        return EntryWithEnd(shown_entries[0], shown_entries[1] if len(shown_entries) > 1 else None)


async def _page(areas: Areas, caller: Caller, query: Query) -> Page:
    """What this caller may read of it."""
    if caller.has(*OVERSIGHT):
        return await areas.search.everywhere(query)
    known = not query.release or await areas.usable.may_know_of(caller, query.release)
    if not known or query.organisation not in {"", caller.organisation}:
        return Page((), query.cursor or 0, is_last=True)
    return await areas.search.of_organisation(caller.organisation, query)


async def _notes(areas: Areas, query: Query) -> list[str]:
    """Which names in a search nothing has here: whoever misspells one would take the silence for an answer."""
    notes = []
    if organisation := query.organisation:
        fault = await areas.database.read(lambda connection: fault_of_names(connection, [organisation]))
        notes += [fault] if fault else []
    snapshot, _ = areas.current.now()
    if query.release and query.release not in snapshot.releases:
        notes.append(f"There is no release `{query.release}`.{meant(query.release, snapshot.releases)}")
    return notes


async def _about(areas: Areas, caller: Caller, entry: str) -> list[Entry]:
    """The entry with this index or id, and what it led to. Raises NotFound where this caller may not read it."""
    own = "" if caller.has(*OVERSIGHT) else caller.organisation
    if entry.isdecimal():
        page = await areas.search.everywhere(Query(oldest_first=True, cursor=int(entry), limit=1))
        found = [each for each in page.entries if each.index == int(entry)]
        if not found or (own and found[0].body.get("organisation") != own):
            raise NotFound
        entry = found[0].id
    found = await areas.search.about(entry, own)
    if not found:
        raise NotFound
    return found


async def _all_shown(
    areas: Areas, caller: Caller, entries: Sequence[Entry], *, whole: bool = False
) -> list[ShownEntry]:
    hidden = await hidden_among(areas, caller, (release for each in entries if (release := _release_of(each))))
    # A call to a name that is none has no release in its entry, and is told as one to a hidden release is. What others
    # did about a hidden release is not there at all: that something was done tells that there is one.
    unnamed = not caller.has(*OVERSIGHT)
    return [
        await _shown(areas, each, hides=_release_of(each) in hidden or (unnamed and _met_none(each)), whole=whole)
        for each in entries
        if _release_of(each) not in hidden or each.event in OF_CALLS
    ]


def _met_none(entry: Entry) -> bool:
    is_refused = entry.event == Event.ACCESS_REFUSED and entry.body.get("reasons") == [Reason.MODEL_NOT_FOUND]
    return is_refused and not _release_of(entry)


async def _shown(areas: Areas, entry: Entry, *, hides: bool, whole: bool) -> ShownEntry:
    """An entry; of a release that is hidden from the caller, what a call to a name that is none leaves."""
    if hides:
        return _without_hash(entry, {name: said for name, said in entry.body.items() if name in _TOLD_OF_UNKNOWN})
    canonical = await _text_of(areas, entry) if whole else ""
    return msgspec.structs.replace(
        _without_hash(entry, entry.body), leaf_hash=entry.leaf_hash.hex(), canonical=canonical
    )


def _without_hash(entry: Entry, body: dict[str, Any]) -> ShownEntry:
    return ShownEntry(
        index=entry.index,
        id=entry.id,
        event=entry.event,
        at=shown(entry.at),
        uncertainty_us=entry.uncertainty_us,
        process=entry.process,
        body=body,
    )


async def _text_of(areas: Areas, entry: Entry) -> str:
    """The stored text itself, which nobody has read and written again."""
    index = entry.index
    stored = await areas.database.read(lambda connection: lines(connection, index, index + 1))
    return "".join(line.decode() for _, line in stored)


def _release_of(entry: Entry) -> str:
    return str(entry.body.get("release", ""))
