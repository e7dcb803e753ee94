"""Searching the ledger: by the index as far as it reaches, by reading the entries beyond it.

A page is found in steps, each a short reading of its own, and costs no more than a set number of
them: a search for what is rare may answer with few entries or none, and a cursor from which to go
on. Entries never change and none is ever put between others, so pages fit together.
"""

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from operator import and_
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select

from gateway.clock import Instant
from gateway.database.engine import Readable
from gateway.ledger.entries import Entry, entry_from
from gateway.ledger.events import Event
from gateway.ledger.index import indexed
from gateway.ledger.segments import (
    CALL_TERM,
    ID_TERM,
    SEGMENT,
    STAGES_TERM,
    Line,
    bitmap,
    number,
    positions_of,
    positions_with,
    searchable,
    term,
)
from gateway.ledger.store import lines, size_of
from gateway.ledger.tables import entry_table, posting_table

LIMIT_MAX = 1000
"""Entries a page."""

SCAN_STEP = 512
"""Entries read in one step."""

WINDOW = 64
"""Segments whose postings are read in one step."""

STEPS_MAX = 64
"""Steps a page."""

OWN_STEPS_MAX = 16
"""Steps a page of what one organisation may see."""

COUNT_STEPS_MAX = 128
"""Steps a count: it is one reading, which must end in time however much is read in vain."""

DECISIONS = {"admitted": Event.ACCESS_ADMITTED, "refused": Event.ACCESS_REFUSED}


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; an empty text asks for nothing in particular."""

    since: Instant | None = None
    """Not before."""
    until: Instant | None = None
    """Before."""
    organisation: str = ""
    key: str = ""
    release: str = ""
    stage: str = ""
    """Of a call: the stage by which it was judged."""
    event: str = ""
    decision: str = ""
    """admitted or refused."""
    reason: str = ""
    endpoint: str = ""
    oldest_first: bool = False
    cursor: int | None = None
    """Where the page before ended."""
    limit: int = 100

    def matches(self, said: Line) -> bool:
        """Whether an entry is looked for; its time is not asked here."""
        body = said.body
        return (
            (not self.organisation or body.organisation == self.organisation)
            and (not self.key or body.key == self.key)
            and (not self.release or body.release == self.release)
            and (not self.stage or body.stage == self.stage)
            and (not self.event or said.event == self.event)
            and (not self.decision or said.event == DECISIONS.get(self.decision))
            and (not self.reason or self.reason in body.reasons)
            and (not self.endpoint or body.endpoint == self.endpoint)
        )

    def terms(self) -> set[int]:
        """Terms that every match has, in whichever segment: a stage has one only in newer ones."""
        fields = [(name, getattr(self, name)) for name in ("organisation", "key", "release", "event", "reason")]
        if self.decision:
            fields.append(("event", DECISIONS.get(self.decision, "")))
        return {term(name, value) for name, value in fields if value}


class Page(msgspec.Struct, frozen=True):
    """Entries in the order asked for."""

    entries: tuple[Entry, ...]
    cursor: int
    """From where to go on: also when nothing is left now, to follow what is yet to come."""
    is_last: bool
    """Whether there is nothing more at present."""


class _Span(msgspec.Struct, frozen=True):
    """What is still to be searched, and how."""

    low: int
    high: int
    """Not included."""
    indexed_to: int


class Search:
    """Finds entries."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def of_organisation(self, organisation: str, query: Query) -> Page:
        """A page of this organisation's own entries, whatever the query says of organisations."""
        if not organisation:
            raise ValueError("no organisation is not every organisation")
        return await self._page(msgspec.structs.replace(query, organisation=organisation), OWN_STEPS_MAX)

    async def everywhere(self, query: Query) -> Page:
        """A page of all organisations' entries: only for those who may see them all."""
        return await self._page(query, STEPS_MAX)

    async def _page(self, query: Query, steps_max: int) -> Page:
        limit = max(1, min(query.limit, LIMIT_MAX))
        span = await self._database.read(partial(_span, query=query))
        found: list[Entry] = []
        for _ in range(steps_max):
            if span.low >= span.high or len(found) >= limit:
                break
            step = partial(_step, query=query, span=span, limit=limit - len(found))
            entries, span = await self._database.read(step)
            found += entries
        cursor = span.low if query.oldest_first else span.high
        return Page(tuple(found), cursor, span.low >= span.high)

    async def about(self, id_: str, organisation: str = "") -> list[Entry]:
        """The entry with this id and, where it admits a call, how that ended; in order.

        With an organisation, only where the entries are its own.
        """
        segments, size = await self._database.read(lambda connection: (indexed(connection), size_of(connection)))
        found: list[Entry] = []
        end = size
        while end > 0 and not any(entry.id == id_ for entry in found):
            by_index = end <= segments * SEGMENT
            start = max(0, end - WINDOW * SEGMENT) if by_index else max(segments * SEGMENT, end - SCAN_STEP)
            read = partial(_about, id_=id_, start=start, end=end, by_index=by_index)
            found = await self._database.read(read) + found
            end = start
        return [entry for entry in found if not organisation or entry.body.get("organisation") == organisation]


def counted(connection: Connection, query: Query, most: int) -> int:
    """How many entries are looked for, up to so many, as far as a set number of steps reaches: never too many."""
    span = _span(connection, query)
    found = 0
    for _ in range(COUNT_STEPS_MAX):
        if span.low >= span.high or found >= most:
            break
        entries, span = _step(connection, query, span, min(most - found, LIMIT_MAX))
        found += len(entries)
    return found


def _span(connection: Connection, query: Query) -> _Span:
    size = size_of(connection)
    low = 0 if query.since is None else _first_at(connection, query.since, size)
    high = size if query.until is None else _first_at(connection, query.until, size)
    if query.cursor is not None:
        low, high = (max(low, query.cursor), high) if query.oldest_first else (low, min(high, query.cursor))
    return _Span(low, high, indexed(connection) * SEGMENT if query.terms() else 0)


def _first_at(connection: Connection, instant: Instant, size: int) -> int:
    """The first entry not before an instant: instants never go back, so halving finds it."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        said = next((found for _, line in lines(connection, middle, middle + 1) if (found := searchable(line))), None)
        if said is None or said.at >= instant:
            high = middle
        else:
            low = middle + 1
    return low


def _step(connection: Connection, query: Query, span: _Span, limit: int) -> tuple[list[Entry], _Span]:
    """Search one piece at the near end of the span; what is left of it."""
    low, high = _piece(query, span)
    far = high if query.oldest_first else low
    places: Sequence[int] = range(low, high)
    if high <= span.indexed_to:
        places = _candidates(connection, query, low, high)
        if len(places) == SCAN_STEP:  # there may be more of them in this piece
            far = places[-1] + 1 if query.oldest_first else places[-1]
    found = [
        entry_from(line, leaf_hash)
        for said, line, leaf_hash in _read(connection, places, oldest_first=query.oldest_first)
        if query.matches(said)
    ]
    if len(found) >= limit:
        found = found[:limit]
        far = found[-1].index + 1 if query.oldest_first else found[-1].index
    return found, _after(query, span, far)


def _piece(query: Query, span: _Span) -> tuple[int, int]:
    """A piece that lies wholly before or wholly after the end of the index."""
    if query.oldest_first:
        if span.low < span.indexed_to:
            return span.low, min(span.high, span.indexed_to, span.low + WINDOW * SEGMENT)
        return span.low, min(span.high, span.low + SCAN_STEP)
    if span.high > span.indexed_to:
        return max(span.low, span.indexed_to, span.high - SCAN_STEP), span.high
    return max(span.low, span.high - WINDOW * SEGMENT), span.high


def _after(query: Query, span: _Span, reached: int) -> _Span:
    low, high = (reached, span.high) if query.oldest_first else (span.low, reached)
    return _Span(low, high, span.indexed_to)


_postings_of = select(posting_table.c.segment, posting_table.c.term, posting_table.c.positions).where(
    posting_table.c.segment.in_(bindparam("segments", expanding=True)),
    posting_table.c.term.in_(bindparam("terms", expanding=True)),
)
_entries = select(entry_table.c.line, entry_table.c.leaf_hash)
_entries_at = _entries.where(entry_table.c.index.in_(bindparam("places", expanding=True)))
_entries_between = _entries.where(entry_table.c.index.between(bindparam("low"), bindparam("high")))


def _candidates(connection: Connection, query: Query, low: int, high: int) -> list[int]:
    """The first so many entries that have every term of the query, by the index, in the order asked for."""
    terms = query.terms()
    of_stage = {term("stage", query.stage)} if query.stage else set[int]()
    segments = range(low // SEGMENT, (high - 1) // SEGMENT + 1)
    held: dict[int, dict[int, int]] = {}
    parameters = {"segments": list(segments), "terms": [*terms, *of_stage, STAGES_TERM]}
    for segment, hashed, positions in connection.execute(_postings_of, parameters):
        held.setdefault(segment, {})[hashed] = bitmap(positions)
    found: list[int] = []
    for segment in sorted(held, reverse=not query.oldest_first):
        wanted = terms | of_stage if STAGES_TERM in held[segment] else terms
        positions = positions_of(reduce(and_, (held[segment].get(each, 0) for each in wanted)))
        places = [segment * SEGMENT + position for position in positions]
        found += [place for place in places[:: 1 if query.oldest_first else -1] if low <= place < high]
        if len(found) >= SCAN_STEP:
            break
    return found[:SCAN_STEP]


def _read(connection: Connection, places: Sequence[int], *, oldest_first: bool) -> Iterator[tuple[Line, bytes, bytes]]:
    """Entries at these places, in order; those that were tampered with say nothing."""
    parameters: dict[str, Any]
    if isinstance(places, range):
        query, parameters = _entries_between, {"low": places.start, "high": places.stop - 1}
    else:
        query, parameters = _entries_at, {"places": places}
    order = entry_table.c.index if oldest_first else entry_table.c.index.desc()
    for line, leaf_hash in connection.execute(query.order_by(order), parameters):
        said = searchable(line)
        if said is not None:
            yield said, line, leaf_hash


def _about(connection: Connection, id_: str, start: int, end: int, *, by_index: bool) -> list[Entry]:
    """Entries between two places that have this id or are about this call."""
    places: Sequence[int] = _numbered(connection, number(id_), start, end) if by_index else range(start, end)
    return [
        entry_from(line, leaf_hash)
        for said, line, leaf_hash in _read(connection, places, oldest_first=True)
        if id_ in (said.id, said.body.admitted)
    ]


def _numbered(connection: Connection, wanted: int, start: int, end: int) -> list[int]:
    segments = list(range(start // SEGMENT, (end - 1) // SEGMENT + 1))
    rows = connection.execute(_postings_of, {"segments": segments, "terms": [ID_TERM, CALL_TERM]})
    return sorted(
        {segment * SEGMENT + position for segment, _, stored in rows for position in positions_with(stored, wanted)}
    )
