"""The past, whatever has happened since: random histories of acts, asked about while they go on and afterwards."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from gateway.access import past
from gateway.access.admissions import Admissions, new_id
from gateway.access.census import Counting
from gateway.access.concurrences.recording import Concurrences
from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.entering import Entering
from gateway.access.explaining import Explaining
from gateway.access.explanations import Explanation
from gateway.access.grants import Acceptance, Grant
from gateway.access.in_force import all_in_force, left
from gateway.access.instants import AsOf
from gateway.access.judging import Judging
from gateway.access.places.asking import Places
from gateway.access.places.lapsing import PlaceChaser
from gateway.access.places.records import Front
from gateway.access.places.store import fronts
from gateway.access.populations import Read, one_by_one
from gateway.access.questions import Question
from gateway.access.requests.chasing import RequestChaser
from gateway.access.requests.granting import granted
from gateway.access.requests.request import AccessRequest, Commitments, RequestState
from gateway.access.snapshot import EMPTY, InForce, Snapshot
from gateway.access.standing import Use, gather
from gateway.clock import DAY, NEVER, Instant, Moment, at
from gateway.database.engine import Database, Work
from gateway.database.naming import metadata
from gateway.errors import GatewayError, NotFound, Unauthenticated
from gateway.identity.attributes import Claim
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder, Rotation
from gateway.identity.peppers import Peppers
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor, Ledger
from gateway.metrics import Metrics
from gateway.releases import store as releases
from gateway.releases.agreement import Agreement
from gateway.releases.caps import Cap
from gateway.releases.catalogue import bring_into_force
from gateway.releases.cohorts import Canary
from gateway.releases.components import Component
from gateway.releases.forms import FieldKind, FormField, RequestForm
from gateway.releases.narrowings import Verb
from gateway.releases.openings import Openings
from gateway.releases.requirements import IncidentFree
from gateway.releases.restraint import Order, Restraint
from gateway.releases.strategies import AccessLevel, Conditions, Strategy
from tests.access.judges.oracle import expected
from tests.builders import a_stage, a_strategy
from tests.randomly import AUTHORITY, NOW, RELEASE, TEXTS, strategies
from tests.releases.builders import an_audience

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 12

PATIENCE_S = 30.0
T = TypeVar("T")

ACTOR = Actor(key="Pro000000000", organisation="provider")
SCOPES = ["", "us_person", "not us_person", "organisation = acme", "grant", "kyc >= K3", "kyc@2 >= K3", "role = staff"]
VALUES: dict[str, list[Any]] = {
    "kyc": ["K1", "K3", "K5"],
    "us_person": [True, False],
    "residence_country": ["DE", "US"],
}
KINDS = [
    "apply", "narrow", "narrow", "restore", "restore", "grant", "grant", "revoke", "accept", "accept", "accept",
    "assert", "assert", "withdraw", "rotate", "end key", "disable", "open", "open", "pause", "pause", "resume",
    "resume", "recertify", "recertify", "note", "request", "concur", "concur", "part", "line up", "line up", "line up",
    "free", "free", "lapse", "ask", "ask", "ask", "ask", "ask", "ask",
]  # fmt: skip

Answer = tuple[bool, tuple[str, ...], str]
"""Whether it is admitted, why not, and the hash of the question where one was put."""


class Stands(NamedTuple):
    """What an organisation holds towards the release."""

    grant: str
    accepted: tuple[str, ...]
    concurrences: tuple[str, ...]
    fronts: tuple[bool, ...]


async def nobody_need_agree(_agreement: Agreement) -> GatewayError | None:
    """No stage here asks for approvals."""
    raise AssertionError


class OracleJudge:
    """Answers as the rules say, which every judge is held to (tests/access/judges)."""

    policy = "sha256:" + "f" * 64

    async def ask(self, question: Question) -> object:
        return expected(question)


class Patient:
    """A database that is waited for: thousands of cases meet a busy machine now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def read(self, work: Work[T], *, deadline_s: float = 0.0) -> T:
        return await self._database.read(work, deadline_s=max(deadline_s, PATIENCE_S))

    async def write(self, work: Work[T], *, deadline_s: float = 0.0) -> T:
        return await self._database.write(work, deadline_s=max(deadline_s, PATIENCE_S))

    async def close(self) -> None:
        """The database is closed by whoever opened it."""


class Now:
    """What is in force is read anew for every question here; what looks for places that lapsed is shown it."""

    def __init__(self) -> None:
        self.moment = at(NOW - DAY // 2)
        self.snapshot = EMPTY

    def now(self) -> tuple[Snapshot, Moment]:
        return self.snapshot, self.moment


class History:
    """An installation in which things happen, and what its gate answered meanwhile."""

    def __init__(self, hasty: Database) -> None:
        database = self.database = Patient(hasty)
        self.clock = Now()
        self.ledger = Ledger(database, lambda: self.clock.moment)
        self.directory = Directory(database, self.ledger, Peppers([b"p" * 32]))
        self.admissions = Admissions(database, self.ledger)
        self.restraint = Restraint(database, self.ledger)
        self.openings = Openings(database, self.ledger, nobody_need_agree)
        self.places = Places(database, self.ledger)
        self.place_chaser = PlaceChaser(self.clock, database, self.ledger)  # type: ignore[arg-type]
        self.concurrences = Concurrences(database, self.ledger)
        self.chaser = RequestChaser(self.clock, database, self.ledger)  # type: ignore[arg-type]
        self.explaining = Explaining(
            database,
            self.ledger,
            self.clock,  # type: ignore[arg-type]
            Judging(OracleJudge(), Metrics()),  # type: ignore[arg-type]
        )
        self.counting = Counting(database, self.explaining)
        self.keys: list[str] = []
        self.answers: list[tuple[Instant, str, Component, Answer]] = []
        self.told: list[tuple[Instant, str, Component, Explanation]] = []

    @property
    def now(self) -> Moment:
        return self.clock.moment

    def later(self, by: int) -> None:
        self.clock.moment = at(self.clock.moment.latest + by)

    async def begin(self, first: Strategy) -> None:
        await self.database.write(_emptied)
        issued = await self.directory.bootstrap(self.now)
        assert issued is not None
        self.provider = await self.directory.authenticate(issued.token.reveal(), None, self.now)
        judged = Act(event=Event.POLICY_CHANGED, subject=OracleJudge.policy)
        await self.ledger.administer(ACTOR, lambda _: (None, [judged]))
        for organisation in ("acme", "bolt"):
            await self.directory.create_organisation(self.provider, organisation, organisation, self.now)
            await self.issue(organisation, Role.DEVELOPER)
        await self.issue("provider", Role.STAFF)
        await self.apply(first)

    async def issue(self, organisation: str, role: Role, **rights: Any) -> None:
        order = KeyOrder(organisation=organisation, roles=(role,), **rights)
        self.keys.append((await self.directory.issue_key(self.provider, order, self.now)).key.id)

    async def apply(self, strategy: Strategy) -> None:
        def work(connection: Connection) -> tuple[None, list[Act]]:
            current = releases.version_in_force(connection, RELEASE)
            _, act = bring_into_force(connection, ACTOR, strategy, current, self.now, base="", adopt=True)
            return None, [act]

        await self.ledger.administer(ACTOR, work)

    async def gate(self, key: str, component: Component) -> Answer:
        """What the gate answers now: the caller it lets in, what is in force, what it holds, as it reads them."""
        self.directory.drop_all()
        in_force = await self.database.read(_in_force)
        try:
            caller = await self.directory.caller(key, self.now)
        except Unauthenticated as error:
            return False, (error.code,), ""
        question = gather(
            Use(caller, component, in_force, await self.admissions.holdings(caller.organisation)), self.now
        ).question
        decision = expected(question)
        return decision.allow, decision.reasons, question.hash()

    async def explained(self, instant: Instant, key: str, component: Component) -> Explanation:
        asked = await self.explaining.when(instant)
        return await self.explaining.weigh(key, RELEASE, component, asked)

    async def admitted_one_by_one(self, instant: Instant, component: Component) -> list[str]:
        """The organisations that are admitted, each asked about by itself."""
        found = []
        for organisation in ("acme", "bolt", "provider"):
            with suppress(NotFound):
                if (await self.explained(instant, organisation, component)).admitted:
                    found.append(organisation)
        return found

    async def in_bulk_and_apart(self, instant: Instant) -> tuple[dict[str, Stands], dict[str, Stands]]:
        """How each organisation stood, as the database works it out for all, and as it is gathered for each."""
        asked = await self.explaining.when(instant)
        known, moment = asked.known, asked.moment

        def work(connection: Connection) -> tuple[dict[str, Stands], dict[str, Stands]]:
            in_force = past.in_force_by(connection, RELEASE, known)
            assert in_force is not None
            reach = fronts(connection, RELEASE, in_force.strategy.stages, left(in_force.narrowings), known)
            read = Read(RELEASE, (), tuple(sorted(TEXTS.values())), authorities=(AUTHORITY,), fronts=reach)
            found, _ = one_by_one(connection, read, moment, after="", limit=100, known=known)
            apart = {each.first: _apart(connection, each.first, in_force, reach, asked) for each in found}
            return {
                each.first: Stands(each.grant, each.accepted, each.concurrences, each.fronts) for each in found
            }, apart

        return await self.database.read(work)

    async def do(self, kind: str, draw: Any) -> None:
        """One act, drawn; one that may not be done now is not done."""
        with suppress(GatewayError):
            await getattr(self, "_" + kind.replace(" ", "_"))(draw)

    async def _apply(self, draw: Any) -> None:
        await self.apply(draw(staged()))

    async def _narrow(self, draw: Any) -> None:
        verb = draw(st.sampled_from([verb for verb in Verb if verb is not Verb.RESTORE]))
        stages = await self.database.read(lambda c: releases.version_in_force(c, RELEASE))
        names = [stage.name for stage in stages.strategy.stages] if stages else [""]
        order = Order(
            release=RELEASE,
            verb=verb,
            scope=draw(st.sampled_from(SCOPES)),
            on_unknown=draw(st.sampled_from(["deny", "allow"])),
            stage=draw(st.sampled_from(names)) if verb is Verb.ROLL_BACK else "",
            cause="drill",
            until=draw(st.sampled_from([NEVER, NEVER, self.now.latest + DAY])),
        )
        await self.restraint.take(ACTOR, order, self.now)

    async def _restore(self, draw: Any) -> None:
        standing = await self.restraint.standing(RELEASE)
        if standing:
            named = draw(st.sampled_from([each.narrowing.id for each in standing]))
            scope = draw(st.sampled_from(["", *SCOPES]))
            order = Order(release=RELEASE, verb=Verb.RESTORE, inverse_of=named, scope=scope, cause="over")
            await self.restraint.take(ACTOR, order, self.now)

    async def _grant(self, draw: Any) -> None:
        starts = self.now.latest + draw(st.sampled_from([0, 0, -DAY, DAY]))
        grant = Grant(
            id=new_id("grant"),
            organisation=draw(st.sampled_from(["acme", "bolt"])),
            release=RELEASE,
            given_at=self.now.latest,
            given_by=ACTOR.key,
            authority="contract",
            starts_at=starts,
            ends_at=starts + draw(st.sampled_from([DAY, 100 * DAY])),
        )
        await self.admissions.give(ACTOR, grant)

    async def _revoke(self, draw: Any) -> None:
        held = await self.admissions.grants(organisation="", release=RELEASE, after="", limit=100)
        if held:
            await self.admissions.revoke(ACTOR, draw(st.sampled_from(held)).id, "cause", self.now.latest)

    async def _held(self, draw: Any) -> str:
        """Some grant; none where there is none."""
        held = await self.admissions.grants(organisation="", release=RELEASE, after="", limit=100)
        return draw(st.sampled_from([each.id for each in held] or ["grant_none"]))

    async def _pause(self, draw: Any) -> None:
        await self.admissions.pause(ACTOR, await self._held(draw), "cause", self.now)

    async def _resume(self, draw: Any) -> None:
        await self.admissions.resume(ACTOR, await self._held(draw), self.now)

    async def _recertify(self, draw: Any) -> None:
        await self.admissions.recertify(ACTOR, await self._held(draw), "contract", self.now)

    async def _note(self, draw: Any) -> None:
        await self.chaser.look()

    async def _request(self, draw: Any) -> None:
        """A grant that was asked for takes the place of those there are."""
        organisation = draw(st.sampled_from(["acme", "bolt"]))

        def work(connection: Connection) -> tuple[Grant, list[Act]]:
            strategy = all_in_force(connection)[RELEASE].strategy
            if strategy.requests is None:
                strategy = msgspec.structs.replace(strategy, requests=FORM)
            return granted(connection, ACTOR, _asked_for(organisation, self.now.latest), strategy, self.now)

        await self.ledger.administer(ACTOR, work)

    async def _concur(self, draw: Any) -> None:
        given = OwnConcurrence(
            id=new_id("concurrence"),
            organisation=draw(st.sampled_from(["acme", "bolt"])),
            release=RELEASE,
            authority=AUTHORITY,
            reference="letter",
            expires_at=self.now.latest + draw(st.sampled_from([DAY, 100 * DAY])),
            given_at=self.now.latest,
            given_by=ACTOR.key,
        )
        await self.concurrences.give(ACTOR, given, self.now)

    async def _part(self, draw: Any) -> None:
        held = await self.concurrences.concurrences(organisation="", release=RELEASE, after="", limit=100)
        if held:
            await self.concurrences.withdraw(ACTOR, draw(st.sampled_from(held)).id, "cause", self.now)

    async def _line_up(self, draw: Any) -> None:
        strategy = (await self.database.read(_in_force)).strategy
        capped = [stage.name for stage in strategy.stages if stage.cap is not None]
        if capped:
            asking = Actor(key="key", organisation=draw(st.sampled_from(["acme", "bolt", "provider"])))
            await self.places.ask(asking, RELEASE, draw(st.sampled_from(capped)))

    async def _free(self, draw: Any) -> None:
        line = draw(st.sampled_from(sorted(await self.places.counts(RELEASE)) or ["none"]))
        listed = await self.places.listed(RELEASE, line, after=0, limit=100)
        standing = [each.place.id for each in listed if each.stands_at is not None]
        if standing:
            await self.places.free(ACTOR, draw(st.sampled_from(standing)), "cause", self.now)

    async def _lapse(self, draw: Any) -> None:
        self.clock.snapshot = Snapshot(0, {RELEASE: await self.database.read(_in_force)}, "")
        await self.place_chaser.look()

    async def _accept(self, draw: Any) -> None:
        name = draw(st.sampled_from(sorted(TEXTS)))
        organisation = draw(st.sampled_from(["acme", "bolt"]))
        now = self.now.latest
        acceptance = Acceptance(new_id("terms"), organisation, RELEASE, name, TEXTS[name], now, "key")
        await self.admissions.accept(ACTOR, acceptance)

    async def _assert(self, draw: Any) -> None:
        name = draw(st.sampled_from(sorted(VALUES)))
        claim = Claim(
            name=name,
            value=draw(st.sampled_from(VALUES[name])),
            issuer="registry",
            assurance=draw(st.integers(0, 2)),
            asserted_at=self.now.latest - draw(st.sampled_from([0, 5 * DAY])),
            expires_at=draw(st.sampled_from([NEVER, self.now.latest + DAY])),
        )
        organisation = draw(st.sampled_from(["acme", "bolt", "provider"]))
        await self.directory.assert_attribute(self.provider, organisation, claim, self.now)

    async def _withdraw(self, draw: Any) -> None:
        organisation = draw(st.sampled_from(["acme", "bolt"]))
        held = await self.directory.attributes(self.provider, organisation)
        if held:
            assertion = draw(st.sampled_from([each.id for each in held]))
            await self.directory.withdraw_attribute(self.provider, organisation, assertion, "wrong", self.now)

    async def _rotate(self, draw: Any) -> None:
        rotation = Rotation(overlap=draw(st.sampled_from([0, DAY // 2, DAY])))
        issued = await self.directory.rotate_key(self.provider, draw(st.sampled_from(self.keys)), rotation, self.now)
        self.keys.append(issued.key.id)

    async def _end_key(self, draw: Any) -> None:
        await self.directory.revoke_key(self.provider, draw(st.sampled_from(self.keys)), "lost", self.now)

    async def _disable(self, draw: Any) -> None:
        await self.directory.disable_organisation(self.provider, "bolt", "gone", self.now)

    async def _open(self, draw: Any) -> None:
        await self.openings.open_due(RELEASE)

    async def _ask(self, draw: Any) -> None:
        key, component = draw(st.sampled_from(self.keys)), draw(st.sampled_from([*Component, Component.TEXT]))
        asked_at = self.now.latest
        self.answers.append((asked_at, key, component, await self.gate(key, component)))
        self.later(1)
        self.told.append((asked_at, key, component, await self.explained(asked_at, key, component)))


def _in_force(connection: Connection) -> InForce:
    """As every process loads it."""
    return all_in_force(connection)[RELEASE]


def _apart(connection: Connection, organisation: str, in_force: InForce, reach: Iterable[Front], asked: AsOf) -> Stands:
    held = past.holdings_by(connection, organisation, asked.known)
    accepted = held.accepted.get(RELEASE, frozenset())
    agreed = Entering(organisation, {}, held.concurrences.get(RELEASE, ()), asked.moment)
    fact = agreed.fact(a_stage(conditions=Conditions(concurrence=AUTHORITY)))
    assert fact is not None
    return Stands(
        held.grant_standing(RELEASE, asked.moment),
        tuple(digest for digest in sorted(TEXTS.values()) if digest in accepted),
        (fact.concurrence,),
        tuple(
            in_force.lines[front.known_as or front.line].place_of(organisation, front.cap) == "held" for front in reach
        ),
    )


def _emptied(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))


FORM = RequestForm(fields=(FormField(name="why", kind=FieldKind.TEXT),), recertify_every_days=1, grant_days=10)


def _asked_for(organisation: str, asked_at: Instant) -> AccessRequest:
    return AccessRequest(
        id=new_id("request"),
        organisation=organisation,
        release=RELEASE,
        state=RequestState.PENDING_REVIEW,
        form=b"",
        answers={},
        commitment=Commitments("", None),
        asked_at=asked_at,
        asked_by="key",
    )


@st.composite
def staged(draw: st.DrawFn) -> Strategy:
    """Stages of which some wait for a requirement, and some are for a share of organisations first."""
    strategy = draw(strategies())
    stages = []
    for place, stage in enumerate(strategy.stages):
        parts: dict[str, Any] = {}
        if place and draw(st.integers(0, 2)) == 0:
            parts["opens_when"] = (IncidentFree(),)
        if place and draw(st.integers(0, 3)) == 0:
            parts["canary"] = Canary(percent=50, salt=draw(st.sampled_from(["a", "b"])))
        stages.append(msgspec.structs.replace(stage, **parts))
    form = draw(st.sampled_from([None, FORM, FORM]))
    return msgspec.structs.replace(strategy, stages=tuple(stages), requests=form)


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=staged(), data=st.data())
async def test_the_past_is_what_the_gate_answered_then_and_no_later_act_changes_it(
    database: Database, first: Strategy, data: st.DataObject
) -> None:
    history = History(database)
    await history.begin(first)

    for kind in data.draw(st.lists(st.sampled_from(KINDS), min_size=8, max_size=24)):
        history.later(data.draw(st.sampled_from([1, DAY // 8, DAY // 2])))
        await history.do(kind, data.draw)
    history.later(1)

    for (instant, key, component, answer), (*_, told) in zip(history.answers, history.told, strict=True):
        again = await history.explained(instant, key, component)
        assert again == told, "nothing that happened since changes it"
        assert (again.admitted, again.reasons) == answer[:2], "it is what the gate answered"
        assert not answer[2] or again.question == answer[2], "of the very same question"
        assert (again.ended is None) == bool(answer[2])
        in_bulk, apart = await history.in_bulk_and_apart(instant)
        assert in_bulk == apart
    for instant, _, component, _ in {*history.answers[:1], *history.answers[-2:]}:
        page = await history.counting.page(RELEASE, component, instant, "", 100)
        census = await history.counting.census(RELEASE, instant)
        counted = {each.component: (each.admitted, list(each.named)) for each in census.counts}
        one_by_one = await history.admitted_one_by_one(instant, component)
        assert [each.organisation for each in page.admitted] == one_by_one
        assert counted.get(component, (0, [])) == (len(one_by_one), one_by_one)


async def test_what_is_recorded_late_does_not_count_for_the_time_it_speaks_of(database: Database) -> None:
    history = History(database)
    await history.begin(_for_the_known())
    key = history.keys[0]
    history.later(DAY)
    asked = history.now.latest
    before = await history.gate(key, Component.TEXT)

    history.later(DAY)
    long_ago = Claim(name="kyc", value="K5", issuer="registry", assurance=4, asserted_at=asked - 100 * DAY)
    await history.directory.assert_attribute(history.provider, "acme", long_ago, history.now)
    history.later(1)

    assert before[0] is False
    assert (await history.explained(asked, key, Component.TEXT)).admitted is False
    assert (await history.gate(key, Component.TEXT))[0] is True


async def test_terms_published_anew_bind_from_then_and_leave_the_past_as_it_was(database: Database) -> None:
    history = History(database)
    old = _for_all_who_accept("sha256:" + "1" * 64)
    await history.begin(old)
    key = history.keys[0]
    await history.admissions.accept(
        ACTOR, Acceptance("terms_1", "acme", RELEASE, "aup", old.terms["aup"], history.now.latest, key)
    )
    history.later(1)
    was = history.now.latest
    history.later(1)

    await history.apply(_for_all_who_accept("sha256:" + "9" * 64))
    history.later(1)
    since = history.now.latest
    history.later(1)

    told = [await history.explained(instant, key, Component.TEXT) for instant in (was, since)]
    assert [each.admitted for each in told] == [True, False]
    assert told[1].reasons == ("terms_not_accepted",)


async def test_a_stage_with_a_cap_was_not_open_before_its_opening_was_recorded(database: Database) -> None:
    history = History(database)
    gated = a_stage(name="some", opens=NOW - 50 * DAY, cap=Cap(organisations=1), opens_when=(IncidentFree(),))
    first = a_stage(name="first", to=("staff",), access=AccessLevel.CLOSED, opens=NOW - 100 * DAY)
    audiences = {"staff": an_audience(("role", "=", "staff"))}
    await history.begin(a_strategy(first, gated, audiences=audiences, release=RELEASE))
    history.later(DAY)
    was = history.now.latest
    history.later(DAY)

    await history.openings.open_due(RELEASE)
    history.later(1)
    since = history.now.latest
    history.later(1)

    told = [await history.explained(instant, history.keys[0], Component.TEXT) for instant in (was, since)]
    assert [each.admitted for each in told] == [False, True]


async def test_who_held_a_place_is_counted_until_it_was_freed(database: Database) -> None:
    history = History(database)
    capped = a_stage(name="some", opens=NOW - 100 * DAY, cap=Cap(organisations=1))
    await history.begin(a_strategy(capped, release=RELEASE))
    for organisation in ("acme", "bolt"):
        await history.places.ask(Actor(key="key", organisation=organisation), RELEASE, "some")
    history.later(1)
    was = history.now.latest
    history.later(1)

    [first, _] = await history.places.listed(RELEASE, "some", after=0, limit=2)
    await history.places.free(ACTOR, first.place.id, "left", history.now)
    history.later(1)

    counted = [(await history.counting.census(RELEASE, instant)).counts[0].named for instant in (was, None)]
    assert counted == [("acme",), ("bolt",)]


def _for_the_known() -> Strategy:
    stage = a_stage(to=("known",), opens=NOW - 100 * DAY)
    return a_strategy(stage, audiences={"known": an_audience(("kyc", ">=", "K3"))}, release=RELEASE)


def _for_all_who_accept(digest: str) -> Strategy:
    stage = a_stage(opens=NOW - 100 * DAY, conditions=Conditions(terms=("aup",)))
    return a_strategy(stage, terms={"aup": digest}, release=RELEASE)
