"""Requests for access as they are kept, judged, raced and chased, on both engines, with the policies that ship."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from gateway.access import store as grants
from gateway.access.admissions import Admissions
from gateway.access.grants import Grant
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.requests import store
from gateway.access.requests.chasing import RequestChaser
from gateway.access.requests.decisions import RequestReason, RequestRefused
from gateway.access.requests.request import TRANSITIONS, AccessRequest, RequestState, may_lead, possible
from gateway.access.requests.requesting import Requests
from gateway.access.requests.withdrawing import withdraw_request_approvals
from gateway.clock import DAY, SECOND, Moment
from gateway.database.engine import Database
from gateway.errors import Conflict, GatewayError
from gateway.identity.callers import Caller, Role
from gateway.identity.keyring import KeyOrder
from gateway.ledger.commitments import opens
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger
from gateway.releases.catalogue import Catalogue
from gateway.releases.files import read_release
from gateway.releases.forms import RETAIN_DAYS
from gateway.releases.reports.specialised import DecisionTimes
from gateway.shipped import shipped
from tests.fakes.installation import NOW, START, Installation, begun, lines
from tests.fakes.requests import ANSWERS, GATED, SECRET, asking_release

SEQUENCES = 1_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 8
BOTH = "second_approval: true, concurrence: CAISI"


@dataclass
class Desk:
    """A release that takes requests, people who ask and review, and a clock that can be moved."""

    installation: Installation
    database: Database
    requests: Requests
    chaser: RequestChaser
    ledger: Ledger
    catalogue: Catalogue
    people: dict[str, Caller]
    moment: list[Moment] = field(default_factory=lambda: [NOW])

    @property
    def now(self) -> Moment:
        return self.moment[0]

    def wait(self, microseconds: int) -> None:
        self.moment[0] = Moment(self.now.earliest + microseconds, self.now.latest + microseconds)

    async def form(self, more: str = "") -> None:
        reading = read_release(asking_release(more).encode(), {})
        await self.catalogue.apply(Actor("", ""), reading, self.now, adopt=True)

    async def ask(self, who: str = "developer", **answers: Any) -> AccessRequest:
        return await self.requests.ask(self.people[who], GATED, ANSWERS | answers, self.now)

    async def approve(self, request: AccessRequest, who: str = "approver") -> AccessRequest:
        held = await self.held(request)
        return await self.requests.approve(self.people[who], request.id, held.commitment.digest, self.now)

    async def held(self, request: AccessRequest) -> AccessRequest:
        found = (await self.requests.get(request.id, self.now)).request
        assert found is not None
        return found

    async def grants(self, organisation: str = "acme") -> list[Grant]:
        return await self.database.read(lambda connection: grants.grants_held(connection, organisation, GATED))

    async def said(self, request: AccessRequest) -> list[str]:
        return [event.split(":")[1] for event, body in await lines(self.installation) if body["subject"] == request.id]


class Told:
    """What is in force, as far as the chaser asks."""

    def __init__(self, moment: list[Moment]) -> None:
        self._moment = moment

    def now(self) -> tuple[None, Moment]:
        return None, self._moment[0]


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    installation = await begun(database)
    judge = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=5)
    await judge.start()
    moment = [NOW]
    ledger = Ledger(database, lambda: moment[0])
    people = {
        name: (await installation.enter(KeyOrder(roles=(role,), organisation=organisation)))[0]
        for name, role, organisation in (
            ("developer", Role.DEVELOPER, "acme"),
            ("colleague", Role.DEVELOPER, "acme"),
            ("stranger", Role.DEVELOPER, "bolt"),
            ("approver", Role.APPROVER, "provider"),
            ("second", Role.APPROVER, "provider"),
            ("analyst", Role.ANALYST, "provider"),
        )
    }
    desk = Desk(
        installation,
        database,
        Requests(database, ledger, judge),
        RequestChaser(Told(moment), database, ledger),  # type: ignore[arg-type]
        ledger,
        Catalogue(database, ledger),
        people,
        moment,
    )
    await desk.form()
    yield desk
    await judge.stop()


async def reason(work: Any) -> str:
    with pytest.raises(GatewayError) as refused:
        await work
    return refused.value.code


async def test_a_request_is_kept_and_read_back_whole(desk: Desk) -> None:
    asked = await desk.ask(site="https://example.com/a?b=c", resells=True)

    assert await desk.held(asked) == asked
    assert asked.answers == ANSWERS | {"site": "https://example.com/a?b=c", "resells": True}
    assert (asked.review_by, asked.expires_at, asked.drop_at) == (START + 14 * DAY, START + 28 * DAY, None)
    content = msgspec.json.encode({"answers": asked.answers, "reply": ""}, order="sorted")
    assert opens(asked.commitment.digest.removeprefix("sha256:"), asked.commitment.salt or b"", content)


async def test_granting_writes_state_and_grant_together_and_says_on_whose_word(desk: Desk) -> None:
    asked = await desk.ask()
    granted = await desk.approve(asked)

    [grant] = await desk.grants()
    assert (granted.state, granted.grant, grant.request) == (RequestState.GRANTED, grant.id, asked.id)
    assert (grant.starts_at, grant.ends_at, grant.recertify_by) == (START, START + 60 * DAY, START + 30 * DAY)
    assert f"{desk.people['approver'].key} as approver" in grant.authority
    events = [event for event, _ in await lines(desk.installation)]
    assert events[-3:] == ["request:approved", "request:granted", "grant:given"]


@pytest.mark.parametrize("_round", range(3))
async def test_of_many_approvals_at_once_exactly_one_grants(desk: Desk, _round: int) -> None:
    asked = await desk.ask()

    told = await asyncio.gather(
        *(desk.approve(asked, who) for who in ("approver", "second") * 4), return_exceptions=True
    )

    granted = [each for each in told if isinstance(each, AccessRequest)]
    assert [each.state for each in granted] == [RequestState.GRANTED]
    assert {each.code for each in told if isinstance(each, GatewayError)} == {"act_not_possible"}
    assert len(await desk.grants()) == 1
    assert await desk.said(asked) == ["submitted", "screened", "approved", "granted"]


async def test_a_reviewers_word_goes_with_them_until_the_request_is_granted(desk: Desk) -> None:
    await desk.form("second_approval: true")
    asked = await desk.ask()
    await desk.approve(asked)

    async def leave() -> list[Act]:
        def work(connection: Connection) -> tuple[list[Act], list[Act]]:
            acts = withdraw_request_approvals(connection, [desk.people["approver"].key], "left", desk.now)
            return acts, acts

        return await desk.ledger.administer(Actor("", ""), work)

    before = (await desk.held(asked)).state
    [taken_back] = await leave()
    after = await desk.held(asked)
    first = await desk.approve(asked, "second")
    granted = await desk.approve(asked)

    assert (before, after.state) == (RequestState.AWAITING_SECOND_APPROVAL, RequestState.PENDING_REVIEW)
    assert (after.approvals, after.review_by is not None) == ((), True)
    assert (taken_back.event, taken_back.subject) == (Event.REQUEST_APPROVAL_WITHDRAWN, asked.id)
    assert (first.state, granted.state) == (RequestState.AWAITING_SECOND_APPROVAL, RequestState.GRANTED)
    assert await leave() == [], "what was granted stays granted"


async def test_the_time_to_a_decision_is_that_of_requests_granted_or_rejected_by_an_instant(desk: Desk) -> None:
    took = [1, 2, 3, 20]
    for place, days in enumerate(took):
        request = await desk.ask()
        desk.wait(days * DAY)
        if place % 2:
            await desk.approve(request)
        else:
            await desk.requests.reject(desk.people["approver"], request.id, "not now", final=False, moment=desk.now)
    before = desk.now.latest
    withdrawn = await desk.ask()
    await desk.requests.withdraw(desk.people["developer"], withdrawn.id, desk.now)
    await desk.ask()

    async def times(until: int, release: str = GATED) -> DecisionTimes | None:
        return await desk.database.read(lambda connection: store.decision_times(connection, release, until))

    assert await times(before) == await times(desk.now.latest + DAY) == DecisionTimes(4, half=2 * DAY, most=20 * DAY)
    assert await times(before - 1) == DecisionTimes(3, half=2 * DAY, most=3 * DAY)
    assert await times(NOW.latest) is None and await times(before, "acme/other") is None


async def test_of_many_who_ask_at_once_one_request_comes_about(desk: Desk) -> None:
    told = await asyncio.gather(
        *(desk.ask(who) for who in ("developer", "colleague") * 3), desk.ask("stranger"), return_exceptions=True
    )

    asked = [each.organisation for each in told if isinstance(each, AccessRequest)]
    refused = [each.reasons for each in told if isinstance(each, RequestRefused)]
    assert Counter(asked) == {"acme": 1, "bolt": 1}
    assert refused == [(RequestReason.ALREADY_ASKED,)] * 5


async def test_an_approval_and_a_withdrawal_at_once_leave_one_of_them(desk: Desk) -> None:
    for _ in range(4):
        asked = await desk.ask("stranger")
        await asyncio.gather(
            desk.approve(asked), desk.requests.withdraw(desk.people["stranger"], asked.id, desk.now),
            return_exceptions=True,
        )  # fmt: skip
        state = (await desk.held(asked)).state
        active = [grant for grant in await desk.grants("bolt") if grant.request == asked.id]

        assert state in {RequestState.GRANTED, RequestState.WITHDRAWN}
        assert len(active) == (state is RequestState.GRANTED)


async def test_a_review_nobody_makes_is_late_and_then_over_each_said_once_by_two_processes(desk: Desk) -> None:
    asked = await desk.ask(purpose=SECRET)
    other = RequestChaser(Told(desk.moment), desk.database, Ledger(desk.database, lambda: desk.now))  # type: ignore[arg-type]

    async def look() -> int:
        return sum(await asyncio.gather(desk.chaser.look(), other.look(), desk.chaser.look()))

    desk.wait(14 * DAY - 1)
    early, early_late = await look(), desk.chaser.standing.requests_late
    desk.wait(1)
    late, held, standing = await look(), await desk.held(asked), desk.chaser.standing
    desk.wait(14 * DAY - 1)
    before = await look()
    desk.wait(1)
    over, ended = await look(), await desk.held(asked)

    assert (early, early_late, late, before, over) == (0, 0, 1, 0, 1)
    assert (held.state, held.late_since, standing[:2]) == (RequestState.PENDING_REVIEW, START + 14 * DAY, (1, 1))
    assert (ended.state, ended.closed_at) == (RequestState.EXPIRED_UNREVIEWED, START + 28 * DAY)
    assert await desk.said(asked) == ["submitted", "screened", "overdue", "expired"]
    assert (await desk.ask()).id != asked.id, "it can be asked for again"


async def test_what_people_wrote_is_dropped_when_its_time_is_up_and_the_salt_with_it(desk: Desk) -> None:
    asked = await desk.ask(purpose=SECRET)
    await desk.requests.need_info(desk.people["approver"], asked.id, f"Who is {SECRET}?", desk.now)
    await desk.requests.answer(desk.people["developer"], asked.id, {}, SECRET, desk.now)
    await desk.approve(asked)
    desk.wait(RETAIN_DAYS * DAY - 1)
    early = await desk.chaser.look(), (await desk.held(asked)).answers
    desk.wait(1)
    dropped, again = await desk.chaser.look(), await desk.chaser.look()

    held = await desk.held(asked)
    rows = await desk.database.read(lambda connection: repr(connection.execute(select(store.request_table)).all()))
    assert (early[0], dropped, again) == (0, 1, 0)
    assert early[1] is not None and early[1]["purpose"] == SECRET
    assert (held.answers, held.question, held.reply, held.commitment.salt) == (None, "", "", None)
    assert SECRET not in rows and SECRET not in repr(await lines(desk.installation))
    assert held.commitment.digest.startswith("sha256:") and held.state is RequestState.GRANTED


async def test_a_grant_not_looked_at_again_admits_nobody_until_it_is(desk: Desk) -> None:
    admissions = Admissions(desk.database, desk.ledger)
    actor = Actor(desk.people["approver"].key, "provider")
    await desk.approve(await desk.ask())
    [grant] = await desk.grants()

    async def state() -> tuple[str, str]:
        holdings = await admissions.holdings("acme")
        return holdings.grants[GATED][0].state(desk.now), holdings.grant_standing(GATED, desk.now)

    desk.wait(30 * DAY - 1)
    before, reminded = await state(), (await desk.grants())[0].is_to_be_recertified(desk.now)
    desk.wait(1)
    due = await state()
    noted = [await desk.chaser.look() for _ in range(2)], desk.chaser.standing.grants_to_recertify
    await admissions.recertify(actor, grant.id, "quarterly review 3", desk.now)
    after = await state()
    await desk.chaser.look()

    assert (before, reminded) == (("active", "active"), True)
    assert due == ("recertification_due", "recertification_due")
    assert noted == ([1, 0], 1)
    assert (after, desk.chaser.standing.grants_to_recertify) == (("active", "active"), 0)
    assert [event for event, _ in await lines(desk.installation)][-2:] == [
        "grant:recertification_due", "grant:recertified",
    ]  # fmt: skip
    desk.wait(30 * DAY)
    assert await state() == ("expired", "ended")
    assert await reason(admissions.recertify(actor, grant.id, "too late", desk.now)) == "conflict"


async def test_an_act_judged_on_a_form_that_moved_is_judged_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, asking = await desk.ask(), desk.requests._judge.ask_request
    changed = []

    async def slow(question: Any) -> Any:
        decision = await asking(question)
        if not changed:
            changed.append(await desk.form("second_approval: true"))
        return decision

    monkeypatch.setattr(desk.requests._judge, "ask_request", slow)

    assert (await desk.approve(asked)).state is RequestState.AWAITING_SECOND_APPROVAL
    assert await desk.grants() == []


async def test_a_change_of_the_authority_needs_its_word_anew(desk: Desk) -> None:
    await desk.form(BOTH)
    asked = await desk.ask()
    for who in ("approver", "second"):
        await desk.approve(asked, who)
    await desk.form(BOTH.replace("CAISI", "AISI"))
    concurred = await desk.requests.concur(desk.people["approver"], asked.id, "A-1", None, desk.now)

    assert (concurred.state, concurred.authority) == (RequestState.GRANTED, "AISI")


async def test_a_request_found_by_another_organisation_is_not_acted_on(desk: Desk) -> None:
    asked = await desk.ask()

    assert await reason(desk.requests.withdraw(desk.people["stranger"], asked.id, desk.now)) == "not_the_askers"


@pytest.mark.soak
@pytest.mark.parametrize("number", range(SEQUENCES))
async def test_whatever_is_done_nothing_is_granted_without_its_approvals_and_every_path_ends(
    desk: Desk, number: int
) -> None:
    chance = random.Random(number)
    wanted = chance.choice(["", "second_approval: true", "concurrence: CAISI", BOTH])
    await desk.form(wanted)
    asked = await desk.ask()
    states, approvers, concurred = [asked.state], set[str](), False
    for _ in range(chance.randint(3, 14)):
        act, who = chance.choice(ACTS), chance.choice(list(desk.people))
        before = await desk.held(asked)
        try:
            moved = await _do(desk, asked, act, who)
        except (RequestRefused, Conflict):
            assert await desk.held(asked) == before, "what is refused changes nothing"
            continue
        assert may_lead(before.state, act, moved.state)
        states.append(moved.state)
        if act == "approve":
            approvers.add(who)
        if act == "answer":
            approvers.clear()
        concurred = act == "concur" or (concurred and act != "answer")
        desk.wait(chance.choice([0, SECOND, 3 * DAY]))
        await desk.chaser.look()
    given = await desk.grants()

    assert all(after != before or before not in TRANSITIONS for before, after in pairwise(states))
    assert bool(given) == ((await desk.held(asked)).state is RequestState.GRANTED)
    if given:
        assert approvers <= {"approver", "second"} and len(approvers) >= (2 if "second" in wanted else 1)
        assert concurred or "concurrence" not in wanted
    desk.wait(28 * DAY)
    await desk.chaser.look()
    assert possible((await desk.held(asked)).state) == (), "a request that nobody touches ends"


ACTS = ["approve", "approve", "approve", "concur", "concur", "need_info", "answer", "answer", "reject", "withdraw"]


async def _do(desk: Desk, request: AccessRequest, act: str, who: str) -> AccessRequest:
    caller, requests, now = desk.people[who], desk.requests, desk.now
    if act == "approve":
        return await desk.approve(request, who)
    if act == "concur":
        return await requests.concur(caller, request.id, "C-1", None, now)
    if act == "need_info":
        return await requests.need_info(caller, request.id, "why?", now)
    if act == "answer":
        return await requests.answer(caller, request.id, {}, "because", now)
    if act == "reject":
        return await requests.reject(caller, request.id, "no", now)
    return await requests.withdraw(caller, request.id, now)


def test_every_state_that_is_not_the_end_leads_to_one() -> None:
    closed = {state for state in RequestState if state not in TRANSITIONS}
    reached: set[RequestState] = set(closed)
    for _ in RequestState:
        reached |= {state for state, acts in TRANSITIONS.items() if any(to & reached for to in acts.values())}

    assert closed == {
        RequestState.GRANTED, RequestState.REJECTED, RequestState.WITHDRAWN, RequestState.EXPIRED_UNREVIEWED,
    }  # fmt: skip
    assert reached == set(RequestState)
