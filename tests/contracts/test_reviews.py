"""Reviews of narrowings on both engines: once, in one transaction with what they undo, and chased once when late."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from gateway.clock import DAY, HOUR, Moment, at
from gateway.database.engine import Database
from gateway.ledger.store import Actor, Ledger
from gateway.ledger.tables import entry_table
from gateway.releases.catalogue import Catalogue
from gateway.releases.changes.acting import Moved
from gateway.releases.files import read_release
from gateway.releases.narrowings import Narrowing, Verb
from gateway.releases.restraint import Order, Restraint
from gateway.releases.reviews import acting, store
from gateway.releases.reviews.review import Review, Reviewed, Verdict, review_state
from tests.releases.builders import DOCUMENTS, a_file, a_moment

NOW = a_moment("2026-12-01T00:00:00Z")
TAKER = Actor(key="Pro000000000", organisation="provider")
SECOND = Actor(key="App000000000", organisation="provider")
RELEASE = "acme/atlas-1"


class Office:
    """A release, what narrows it, and those who review that."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = Ledger(database, lambda: NOW)
        self.restraint = Restraint(database, self.ledger, review_within_h=2)

    async def take(self, verb: Verb = Verb.SUSPEND, **differences: Any) -> Narrowing:
        order = Order(**{"release": RELEASE, "verb": verb, "cause": "directive"} | differences)
        return await self.restraint.take(TAKER, order, NOW)

    async def reviewed(self, narrowing: Narrowing, moment: Moment = NOW) -> Reviewed:
        found = await self.database.read(lambda connection: store.reviewed(connection, narrowing.id, moment))
        assert found is not None
        return found

    async def review(self, judged: Reviewed, verdict: Verdict = Verdict.CONFIRM) -> Review:
        given = Review(
            narrowing=judged.narrowing.id,
            verdict=verdict,
            role="approver",
            cause="looked at it",
            reviewed_at=NOW.latest,
            reviewed_by=SECOND.key,
        )
        return await self.ledger.administer(SECOND, lambda c: acting.review(c, SECOND, judged, given, NOW))

    async def notice(self, moment: Moment) -> list[str]:
        late = await self.ledger.administer(SECOND, lambda connection: acting.notice(connection, moment))
        return [each.subject for each in late]

    async def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        def work(connection: Connection) -> list[bytes]:
            return list(connection.execute(select(entry_table.c.line).order_by(entry_table.c.index)).scalars())

        lines = [msgspec.json.decode(line) for line in await self.database.read(work)]
        return [(line["event"], line["body"].get("subject", ""), line["body"].get("detail", {})) for line in lines]


@pytest.fixture
async def office(database: Database) -> Office:
    opened = Office(database)
    await Catalogue(database, opened.ledger).apply(TAKER, read_release(a_file(), DOCUMENTS), NOW)
    return opened


async def test_a_narrowing_says_until_when_a_second_person_must_look_and_a_restoration_does_not(office: Office) -> None:
    taken = await office.take()
    restored = await office.take(Verb.RESTORE)

    assert taken.review_by == NOW.latest + 2 * HOUR
    assert restored.review_by is None


async def test_a_confirmed_narrowing_stays_in_force_and_is_reviewed_once(office: Office) -> None:
    taken = await office.take()
    judged = await office.reviewed(taken)

    await office.review(judged)

    with pytest.raises(Moved):
        await office.review(judged, Verdict.UNDO)
    after = await office.reviewed(taken)
    assert after.in_force and review_state(after, NOW) == "confirmed"
    assert len(await office.restraint.standing(RELEASE)) == 1
    assert [(event, subject) for event, subject, _ in await office.events()][-1] == ("narrowing:reviewed", taken.id)


async def test_an_undone_narrowing_is_restored_whole_by_the_same_act(office: Office) -> None:
    taken = await office.take()

    given = await office.review(await office.reviewed(taken), Verdict.UNDO)

    (restored, restoration, said), (reviewed, subject, detail) = (await office.events())[-2:]
    assert await office.restraint.standing(RELEASE) == ()
    assert (restored, restoration, said["inverse_of"]) == ("release:restored", given.restoration, taken.id)
    assert (reviewed, subject, detail["verdict"]) == ("narrowing:reviewed", taken.id, "undo")
    assert detail["restoration"] == given.restoration
    assert review_state(await office.reviewed(taken), NOW) == "undone"


async def test_what_was_restored_meanwhile_is_not_reviewed_as_it_was(office: Office) -> None:
    judged = await office.reviewed(await office.take())
    await office.take(Verb.RESTORE)

    with pytest.raises(Moved):
        await office.review(judged)


async def test_what_nobody_reviewed_in_time_is_recorded_once_and_told_until_somebody_does(office: Office) -> None:
    taken = await office.take()
    other = await office.take(scope="not us_person")
    brief = await office.take(until=NOW.latest + HOUR)
    late = at(NOW.latest + 3 * HOUR)

    early = await office.notice(at(NOW.latest + 2 * HOUR - 1))
    first, again = await office.notice(late), await office.notice(late)
    await office.review(await office.reviewed(taken))
    rest = await office.notice(late)

    assert early == [] and brief.id not in first
    assert set(first) == set(again) == {taken.id, other.id} and rest == [other.id]
    told = [(event, subject) for event, subject, _ in await office.events() if event == "narrowing:unreviewed"]
    assert sorted(subject for _, subject in told) == sorted([taken.id, other.id])
    assert review_state(await office.reviewed(other, late), late) == "overdue"


async def test_what_was_given_back_or_is_over_owes_nobody_a_review(office: Office) -> None:
    given_back = await office.take()
    await office.take(Verb.RESTORE)
    brief = await office.take(until=NOW.latest + HOUR)
    later = at(NOW.latest + DAY)

    states = [review_state(await office.reviewed(each, later), later) for each in (given_back, brief)]

    assert states == ["none", "none"]
    assert await office.notice(later) == []


async def test_lateness_is_certain_before_it_is_told(office: Office) -> None:
    taken = await office.take()
    assert taken.review_by is not None
    perhaps = Moment(taken.review_by - 1, taken.review_by + 1)

    assert await office.notice(perhaps) == []
    assert review_state(await office.reviewed(taken, perhaps), perhaps) == "due"
