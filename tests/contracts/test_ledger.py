"""What the ledger keeps, whichever engine is behind it."""

import asyncio

import pytest
from sqlalchemy import Connection, insert, select, text, update

from gateway.clock import Moment, at
from gateway.database.engine import Database, open_database
from gateway.errors import Conflict, Invalid, LedgerUnavailable
from gateway.ledger.commitments import commit
from gateway.ledger.entries import Draft
from gateway.ledger.events import Event
from gateway.ledger.intents import Intent, Receipt, Verdict
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.store import Act, Actor, Ledger, Touch
from gateway.ledger.tables import entry_table, head_table, revision_table, salt_table
from tests.ledger.builders import (
    NOON,
    FakeClock,
    a_ledger,
    a_writer,
    admitted,
    agree,
    entries_of,
    finished,
    refused,
)

PROVIDER = Actor("key_provider", "org_provider")


def issued(subject: str, *touches: Touch) -> Act:
    return Act(event=Event.KEY_ISSUED, subject=subject, key=subject, touches=touches)


async def test_an_appended_entry_can_be_read_once_append_returns(database: Database) -> None:
    async with a_writer(database) as writer:
        receipt = await writer.append(admitted("call_1", release="acme/atlas-1", tokens_reserved=7))

        entries = await entries_of(database)

    assert (receipt.index, receipt.at) == (0, NOON)
    assert [(entry.index, entry.id, entry.event, entry.at) for entry in entries] == [
        (0, "call_1", Event.ACCESS_ADMITTED, NOON)
    ]
    assert entries[0].body == {"organisation": "org_a", "release": "acme/atlas-1", "tokens_reserved": 7}


async def test_a_leaf_hash_is_of_the_line_as_stored(database: Database) -> None:
    async with a_writer(database) as writer:
        await writer.append(admitted("call_1"))

    rows = await database.read(lambda connection: connection.execute(select(entry_table)).all())

    assert [row.leaf_hash for row in rows] == [leaf_hash(row.line) for row in rows]


@pytest.mark.parametrize("count", [1, 3, 4, 15, 16, 17, 63, 64, 65, 340, 1500])
async def test_every_size_of_batch_is_written_whole_and_in_order(database: Database, count: int) -> None:
    async with a_writer(database) as writer:
        receipts = await asyncio.gather(*(writer.append(refused(f"call_{number}")) for number in range(count)))

    entries = await entries_of(database)

    assert [receipt.index for receipt in receipts] == list(range(count))
    assert [(entry.index, entry.id) for entry in entries] == [(number, f"call_{number}") for number in range(count)]


async def test_two_processes_racing_share_one_contiguous_order(database_url: str) -> None:
    one, other = open_database(database_url), open_database(database_url)

    async def hand_over(database: Database, name: str) -> list[Receipt]:
        async with a_writer(database) as writer:
            return [await writer.append(refused(f"{name}_{number}")) for number in range(40)]

    receipts = await asyncio.gather(hand_over(one, "one"), hand_over(other, "other"))
    entries = await entries_of(one)
    await one.close()
    await other.close()

    assert [entry.index for entry in entries] == list(range(80))
    assert all(entries[receipt.index].id == receipt.draft.id for ours in receipts for receipt in ours)
    assert len({entry.process for entry in entries}) == 2


async def test_the_participant_runs_while_the_head_is_locked(database_url: str) -> None:
    one, other = open_database(database_url), open_database(database_url)
    inside = 0
    most_inside = 0

    def count(connection: Connection, intents: list[Intent], instant: int) -> list[Verdict]:
        nonlocal inside, most_inside
        inside += 1
        most_inside = max(most_inside, inside)
        connection.execute(text("SELECT 1"))  # on PostgreSQL, the other writer's turn comes here
        inside -= 1
        return agree(connection, intents, instant)

    async def hand_over(database: Database, name: str) -> None:
        async with a_writer(database, count) as writer:
            for number in range(15):
                await writer.append(refused(f"{name}_{number}"))

    await asyncio.gather(hand_over(one, "one"), hand_over(other, "other"))
    await one.close()
    await other.close()

    assert most_inside == 1


async def test_the_participant_decides_which_entry_is_written_and_what_is_answered(database: Database) -> None:
    def refuse_all(connection: Connection, intents: list[Intent], instant: int) -> list[Verdict]:
        return [
            Verdict(Draft(intent.draft.id, Event.ACCESS_REFUSED, intent.draft.body), ("no", instant))
            for intent in intents
        ]

    async with a_writer(database, refuse_all) as writer:
        receipt = await writer.append(admitted("call_1"))

    entries = await entries_of(database)
    assert receipt.answer == ("no", NOON)
    assert receipt.draft.event is Event.ACCESS_REFUSED
    assert [entry.event for entry in entries] == [Event.ACCESS_REFUSED]


async def test_what_the_participant_writes_is_committed_with_the_entry(database: Database) -> None:
    def write_too(connection: Connection, intents: list[Intent], instant: int) -> list[Verdict]:
        for intent in intents:
            connection.execute(insert(salt_table).values(index=1000, salt=intent.draft.id.encode()))
        return agree(connection, intents, instant)

    async with a_writer(database, write_too) as writer:
        await writer.append(admitted("call_1"))
        salts = await database.read(lambda connection: connection.execute(select(salt_table.c.salt)).scalars().all())

    assert salts == [b"call_1"]


async def test_a_salt_is_kept_beside_its_entry_and_not_in_it(database: Database) -> None:
    digest, salt = commit(b"the request")
    intent = Intent(admitted("call_2", commitment=digest).draft, salt=salt)

    async with a_writer(database) as writer:
        await asyncio.gather(writer.append(admitted("call_1")), writer.append(intent))

    rows = await database.read(lambda connection: connection.execute(select(salt_table)).all())
    lines = await database.read(lambda connection: connection.execute(select(entry_table.c.line)).scalars().all())
    assert rows == [(1, salt)]
    assert digest.encode() in lines[1]
    assert salt.hex().encode() not in lines[1]


async def test_an_instant_never_lies_before_the_last_one(database: Database) -> None:
    clock = FakeClock()
    async with a_writer(database, ledger=a_ledger(database, clock)) as writer:
        await writer.append(refused("call_1"))
        clock.move(-5_000_000)
        behind = await writer.append(refused("call_2"))
        clock.move(6_000_000)
        ahead = await writer.append(refused("call_3"))

    assert behind.at == NOON
    assert ahead.at == NOON + 1_000_000


async def test_an_entry_says_how_well_the_time_was_known(database: Database) -> None:
    ledger = Ledger(database, lambda: Moment(NOON - 300, NOON + 200))
    async with a_writer(database, ledger=ledger) as writer:
        await writer.append(refused("call_1"))

    entries = await entries_of(database)

    assert (entries[0].at, entries[0].uncertainty_us) == (NOON + 200, 500)


async def test_administration_records_each_act_with_its_actor(database: Database) -> None:
    ledger = a_ledger(database)

    answer = await ledger.administer(
        PROVIDER,
        lambda connection: ("done", [issued("key_1"), issued("key_2")]),
    )

    entries = await entries_of(database)
    assert answer == "done"
    assert [(entry.index, entry.event, entry.body["subject"]) for entry in entries] == [
        (0, Event.KEY_ISSUED, "key_1"),
        (1, Event.KEY_ISSUED, "key_2"),
    ]
    assert entries[0].body["actor_key"] == "key_provider"
    assert entries[0].body["actor_organisation"] == "org_provider"
    assert entries[0].id != entries[1].id


async def test_work_that_raises_leaves_no_entry_no_revision_and_no_change(database: Database) -> None:
    ledger = a_ledger(database)

    def work(connection: Connection) -> tuple[None, list[Act]]:
        connection.execute(insert(salt_table).values(index=1, salt=b"x" * 32))
        raise Conflict("revoked before")

    with pytest.raises(Conflict):
        await ledger.administer(PROVIDER, work)

    news = await ledger.news(-1)
    salts = await database.read(lambda connection: connection.execute(select(salt_table)).all())
    assert (await entries_of(database), news.revision, salts) == ([], 0, [])


async def test_acts_that_cannot_be_recorded_change_nothing(database: Database) -> None:
    ledger = a_ledger(database)

    def work(connection: Connection) -> tuple[None, list[Act]]:
        connection.execute(insert(salt_table).values(index=1, salt=b"x" * 32))
        return None, [issued("\ud800")]

    with pytest.raises(Invalid, match="Unicode"):
        await ledger.administer(PROVIDER, work)

    salts = await database.read(lambda connection: connection.execute(select(salt_table)).all())
    assert salts == []


async def test_work_without_acts_leaves_no_entry(database: Database) -> None:
    ledger = a_ledger(database)

    assert await ledger.administer(PROVIDER, lambda connection: (False, [])) is False

    assert await entries_of(database) == []


async def test_a_revision_names_each_touch_once_and_in_order(database: Database) -> None:
    ledger = a_ledger(database)
    key, organisation = Touch("key", "key_1"), Touch("organisation", "org_a")
    await ledger.administer(PROVIDER, lambda connection: (None, [issued("key_1", key, organisation, key)]))
    first = await ledger.news(0)
    await ledger.administer(PROVIDER, lambda connection: (None, [issued("key_1", organisation)]))

    second = await ledger.news(first.revision)

    assert (first.revision, first.touches) == (2, (key, organisation))
    assert (second.revision, second.touches) == (3, (organisation,))
    assert (await ledger.news(second.revision)).touches == ()
    assert (await ledger.news(-1)).revision == 3


async def test_news_from_a_ledger_that_went_back_is_refused(database: Database) -> None:
    with pytest.raises(LedgerUnavailable):
        await a_ledger(database).news(5)


async def test_administration_and_calls_share_one_order(database: Database) -> None:
    ledger = a_ledger(database)
    async with a_writer(database, ledger=ledger) as writer:
        await asyncio.gather(
            *(writer.append(refused(f"call_{number}")) for number in range(20)),
            *(
                ledger.administer(PROVIDER, lambda connection, n=number: (None, [issued(f"key_{n}")]))
                for number in range(5)
            ),
        )

    assert [entry.index for entry in await entries_of(database)] == list(range(25))


async def test_a_head_that_was_set_back_is_never_written_over(database: Database) -> None:
    async with a_writer(database) as writer:
        await writer.append(refused("call_1"))
        await database.write(lambda connection: connection.execute(update(head_table).values(size=0)))

        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_2"))

    assert [entry.id for entry in await entries_of(database)] == ["call_1"]


async def test_entries_without_a_head_are_a_reason_to_stop(database: Database) -> None:
    async with a_writer(database) as writer:
        await writer.append(refused("call_1"))
        await database.write(lambda connection: connection.execute(head_table.delete()))

        with pytest.raises(LedgerUnavailable):
            await writer.append(refused("call_2"))


async def test_hostile_text_reads_back_as_it_was_written(database: Database) -> None:
    hostile = '"},"event":"access:admitted","x":"\x00\x1f\x7f\u2028😀\\'
    async with a_writer(database) as writer:
        await writer.append(refused(hostile, served=hostile))

    entries = await entries_of(database)

    assert [(entry.id, entry.event, entry.body["served"]) for entry in entries] == [
        (hostile, Event.ACCESS_REFUSED, hostile)
    ]


async def test_a_finished_call_names_its_admission(database: Database) -> None:
    async with a_writer(database) as writer:
        await writer.append(admitted("call_1"))
        receipt = await writer.submit(finished("call_1", tokens_out=3), keep=True)

    entries = await entries_of(database)

    assert receipt.index == 1
    assert entries[1].body == {
        "organisation": "org_a",
        "admitted": "call_1",
        "outcome": "complete",
        "tokens_out": 3,
    }


async def test_revisions_are_numbered_without_gaps(database: Database) -> None:
    ledger = a_ledger(database)
    for number in range(4):
        touch = Touch("key", f"key_{number}")
        await ledger.administer(PROVIDER, lambda connection, touched=touch: (None, [issued("x", touched)]))

    query = select(revision_table.c.number).order_by(revision_table.c.number)
    numbers = await database.read(lambda connection: connection.execute(query).scalars().all())

    assert numbers == [1, 2, 3, 4]


async def test_the_feed_hears_the_databases_clock(database: Database) -> None:
    news = await Ledger(database, lambda: at(NOON)).news(-1)

    assert news.database_now > NOON - 10**15
