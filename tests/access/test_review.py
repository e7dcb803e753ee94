"""Open passages: cut when what admitted them ends, and only then; one judgement a use."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from gateway.access.passages import Passage
from gateway.access.review import Review
from gateway.clock import SECOND, elapsed_us
from gateway.database.engine import Database
from gateway.ledger.store import Touch
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel
from tests.access.test_gate import House
from tests.builders import a_call, a_caller, a_stage, a_strategy


class Streams:
    """Passages held open as streams hold them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.directory = house.directory
        self.review = Review(house.gate.passages, house.weighing, self.directory, house.current, house.writer)  # type: ignore[arg-type]
        self.stack = AsyncExitStack()

    async def open(self, key: str = "Dev000000000") -> Passage:
        """One more open stream of this key."""
        caller = self.directory.callers.setdefault(key, a_caller(key=key))
        admission = self.house.gate.admit(caller, Component.TEXT, "acme/atlas-1", a_call(stream=True))
        return await self.stack.enter_async_context(admission)

    async def run(self, *touches: Touch) -> None:
        """One round of review, as the feed makes it."""
        await self.review.run(touches, self.house.current.clock.now())


@pytest.fixture
async def streams(sqlite_database: Database) -> AsyncIterator[Streams]:
    house = House(sqlite_database)
    await house.release(a_strategy())
    await house.writer.start()
    streams = Streams(house)
    yield streams
    await streams.stack.aclose()
    await house.writer.stop()


async def test_a_revoked_key_ends_its_streams_and_no_others(streams: Streams) -> None:
    mine, other = await streams.open("Dev000000001"), await streams.open("Dev000000002")
    streams.directory.gone["Dev000000001"] = "key_revoked"

    await streams.run(Touch("key", "Dev000000001"))

    assert (mine.cut_reason, other.cut_reason) == ("key_revoked", "")


async def test_a_release_that_narrows_ends_the_streams_it_no_longer_admits(streams: Streams) -> None:
    passage = await streams.open()
    await streams.house.release(a_strategy(a_stage(access=AccessLevel.LIMITED, to=())))

    await streams.run(Touch("release", "acme/atlas-1"))

    assert passage.cut_reason == "grant_required"


async def test_a_release_that_changes_and_still_admits_cuts_nothing(streams: Streams) -> None:
    passage = await streams.open()
    await streams.house.release(a_strategy(a_stage(name="wider")))

    await streams.run(Touch("release", "acme/atlas-1"))

    assert passage.cut_reason == ""
    assert passage.standing.gathered.stage is not None and passage.standing.gathered.stage.name == "wider"


async def test_a_stage_that_closes_ends_its_streams_without_any_touch(streams: Streams) -> None:
    moment = streams.house.current.clock.now()
    await streams.house.release(a_strategy(a_stage(closes=moment.latest + SECOND // 5)))
    passage = await streams.open()
    await streams.run()
    assert passage.cut_reason == ""

    while not streams.house.current.clock.now().maybe_reached(passage.standing.holds_until):
        pass
    await streams.run()

    assert passage.cut_reason == "stage_not_open"


async def test_a_hundred_streams_of_a_kind_cost_one_judgement(streams: Streams) -> None:
    for number in range(100):
        await streams.open(f"Dev{number:09d}")
    streams.house.judge.asked.clear()
    await streams.house.release(a_strategy(a_stage(name="other")))

    await streams.run(Touch("release", "acme/atlas-1"))

    assert len(streams.house.judge.asked) == 1


async def test_what_cannot_be_judged_again_in_time_is_cut(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    passage = await streams.open()
    streams.house.judge.is_down = True
    await streams.house.release(a_strategy(a_stage(name="other")))

    await streams.run(Touch("release", "acme/atlas-1"))
    at_first = passage.cut_reason
    later = elapsed_us() + 2 * SECOND
    monkeypatch.setattr("gateway.access.review.elapsed_us", lambda: later)
    await streams.run()

    assert (at_first, passage.cut_reason) == ("", "judge_unavailable")


async def test_losing_sight_of_what_is_in_force_ends_every_stream(streams: Streams) -> None:
    passage = await streams.open()
    streams.house.current.confirm(elapsed_us() - 6 * SECOND, streams.house.current.snapshot)

    streams.review.cut_what_cannot_go_on()

    assert passage.cut_reason == "snapshot_stale"


async def test_a_process_that_can_never_record_again_cuts_at_once_what_it_has_open(streams: Streams) -> None:
    passage = await streams.open()
    streams.house.writer.has_given_up = True

    streams.review.cut_what_cannot_go_on()

    assert passage.cut_reason == "ledger_unavailable"


async def test_a_narrowing_while_a_call_is_being_recorded_still_finds_it(streams: Streams) -> None:
    passage = await streams.open()
    told: list[str] = []
    passage.cut("key_revoked")

    passage.on_cut(lambda: told.append(passage.cut_reason))

    assert told == ["key_revoked"]
