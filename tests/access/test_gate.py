"""The gate on a real ledger: recorded before it passes, refused with reasons, closed whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from gateway.access.current import Current
from gateway.access.gate import Gate
from gateway.access.grants import Holdings
from gateway.access.judging import Judging
from gateway.access.limits import take_limits
from gateway.access.places.asking import Places
from gateway.access.reasons import Reason
from gateway.access.recording import closed_after_crash
from gateway.access.refusals import Refusals, Refused
from gateway.access.snapshot import InForce, Snapshot
from gateway.access.weighing import Weighing
from gateway.clock import Instant, elapsed_us
from gateway.database.engine import Database, database_now
from gateway.errors import JudgeUnavailable, LedgerUnavailable, SnapshotStale, Unauthenticated
from gateway.ledger.commitments import commit, opens
from gateway.ledger.entries import Entry, FinishedBody
from gateway.ledger.intents import Intent, Verdict
from gateway.ledger.store import Ledger
from gateway.ledger.tables import entry_table, salt_table
from gateway.ledger.writer import Writer
from gateway.lookups import Lookup
from gateway.metrics import Metrics
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, Conditions, Strategy
from tests.builders import a_call, a_caller, a_stage, a_strategy, holdings, in_force
from tests.fakes.directory import FakeDirectory
from tests.fakes.judge import FakeJudge


class House:
    """A gate with everything real behind it but the judge."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.current = Current(stale_s=5)
        self.ledger = Ledger(database, self.current.clock.now)
        self.writer = Writer(self.ledger, take_limits, deadline_s=1.0)
        self.judge = FakeJudge()
        self.held: Holdings = holdings()
        lookup: Lookup[str, Holdings] = Lookup(self._load, keeps=100)
        self.directory = FakeDirectory()
        self.weighing = Weighing(self.current, self.directory, Judging(self.judge, Metrics()), lookup)  # type: ignore[arg-type]
        self.gate = Gate(
            self.weighing,
            self.writer,
            places=Places(database, self.ledger),
            refusals=Refusals("https://example.com/ask"),
            metrics=Metrics(),
        )

    async def _load(self, organisation: str) -> Holdings | None:
        return self.held

    async def release(self, *strategies: Strategy) -> None:
        """Put these strategies in force now."""
        asked = elapsed_us()
        self.current.clock.observe(await self.database.read(database_now), asked, elapsed_us())
        releases: dict[str, InForce] = {strategy.release: in_force(strategy) for strategy in strategies}
        self.current.confirm(asked, Snapshot(1, releases, self.judge.policy))

    async def entries(self) -> list[dict[str, Any]]:
        """Every entry, in order."""
        lines = await self.database.read(lambda c: [row.line for row in c.execute(select(entry_table))])
        return [msgspec.json.decode(line) for line in lines]

    async def events(self) -> list[str]:
        """What happened, in order, without the start."""
        return [entry["event"] for entry in await self.entries()]


@pytest.fixture
async def house(sqlite_database: Database) -> AsyncIterator[House]:
    """A house with one open release."""
    house = House(sqlite_database)
    await house.release(a_strategy())
    await house.writer.start()
    yield house
    await house.writer.stop()


@pytest.fixture
async def either(database: Database) -> AsyncIterator[House]:
    """The same on both engines."""
    house = House(database)
    await house.release(a_strategy())
    await house.writer.start()
    yield house
    await house.writer.stop()


async def test_a_call_is_recorded_before_the_block_runs_and_again_when_it_ends(either: House) -> None:
    async with either.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()) as passage:
        during = await either.events()
        passage.sent = True
        passage.report(10, 20)
        passage.outcome = "complete"
    await either.writer.stop()

    after = await either.entries()
    assert during == ["access:admitted"]
    assert [entry["event"] for entry in after] == ["access:admitted", "access:finished"]
    assert after[1]["body"]["tokens_settled"] == 30
    assert after[1]["body"]["admitted"] == after[0]["id"]


async def test_a_refusal_is_recorded_with_the_reasons_the_caller_hears(house: House) -> None:
    await house.release(a_strategy(a_stage(access=AccessLevel.LIMITED, to=())))

    with pytest.raises(Refused) as refused:
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a refused call passed")

    entry = (await house.entries())[0]
    assert refused.value.reasons == (Reason.GRANT_REQUIRED,)
    assert "https://example.com/ask" in refused.value.next_step
    assert (entry["event"], entry["body"]["reasons"]) == ("access:refused", ["grant_required"])
    assert entry["id"] == refused.value.request_id


async def test_a_name_that_is_no_release_is_refused_and_its_text_is_not_kept(house: House) -> None:
    with pytest.raises(Refused) as refused:
        async with house.gate.admit(a_caller(), Component.TEXT, "evil/'; DROP TABLE", a_call()):
            pytest.fail("an unknown model passed")

    entry = (await house.entries())[0]
    assert refused.value.status == 404
    assert "release" not in entry["body"] and "DROP" not in str(entry)


async def test_without_a_judge_nothing_passes_and_with_one_again_it_does(house: House) -> None:
    house.judge.is_down = True
    with pytest.raises(JudgeUnavailable):
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a call passed unjudged")

    house.judge.is_down = False
    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()) as passage:
        passage.outcome = "complete"

    assert (await house.events())[:1] == ["access:admitted"]


async def test_without_a_record_nothing_passes(house: House) -> None:
    async def hang(_work: object) -> object:
        await asyncio.sleep(60)
        raise AssertionError

    house.database.write = hang  # type: ignore[method-assign,assignment]

    with pytest.raises(LedgerUnavailable):
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a call passed unrecorded")


async def test_what_is_in_force_must_have_been_confirmed_lately(house: House) -> None:
    house.current.confirm(elapsed_us() - 6_000_000, house.current.snapshot)

    with pytest.raises(SnapshotStale):
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a call passed on a stale snapshot")


async def test_a_key_revoked_after_it_was_let_in_and_before_it_is_judged_does_not_pass(house: House) -> None:
    caller = a_caller()
    house.directory.gone[caller.key] = "key_revoked"

    with pytest.raises(Unauthenticated):
        async with house.gate.admit(caller, Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a revoked key passed")


async def test_a_release_that_narrows_while_the_judge_thinks_is_judged_again(house: House) -> None:
    judged = house.judge.ask

    async def narrow_meanwhile(question: Any) -> Any:
        decision = await judged(question)
        house.judge.ask = judged  # type: ignore[method-assign]
        await house.release(a_strategy(a_stage(access=AccessLevel.LIMITED, to=())))
        return decision

    house.judge.ask = narrow_meanwhile  # type: ignore[method-assign]

    with pytest.raises(Refused):
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("a call passed on what was no longer in force")


async def test_the_judge_is_asked_once_for_a_thousand_calls_of_a_kind(house: House) -> None:
    for number in range(20):
        caller = a_caller(key=f"Dev{number:09d}", organisation=f"org-{number % 4}")
        await house.weighing.weigh(caller, Component.TEXT, "acme/atlas-1")

    assert len(house.judge.asked) == 1


async def test_fifty_racing_calls_take_exactly_the_limit(either: House) -> None:
    await either.release(a_strategy(a_stage(conditions=Conditions(requests_per_minute=7))))

    async def call() -> bool:
        try:
            async with either.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()) as passage:
                passage.outcome = "complete"
                return True
        except Refused as refused:
            assert refused.reasons == (Reason.RATE_LIMIT_EXCEEDED,)
            return False

    admitted = await asyncio.gather(*[call() for _ in range(50)])

    assert sum(admitted) == 7


async def test_tokens_are_taken_at_the_worst_and_settled_at_what_it_came_to(house: House) -> None:
    conditions = Conditions(tokens_per_day=1000, max_output_tokens=500)
    await house.release(a_strategy(a_stage(conditions=conditions)))
    call = a_call(tokens_in_max=100, output_tokens=500)

    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", call) as passage:
        with pytest.raises(Refused) as second:
            async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(output_tokens=500)):
                pytest.fail("six hundred and six hundred fit into a thousand")
        passage.sent = True
        passage.report(20, 30)
        passage.outcome = "complete"
    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(output_tokens=500)) as third:
        third.outcome = "complete"

    assert second.value.reasons == (Reason.INSUFFICIENT_QUOTA,)
    assert third.taken is not None and third.taken.tokens_remaining == 1000 - 50 - 600


async def test_a_call_that_leaves_its_output_open_is_bounded_where_tokens_are(house: House) -> None:
    await house.release(a_strategy(a_stage(conditions=Conditions(max_output_tokens=64))))

    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()) as passage:
        imposed = passage.terms.output_tokens_imposed

    assert imposed == 64


async def test_a_call_that_asks_for_more_than_offered_is_refused_by_parameter(house: House) -> None:
    with pytest.raises(Refused) as refused:
        call = a_call(draws_on=(Component.LOGPROBS,))
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", call):
            pytest.fail("logprobs were given unoffered")

    assert refused.value.reasons == (Reason.COMPONENT_NOT_OFFERED,)
    assert await house.events() == ["access:refused"]
    assert [entry["body"]["draws_on"] for entry in await house.entries()] == [["inference.logprobs"]]


async def test_a_caller_that_leaves_while_it_is_recorded_leaves_nothing_open(house: House) -> None:
    async def call() -> None:
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            await asyncio.sleep(60)

    task = asyncio.create_task(call())
    while not house.writer.busy:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.1)
    await house.writer.stop()

    events = await house.events()
    assert events.count("access:admitted") == events.count("access:finished")


async def test_commitments_open_to_request_and_answer_with_their_salts_and_not_without(house: House) -> None:
    await house.release(a_strategy(a_stage(conditions=Conditions(log="metadata+hash"))))

    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(content=b"asked")) as passage:
        passage.commitment = commit(b"answered")
        passage.outcome = "complete"
    await house.writer.stop()

    begun, ended = await house.entries()
    salts = await house.database.read(lambda c: [row.salt for row in c.execute(select(salt_table))])
    assert opens(begun["body"]["commitment"], salts[0], b"asked")
    assert opens(ended["body"]["commitment"], salts[1], b"answered")
    assert not opens(begun["body"]["commitment"], bytes(32), b"asked")


async def test_without_the_condition_nothing_is_committed_to(house: House) -> None:
    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(content=b"asked")) as passage:
        passage.outcome = "complete"

    assert "commitment" not in (await house.entries())[0]["body"]


async def test_a_call_whose_block_fails_is_finished_all_the_same(house: House) -> None:
    with pytest.raises(ValueError, match="door"):
        async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            raise ValueError("a fault in the door")
    await house.writer.stop()

    last = (await house.entries())[-1]
    assert (last["event"], last["body"]["outcome"]) == ("access:finished", "failed")
    assert len(house.gate.passages) == 0


async def test_no_refused_entry_says_that_a_model_was_served(either: House) -> None:
    await either.release(a_strategy(a_stage(conditions=Conditions(requests_per_minute=1))))
    async with either.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()) as passage:
        passage.outcome = "complete"
    with pytest.raises(Refused):
        async with either.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call()):
            pytest.fail("one a minute")
    with pytest.raises(Refused):
        async with either.gate.admit(a_caller(), Component.EMBEDDINGS, "acme/atlas-1", a_call()):
            pytest.fail("not offered")

    entries = await either.entries()
    served = {(entry["event"], "served" in entry["body"]) for entry in entries if entry["event"] != "access:finished"}
    assert served == {("access:admitted", True), ("access:refused", False)}
    refused = [entry for entry in entries if entry["event"] == "access:refused"]
    assert refused and all("tokens_reserved" not in entry["body"] for entry in refused)


DAILY = Conditions(tokens_per_day=100_000)


@pytest.mark.parametrize(
    ("conditions", "sent", "basis"),
    [(Conditions(), True, "unknown"), (Conditions(), False, "none"), (DAILY, True, "reserved"), (DAILY, False, "none")],
)
async def test_what_nobody_reported_is_known_to_be_nothing_only_where_nothing_was_sent(
    house: House, conditions: Conditions, sent: bool, basis: str
) -> None:
    await house.release(a_strategy(a_stage(conditions=conditions)))
    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(output_tokens=50)) as passage:
        passage.sent = sent
        passage.cut("key_revoked")
    await house.writer.stop()

    admitted, end = (entry["body"] for entry in await house.entries())
    settled = admitted["tokens_reserved"] if basis == "reserved" else 0
    assert (end["outcome"], end["usage_basis"], end.get("tokens_settled", 0)) == ("cut", basis, settled)
    assert (settled > 50) is (basis == "reserved")


@pytest.mark.parametrize(
    ("component", "reserved", "basis"),
    [("inference.text", 0, "unknown"), ("inference.text", 70, "reserved"), ("weights.final", 0, "none")],
)
def test_of_a_call_whose_process_died_is_said_what_is_known(component: str, reserved: int, basis: str) -> None:
    body = {"organisation": "acme", "release": "acme/atlas-1", "component": component, "tokens_reserved": reserved}
    admitted = Entry(3, "call_1", "access:admitted", 0, 0, "p", body, b"")

    end = closed_after_crash(admitted).draft.body

    assert isinstance(end, FinishedBody)
    assert (end.outcome, end.usage_basis, end.tokens_settled) == ("unknown_after_crash", basis, reserved)


async def test_an_end_that_cannot_be_written_is_written_in_short_and_settled_at_what_was_taken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(connection: Connection, intents: Sequence[Intent], at: Instant) -> Sequence[Verdict]:
        if any(getattr(intent.draft.body, "outcome", "") == "complete" for intent in intents):
            raise MemoryError
        return take_limits(connection, intents, at)

    monkeypatch.setattr(house.writer, "_participant", broken)
    await house.release(a_strategy(a_stage(conditions=DAILY)))
    async with house.gate.admit(a_caller(), Component.TEXT, "acme/atlas-1", a_call(output_tokens=50)) as passage:
        passage.sent, passage.outcome = True, "complete"
        passage.report(1, 2)
    await house.writer.stop()

    admitted, end = (entry["body"] for entry in await house.entries())
    assert (end["outcome"], end["usage_basis"]) == ("unrecordable", "reserved")
    assert (end["admitted"], end["tokens_settled"]) == (passage.request_id, admitted["tokens_reserved"])
    assert house.writer.warnings == ["ledger_entry_in_short"]
