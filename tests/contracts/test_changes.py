"""Changes as they are kept and acted on, on both engines, with the policies that ship."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, update
from sqlalchemy import event as hooks

from gateway.access.change_decisions import ChangeDecision, ChangeReason, ChangeRefused
from gateway.access.change_questions import ChangeQuestion
from gateway.access.changing import Changing
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.proposed import Proposed, Surroundings, proposed_of
from gateway.clock import DAY, SECOND, Moment, at
from gateway.database.engine import Database
from gateway.errors import Conflict, InvalidFile, Unavailable
from gateway.identity.callers import Caller, Role
from gateway.identity.keyring import KeyOrder
from gateway.ledger.store import Act, Actor
from gateway.releases.catalogue import Catalogue
from gateway.releases.changes import acting
from gateway.releases.changes import store as changes
from gateway.releases.changes.change import Approval, Base, Change, ChangeState
from gateway.releases.effects import Effect
from gateway.releases.evidence import store as evidence_store
from gateway.releases.evidence.records import Evidence, Findings, Incident, Measurement
from gateway.releases.files import Reading, read_release
from gateway.shipped import shipped
from tests.fakes.installation import NOW, START, Installation, begun, lines
from tests.releases.builders import DOCUMENTS

RELEASE = "acme/atlas-1"


def file(limit: int | None = None, *, opens: str = "2000-01-01T00:00:00Z", lasting: bool = False) -> bytes:
    """A release open to all, with a limit, and perhaps with weights to come."""
    limited = f", conditions: {{requests_per_minute: {limit}}}" if limit else ""
    weights = f", weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}" if lasting else ""
    out = "access: open-weights, irreversible: true, to: [public], offers: [inference.text, weights.final]"
    stage = f"  - {{name: out, opens: 2200-01-01T00:00:00Z, {out}{limited}}}\n" if lasting else ""
    return (
        f"release: {RELEASE}\nserves: {{inference: {{upstream: vllm, model: atlas}}{weights}}}\nstages:\n"
        f'  - {{name: general, opens: "{opens}", access: api, to: [public]{limited}}}\n{stage}'
    ).encode()


def read(content: bytes) -> Reading:
    return read_release(content, DOCUMENTS)


@dataclass
class Board:
    """A release in force, people who plan and agree, and the judge."""

    installation: Installation
    catalogue: Catalogue
    changing: Changing
    people: dict[str, Caller]

    async def plan(self, content: bytes, now: Moment = NOW, adopt: bool = False) -> Change:
        return await self.changing.plan(self.people["author"], read(content), content, now, adopt=adopt)

    async def approve(self, change: Change, who: str, now: Moment = NOW, role: str = "", aware: bool = True) -> Change:
        caller = self.people[who]
        approval = Approval(caller.key, role or caller.roles[0], change.digest, now.latest, aware)
        return await self.changing.approve(caller, change.id, approval, now)

    async def apply(self, change: Change, now: Moment = NOW) -> Change:
        return (await self.changing.apply(self.people["author"], change.id, now))[0]

    async def now(self, change: Change) -> Change:
        return (await self.changing.get(change.id)).change


@pytest.fixture(scope="module")
def policies() -> Path:
    return shipped("policies")


@pytest.fixture
async def board(database: Database, policies: Path) -> AsyncIterator[Board]:
    installation = await begun(database)
    judge = EmbeddedJudge(read_policy_set(policies), timeout_s=5)
    await judge.start()
    catalogue = Catalogue(database, installation.ledger)
    changing = Changing(database, installation.ledger, judge)
    people = {
        name: (await installation.enter(KeyOrder(roles=(role,))))[0]
        for name, role in (
            ("author", Role.PROVIDER),
            ("approver", Role.APPROVER),
            ("analyst", Role.ANALYST),
            ("owner", Role.PROVIDER),
        )
    }
    await catalogue.apply(acting.Actor("", ""), read(file(10)), NOW, adopt=True)
    yield Board(installation, catalogue, changing, people)
    await judge.stop()


async def reasons(work: object) -> tuple[ChangeReason, ...]:
    with pytest.raises(ChangeRefused) as refused:
        await work  # type: ignore[misc]
    return refused.value.reasons


async def test_a_change_is_kept_and_read_back_whole_with_its_approvals_in_order(board: Board) -> None:
    planned = await board.plan(file(20))
    for number, who in enumerate(("approver", "analyst")):
        await board.approve(planned, who, at(START + number))

    found = await board.now(planned)

    assert msgspec.structs.replace(found, state=planned.state, acts=0, approvals=()) == planned
    assert (found.state, found.acts, found.digest) == (ChangeState.APPROVED, 2, planned.digest)
    assert [(approval.role, approval.given_at) for approval in found.approvals] == [
        ("approver", START),
        ("analyst", START + 1),
    ]
    assert found.file == file(20)


async def test_what_was_planned_writes_no_version_and_what_is_applied_writes_one(board: Board) -> None:
    planned = await board.plan(file(20))
    before = await board.catalogue.get(RELEASE)
    for who in ("approver", "analyst"):
        await board.approve(planned, who)
    applied = await board.apply(planned)
    after = await board.catalogue.get(RELEASE)

    assert (before.number, before.change) == (1, "")
    assert (after.number, after.change, after.strategy) == (2, planned.id, planned.strategy)
    assert applied.state is ChangeState.APPLIED
    assert [event for event, _ in await lines(board.installation)][-4:] == [
        "change:approved", "change:approved", "change:applied", "release:applied",
    ]  # fmt: skip


async def test_an_act_judged_on_what_has_moved_writes_nothing(board: Board) -> None:
    seen = await board.plan(file(20))
    await board.approve(seen, "approver")
    approval = Approval("Late00000000", "analyst", seen.digest, START, True)
    before = len(await lines(board.installation))

    for base in (seen.base, Base(7, seen.base.digest)):

        def work(connection: Connection, base: Base = base) -> object:
            return acting.approve(connection, seen, base, approval, ChangeState.APPROVED)

        with pytest.raises(acting.Moved):
            await board.installation.ledger.administer(acting.Actor("", ""), work)  # type: ignore[arg-type]

    assert len((await board.now(seen)).approvals) == 1
    assert len(await lines(board.installation)) == before


async def test_of_many_acts_at_once_each_is_judged_on_what_the_one_before_left(board: Board) -> None:
    planned = await board.plan(file(20))

    told = await asyncio.gather(*(board.approve(planned, "approver") for _ in range(4)), return_exceptions=True)

    refused = [each.reasons[0] for each in told if isinstance(each, ChangeRefused)]
    assert refused == [ChangeReason.APPROVED_ALREADY] * 3
    assert len((await board.now(planned)).approvals) == 1


async def test_a_change_stored_otherwise_than_it_was_planned_is_not_read(board: Board, database: Database) -> None:
    planned = await board.plan(file(20))
    other = await board.plan(file(30))
    forged = update(changes.change_table).where(changes.change_table.c.id == planned.id)
    await database.write(lambda connection: connection.execute(forged.values(strategy=other.strategy.canonical())))

    with pytest.raises(Unavailable):
        await board.changing.get(planned.id)


async def test_what_cannot_be_undone_waits_a_day_to_the_second(board: Board) -> None:
    planned = await board.plan(file(10, lasting=True), Moment(START, START + SECOND))
    for who in ("approver", "analyst", "owner"):
        last = await board.approve(planned, who)
    early = await reasons(board.apply(planned, at(START + DAY)))

    assert last.state is ChangeState.APPROVED
    assert early == (ChangeReason.COOLING_OFF,)
    assert (await board.apply(planned, at(START + DAY + SECOND))).state is ChangeState.APPLIED


async def test_one_person_cannot_stand_for_two_roles(board: Board) -> None:
    planned = await board.plan(file(10, lasting=True))
    await board.approve(planned, "approver")

    assert await reasons(board.approve(planned, "approver", role="analyst")) == (
        ChangeReason.ROLE_NOT_HELD,
        ChangeReason.APPROVED_ALREADY,
    )


async def test_a_review_that_nobody_made_in_time_is_overdue(board: Board) -> None:
    planned = await board.plan(file(5))
    applied = await board.apply(planned)
    reviewed = await board.approve(planned, "approver", at(START + 2 * DAY))

    assert applied.review_by == START + DAY
    assert not applied.is_review_overdue(at(START + DAY - 1))
    assert applied.is_review_overdue(at(START + DAY))
    assert not reviewed.is_review_overdue(at(START + 2 * DAY))
    assert [approval.after for approval in reviewed.approvals] == [True]


async def test_a_date_that_has_passed_since_it_was_planned_is_refused(board: Board) -> None:
    later = 'opens: "2024-10-06T00:00:00Z", access: api, to: [public], conditions: {requests_per_minute: 5}'
    content = file(5) + f"  - {{name: later, {later}}}\n".encode()
    planned = await board.plan(content)

    with pytest.raises(Conflict) as refused:
        await board.apply(planned, at(START + 3 * DAY))

    assert refused.value.code == "change_late"
    assert (await board.now(planned)).state is ChangeState.PLANNED


async def test_a_first_version_adopts_what_had_opened_when_it_was_planned_and_nothing_since(board: Board) -> None:
    content = file(5).replace(RELEASE.encode(), b"acme/first")
    later = 'opens: "2024-10-06T00:00:00Z", access: api, to: [public], conditions: {requests_per_minute: 5}'
    early = await board.plan(content, adopt=True)
    late = await board.plan(content + f"  - {{name: later, {later}}}\n".encode(), adopt=True)
    for change in (early, late):
        for who in ("approver", "analyst"):
            await board.approve(change, who)

    with pytest.raises(Conflict) as refused:
        await board.apply(late, at(START + 3 * DAY))

    assert refused.value.code == "change_late"
    assert (await board.apply(early, at(START + 3 * DAY))).state is ChangeState.APPLIED


async def test_a_file_with_mistakes_is_no_change(board: Board) -> None:
    with pytest.raises(InvalidFile):
        await board.plan(file(20, opens="2001-01-01T00:00:00Z"))

    assert await board.changing.page(release="", state=None, before="", limit=10) == ([], True)


async def test_a_page_that_would_take_long_ends_early_and_the_next_goes_on(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = [await board.plan(file(20 + number), at(START + number)) for number in range(3)]
    monkeypatch.setattr("gateway.access.changing.WEIGHING_S", -1.0)

    found, before, are_last = list[str](), "", False
    while not are_last:
        page, are_last = await board.changing.page(release="", state=None, before=before, limit=10)
        assert len(page) == 1
        found.append(before := page[0].change.id)

    assert found == [change.id for change in reversed(planned)]


async def test_a_list_asks_the_database_no_more_often_for_many_changes_than_for_few(
    board: Board, database: Database
) -> None:
    planned = [await board.plan(file(20 + number), at(START + number)) for number in range(6)]

    def listed(connection: Connection, count: int) -> tuple[list[Proposed], int]:
        found, asked = changes.changes(connection, release="", state=None, before="", limit=count), list[object]()
        note: Callable[..., None] = lambda *given: asked.append(given)  # noqa: E731
        hooks.listen(connection, "before_cursor_execute", note)
        shown = [proposed_of(around, change) for around in [Surroundings(connection)] for change in found]
        hooks.remove(connection, "before_cursor_execute", note)
        return shown, len(asked)

    one, few = await database.read(partial(listed, count=1))
    shown, many = await database.read(partial(listed, count=6))
    alone = [await board.changing.get(change.id) for change in reversed(planned)]

    assert (len(one), len(shown)) == (1, 6) and few == many > 0
    assert [(each.weighed, each.grounds, each.in_force) for each in shown] == [
        (each.weighed, each.grounds, each.in_force) for each in alone
    ]


async def test_changes_are_found_by_release_and_state_from_the_newest(board: Board) -> None:
    planned = [await board.plan(file(20 + number), at(START + number)) for number in range(3)]
    await board.changing.reject(board.people["approver"], planned[1].id, "approver", "no", NOW)

    async def ids(state: ChangeState | None, before: str = "", release: str = RELEASE) -> list[str]:
        found, are_last = await board.changing.page(release=release, state=state, before=before, limit=10)
        assert are_last
        return [each.change.id for each in found]

    assert await ids(None) == [change.id for change in reversed(planned)]
    assert await ids(ChangeState.PLANNED) == [planned[2].id, planned[0].id]
    assert await ids(ChangeState.REJECTED) == [planned[1].id]
    assert await ids(None, before=planned[1].id) == [planned[0].id]
    assert await ids(None, release="acme/other") == []


OURS = "sha256:" + "a" * 64
GATED = (
    f"release: {RELEASE}\nserves: {{inference: {{upstream: vllm, model: atlas}}}}\n"
    f"model: {{snapshot: {OURS}}}\nstages:\n"
    '  - {name: general, opens: "2000-01-01T00:00:00Z", access: api, to: [public]}\n'
    "  - name: later\n    opens: 2200-01-01T00:00:00Z\n    access: api\n    to: [public]\n"
    "    opens_when: [{evidence: {suite: lm-eval, task: wmdp, metric: acc, at_most: 0.35}}, {incident_free: true}]\n"
).encode()


async def moved(board: Board, what: str) -> None:
    """Evidence is added, or withdrawn; an incident is opened."""

    def work(connection: Connection) -> tuple[None, list[Act]]:
        if what == "added":
            evidence_store.add_evidence(connection, an_evidence("evidence_1"))
        elif what == "withdrawn":
            assert evidence_store.withdraw_evidence(connection, "evidence_1", START, "mistaken")
        elif what == "opened":
            incident = Incident(id="incident_1", release=RELEASE, summary="a leak", opened_at=START, opened_by="")
            evidence_store.add_incident(connection, incident)
        elif what == "closed":
            assert evidence_store.close_incident(connection, "incident_1", START, "fixed")
        elif what == "of another task":
            evidence_store.add_evidence(connection, an_evidence("evidence_9", task="mmlu"))
        return None, []

    await board.installation.ledger.administer(Actor("", ""), work)


def an_evidence(id_: str, task: str = "wmdp") -> Evidence:
    findings = Findings(suite="lm-eval", measurements=(Measurement(task, "acc", "0.3"),))
    return Evidence(
        id=id_, release=RELEASE, snapshot=OURS, files={}, findings=findings, added_at=START, vouched_by="",
        organisation="provider",
    )  # fmt: skip


@pytest.mark.parametrize("events", [["added"], ["added", "withdrawn"], ["opened"], ["opened", "closed"]])
async def test_an_approval_is_void_when_the_evidence_has_moved_and_may_be_given_anew(
    board: Board, events: list[str]
) -> None:
    *before, last = events
    for event in before:
        await moved(board, event)
    planned = await board.plan(GATED)
    for who in ("approver", "analyst"):
        await board.approve(planned, who)
    agreed = await board.now(planned)

    await moved(board, last)
    refused = await reasons(board.apply(planned))
    first = await board.approve(planned, "approver")
    still = await reasons(board.apply(planned))
    second = await board.approve(planned, "analyst")
    again = await reasons(board.approve(planned, "analyst"))
    applied = await board.apply(planned)

    assert agreed.state is ChangeState.APPROVED and len({each.grounds for each in agreed.approvals}) == 1
    assert refused == still == (ChangeReason.EVIDENCE_MOVED, ChangeReason.APPROVALS_MISSING)
    assert (first.state, second.state) == (ChangeState.PLANNED, ChangeState.APPROVED)
    assert again == (ChangeReason.APPROVED_ALREADY,)
    assert applied.state is ChangeState.APPLIED


@pytest.mark.parametrize(("content", "event"), [(GATED, "of another task"), (file(20), "opened")])
async def test_evidence_that_no_stage_reads_leaves_approvals_as_they_are(
    board: Board, content: bytes, event: str
) -> None:
    planned = await board.plan(content)
    for who in ("approver", "analyst"):
        await board.approve(planned, who)
    await moved(board, event)

    assert (await board.apply(planned)).state is ChangeState.APPLIED


async def test_who_reopens_a_stage_that_another_version_had_opened_does_not_do_so_alone(board: Board) -> None:
    shut = GATED.replace(b"stages:", b"audiences: {staff: {role: staff}}\nstages:").replace(
        b"access: api, to: [public]}", b"access: closed, to: [staff]}"
    )
    later = await board.plan(shut)
    for who in ("approver", "analyst"):
        await board.approve(later, who)
    await board.apply(later)
    back = await board.plan(shut.replace(b"0.35", b"0.30"))
    narrows = (await board.changing.get(back.id)).weighed.effect
    reopened = back.strategy

    def reopen(connection: Connection) -> tuple[None, list[Act]]:
        digest = reopened.opening_digest(reopened.stages[1])
        evidence_store.add_opening(connection, RELEASE, digest, START)
        return None, []

    await board.installation.ledger.administer(Actor("", ""), reopen)

    assert narrows is Effect.NARROWING
    assert (await board.changing.get(back.id)).weighed.effect is Effect.WIDENING
    assert await reasons(board.apply(back)) == (ChangeReason.APPROVALS_MISSING,)


async def test_an_approval_from_before_evidence_that_came_and_went_is_void(board: Board) -> None:
    planned = await board.plan(GATED)
    await board.approve(planned, "approver")
    for event in ("added", "withdrawn"):
        await moved(board, event)

    assert await reasons(board.apply(planned)) == (ChangeReason.EVIDENCE_MOVED, ChangeReason.APPROVALS_MISSING)


async def test_who_names_other_evidence_than_there_is_approves_nothing(board: Board) -> None:
    planned = await board.plan(GATED)
    seen = (await board.changing.get(planned.id)).grounds
    await moved(board, "added")
    caller = board.people["approver"]
    approval = Approval(caller.key, "approver", planned.digest, START, True, grounds=seen)

    with pytest.raises(Conflict) as refused:
        await board.changing.approve(caller, planned.id, approval, NOW)

    assert refused.value.code == "evidence_moved"
    assert (await board.now(planned)).approvals == ()


async def test_evidence_that_moves_between_judging_and_writing_is_judged_anew(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = await board.plan(GATED)
    for who in ("approver", "analyst"):
        await board.approve(planned, who)
    asked, ask = 0, board.changing._judge.ask_change

    async def slow(question: ChangeQuestion) -> ChangeDecision:
        nonlocal asked
        asked += 1
        decision = await ask(question)
        if asked == 1:
            await moved(board, "added")
        return decision

    monkeypatch.setattr(board.changing._judge, "ask_change", slow)

    assert await reasons(board.apply(planned)) == (ChangeReason.EVIDENCE_MOVED, ChangeReason.APPROVALS_MISSING)
    assert asked == 2
