"""The follower indexes full segments, once, and makes way for the writer."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from gateway.database.engine import Database, open_database
from gateway.ledger.entries import Draft, Envelope, FinishedBody, written
from gateway.ledger.events import Event
from gateway.ledger.index import READ_STEP, Follower, indexed, rest_s
from gateway.ledger.segments import (
    CALL_TERM,
    ID_TERM,
    SEGMENT,
    Postings,
    bitmap,
    number,
    positions_of,
    positions_with,
    term,
)
from gateway.ledger.store import Appending
from gateway.ledger.tables import posting_table
from tests.ledger.builders import FakeClock, refused


async def fill(database: Database, entries: int) -> None:
    parts = [written(refused(f"call_{place}", key=f"key_{place % 1500}").draft) for place in range(entries)]
    await database.write(lambda connection: Appending(connection, "p", FakeClock().now).place(parts))


async def test_a_segment_is_indexed_once_it_is_full(database: Database) -> None:
    await fill(database, SEGMENT - 1)
    follower = Follower(database, lambda: False)
    before = await follower.index_next()
    await fill(database, 1)

    after = await follower.index_next()

    assert (before, after, await follower.index_next()) == (False, True, False)
    assert await database.read(indexed) == 1


async def test_two_followers_of_one_ledger_leave_one_index(database_url: str) -> None:
    one, other = open_database(database_url), open_database(database_url)
    await fill(one, 2 * SEGMENT)

    async def follow(database: Database) -> None:
        follower = Follower(database, lambda: False)
        while await follower.index_next():
            pass

    await asyncio.gather(follow(one), follow(other))
    segments = await one.read(indexed)
    rows = await one.read(
        lambda connection: connection.execute(
            select(posting_table.c.segment, func.count()).group_by(posting_table.c.segment)
        ).all()
    )
    await one.close()
    await other.close()

    assert segments == 2
    assert len({count for _, count in rows}) == 1


async def test_the_follower_asks_after_every_step_whether_the_writer_is_busy(database: Database) -> None:
    await fill(database, SEGMENT)
    asked = 0

    def busy() -> bool:
        nonlocal asked
        asked += 1
        return False

    await Follower(database, busy).index_next()

    assert asked >= SEGMENT // READ_STEP + 1


def test_beside_a_busy_writer_the_follower_rests_more_than_it_works() -> None:
    assert rest_s(0.01, busy=True) >= 0.04
    assert rest_s(0.01, busy=False) == 0


async def test_a_follower_that_is_stopped_leaves_the_index_whole(database: Database) -> None:
    await fill(database, SEGMENT)
    follower = Follower(database, lambda: True)
    await follower.start()
    await asyncio.sleep(0.01)
    await follower.stop()
    assert await database.read(indexed) == 0

    assert await Follower(database, lambda: False).index_next()


@given(st.sets(st.integers(0, SEGMENT - 1), min_size=1, max_size=700), st.booleans())
def test_positions_come_back_as_they_were_stored(positions: set[int], dense: bool) -> None:
    if dense:
        positions = positions | set(range(300))
    postings = Postings()
    line = Envelope(0, 0, "p").line(written(refused("call_1").draft), 0)
    for position in sorted(positions):
        postings.add(position, line)

    stored = dict(postings.rows())[term("organisation", "org_a")]

    assert positions_of(bitmap(stored)) == sorted(positions)
    assert len(stored) <= SEGMENT // 8


def test_an_end_is_numbered_by_its_own_id_and_by_its_call() -> None:
    postings = Postings()
    ended = Draft("call_1.end", Event.ACCESS_FINISHED, FinishedBody(admitted="call_1"))
    postings.add(5, Envelope(0, 0, "p").line(written(ended), 5))

    rows = dict(postings.rows())

    assert list(positions_with(rows[ID_TERM], number("call_1.end"))) == [5]
    assert list(positions_with(rows[ID_TERM], number("call_1"))) == []
    assert list(positions_with(rows[CALL_TERM], number("call_1"))) == [5]


def test_a_number_is_found_only_where_it_stands_whole() -> None:
    stored = bytes.fromhex("00000001 00000002 01000000")

    assert list(positions_with(stored, 0x01)) == [2]


def test_terms_of_different_fields_differ() -> None:
    assert len({term("key", "a"), term("release", "a"), term("key", "b"), ID_TERM, CALL_TERM}) == 5
