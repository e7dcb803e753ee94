"""Searching finds exactly what reading everything would find, by the index and beyond it."""

import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, update

from gateway.clock import at
from gateway.database.engine import Database
from gateway.ledger import search as searching
from gateway.ledger.entries import AccessBody, AdministrativeBody, Draft, Entry, FinishedBody, written
from gateway.ledger.events import Event
from gateway.ledger.index import Follower, indexed
from gateway.ledger.search import DECISIONS, SCAN_STEP, Query, Search, counted
from gateway.ledger.segments import SEGMENT, STAGES_TERM, term
from gateway.ledger.store import Appending
from gateway.ledger.tables import entry_table, posting_table
from tests.ledger.builders import NOON, entries_of

SIZE = 2 * SEGMENT + 700
BATCH = 150
ORGANISATIONS = ["org_a", "org_b", "org_rare", "org_\u2028'\"%"]
RELEASES = ["acme/atlas-1", "acme/atlas-2"]
STAGES = ["internal", "few", "general"]
REASONS = ["grant_required", "rate_limit_exceeded"]
ENDPOINTS = ["/v1/chat/completions", "/v1/embeddings"]


def some_draft(place: int, dice: random.Random) -> Draft:
    organisation = ORGANISATIONS[2] if dice.random() < 0.002 else dice.choice([*ORGANISATIONS[:2], ORGANISATIONS[3]])
    shared: dict[str, Any] = {
        "organisation": organisation,
        "key": f"{organisation}_{dice.randrange(3)}",
        "release": dice.choice(RELEASES),
    }
    match dice.randrange(7):
        case 0:
            return Draft(f"act_{place}", Event.KEY_ISSUED, AdministrativeBody(**shared))
        case 1 | 2:
            reasons = dice.sample(REASONS, dice.randrange(3))
            shared["stage"] = STAGES[place % 3]
            refused = AccessBody(**shared, reasons=reasons, endpoint=dice.choice(ENDPOINTS))
            return Draft(f"call_{place}", Event.ACCESS_REFUSED, refused)
        case 3 | 4:
            shared["stage"] = STAGES[place % 3]
            admitted = AccessBody(**shared, endpoint=dice.choice(ENDPOINTS))
            return Draft(f"call_{place}", Event.ACCESS_ADMITTED, admitted)
        case _:
            call = f"call_{dice.randrange(place + 1)}"
            return Draft(f"{call}.end_{place}", Event.ACCESS_FINISHED, FinishedBody(**shared, admitted=call))


def fill(connection: Connection, first: int, end: int) -> None:
    """Entries in batches, each at its own instant."""
    dice = random.Random(first)
    for start in range(first, end, BATCH):
        appending = Appending(connection, "p", lambda now=NOON + start * 40_000: at(now))
        appending.place([written(some_draft(place, dice)) for place in range(start, min(start + BATCH, end))])


@pytest_asyncio.fixture
async def filled(database: Database) -> AsyncIterator[tuple[Search, list[Entry]]]:
    """A ledger of two indexed segments and a tail, and all that is in it."""
    await database.write(lambda connection: fill(connection, 0, SIZE))
    follower = Follower(database, lambda: False)
    while await follower.index_next():
        pass
    assert await database.read(indexed) == 2
    yield Search(database), await entries_of(database)


instants = st.none() | st.builds(
    lambda batch, off: NOON + batch * BATCH * 40_000 + off,
    st.integers(0, SIZE // BATCH + 1),
    st.sampled_from([-1, 0, 1]),
)
"""At the instant of a batch, a tick before and one after."""


def maybe(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", *values, "of nobody"])


queries = st.builds(
    Query,
    since=instants,
    until=instants,
    organisation=maybe(ORGANISATIONS),
    key=maybe(["org_a_1", "org_rare_2"]),
    release=maybe(RELEASES),
    stage=maybe(STAGES),
    event=maybe([Event.ACCESS_ADMITTED, Event.KEY_ISSUED]),
    decision=st.sampled_from(["", "", "admitted", "refused", "nonsense"]),
    reason=maybe(REASONS),
    endpoint=maybe(ENDPOINTS),
    oldest_first=st.booleans(),
    limit=st.sampled_from([1, 7, 100, 1000]),
)


def read_everything(entries: list[Entry], query: Query) -> list[Entry]:
    found = [
        entry
        for entry in entries
        if (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
        and all(
            not wanted or entry.body.get(name) == wanted
            for name, wanted in (
                ("organisation", query.organisation),
                ("key", query.key),
                ("release", query.release),
                ("stage", query.stage),
                ("endpoint", query.endpoint),
            )
        )
        and (not query.event or entry.event == query.event)
        and (not query.decision or entry.event == DECISIONS.get(query.decision))
        and (not query.reason or query.reason in entry.body.get("reasons", []))
    ]
    return found if query.oldest_first else found[::-1]


async def pages(search: Search, query: Query, most: int) -> tuple[list[Entry], bool]:
    """Entries page by page, at most so many pages; whether that was all."""
    found: list[Entry] = []
    for _ in range(most):
        page = await search.everywhere(query)
        assert len(page.entries) <= query.limit
        found += page.entries
        if page.is_last:
            return found, True
        query = msgspec.structs.replace(query, cursor=page.cursor)
    return found, False


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
async def test_pages_are_what_reading_everything_finds(filled: tuple[Search, list[Entry]], query: Query) -> None:
    search, entries = filled

    found, was_all = await pages(search, query, most=5)

    expected = read_everything(entries, query)
    assert found == (expected if was_all else expected[: len(found)])
    assert was_all or len(found) > 0


async def test_a_time_begins_with_its_first_instant_and_ends_before_its_last(
    filled: tuple[Search, list[Entry]],
) -> None:
    search, entries = filled
    since, until = entries[20 * BATCH].at, entries[22 * BATCH].at

    found, _ = await pages(search, Query(since=since, until=until, oldest_first=True, limit=1000), most=5)

    assert [entry.index for entry in found] == list(range(20 * BATCH, 22 * BATCH))


async def test_calls_of_a_stage_are_counted_in_segments_from_before_stages_had_terms_too(
    database: Database, filled: tuple[Search, list[Entry]]
) -> None:
    _, entries = filled
    query = Query(event=Event.ACCESS_ADMITTED, release=RELEASES[0], stage="few")
    of_stages = [STAGES_TERM, *(term("stage", stage) for stage in STAGES)]
    older = (posting_table.c.segment == 0) & posting_table.c.term.in_(of_stages)
    deleted = await database.write(lambda connection: connection.execute(delete(posting_table).where(older)).rowcount)

    found = await database.read(lambda connection: counted(connection, query, SIZE))

    assert deleted == 4
    assert found == len(read_everything(entries, query)) > 100


async def test_a_count_ends_with_its_last_step(
    database: Database, filled: tuple[Search, list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, entries = filled
    monkeypatch.setattr(searching, "COUNT_STEPS_MAX", 2)

    found = await database.read(lambda connection: counted(connection, Query(), SIZE))

    assert found == 2 * SCAN_STEP < len(entries)


async def test_a_rare_term_is_found_to_the_last_entry(filled: tuple[Search, list[Entry]]) -> None:
    search, entries = filled
    query = Query(organisation="org_rare", limit=1)

    found, was_all = await pages(search, query, most=1000)

    expected = read_everything(entries, query)
    assert was_all
    assert found == expected
    assert len(expected) > 5


async def test_an_organisation_sees_its_own_entries_whatever_it_asks(filled: tuple[Search, list[Entry]]) -> None:
    search, _ = filled

    page = await search.of_organisation("org_a", Query(organisation="org_b", limit=50))

    assert {entry.body["organisation"] for entry in page.entries} == {"org_a"}


async def test_no_organisation_is_not_every_organisation(filled: tuple[Search, list[Entry]]) -> None:
    search, _ = filled

    with pytest.raises(ValueError, match="every"):
        await search.of_organisation("", Query())


async def test_a_call_is_found_with_its_ends(filled: tuple[Search, list[Entry]]) -> None:
    search, entries = filled
    ended = {entry.body["admitted"] for entry in entries if entry.event == Event.ACCESS_FINISHED}
    calls = [entry.id for entry in entries if entry.event == Event.ACCESS_ADMITTED and entry.id in ended]

    for call in [*calls[:5], *calls[-5:]]:
        found = await search.about(call)

        assert found == [entry for entry in entries if call in (entry.id, entry.body.get("admitted"))]
        assert len(found) > 1


async def test_any_entry_is_found_by_its_own_id(filled: tuple[Search, list[Entry]]) -> None:
    search, entries = filled

    for entry in [*entries[::1500], entries[-1]]:
        assert entry in await search.about(entry.id)


async def test_an_id_that_is_nobodys_finds_nothing(filled: tuple[Search, list[Entry]]) -> None:
    search, _ = filled

    assert await search.about("call_of_nobody") == []


async def test_an_id_of_another_organisation_finds_nothing(filled: tuple[Search, list[Entry]]) -> None:
    search, entries = filled
    entry = next(entry for entry in entries if entry.body["organisation"] == "org_a")

    assert await search.about(entry.id, "org_b") == []


async def test_following_the_end_shows_what_came_since(filled: tuple[Search, list[Entry]], database: Database) -> None:
    search, entries = filled
    page = await search.everywhere(Query(oldest_first=True, since=entries[-1].at + 1))
    assert (page.entries, page.is_last) == ((), True)
    await database.write(lambda connection: fill(connection, SIZE, SIZE + 3))

    later = await search.everywhere(Query(oldest_first=True, cursor=page.cursor))

    assert [entry.index for entry in later.entries] == [SIZE, SIZE + 1, SIZE + 2]


async def test_entries_that_were_tampered_with_hide_no_others(
    filled: tuple[Search, list[Entry]], database: Database
) -> None:
    search, entries = filled
    for place, line in ((0, b"\xff{"), (SIZE - 1, b'{"id":"x"}')):
        broken = update(entry_table).where(entry_table.c.index == place).values(line=line)
        await database.write(lambda connection, change=broken: connection.execute(change))

    found, _ = await pages(search, Query(organisation="org_a", limit=1000), most=20)

    assert [entry.index for entry in found] == [
        entry.index
        for entry in entries[::-1]
        if entry.body["organisation"] == "org_a" and entry.index not in (0, SIZE - 1)
    ]


async def test_a_search_without_end_stops_at_its_budget_and_goes_on_from_there(
    filled: tuple[Search, list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "STEPS_MAX", 1)
    search, entries = filled
    query = Query(endpoint="/v1/embeddings", organisation="org_rare", limit=1000)

    first = await search.everywhere(query)
    found, was_all = await pages(search, query, most=100)

    assert not first.is_last
    assert was_all
    assert found == read_everything(entries, query)


async def test_an_organisations_own_page_costs_fewer_steps_and_goes_on_to_the_same_end(
    filled: tuple[Search, list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "OWN_STEPS_MAX", 1)
    search, entries = filled
    query = Query(endpoint="/v1/embeddings", limit=1000)

    page = await search.of_organisation("org_rare", query)
    assert not page.is_last
    found = list(page.entries)
    while not page.is_last:
        page = await search.of_organisation("org_rare", msgspec.structs.replace(query, cursor=page.cursor))
        found += page.entries

    assert found == read_everything(entries, msgspec.structs.replace(query, organisation="org_rare"))
    assert searching.OWN_STEPS_MAX < searching.STEPS_MAX
