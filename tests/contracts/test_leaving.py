"""What somebody agreed to as a person, and what becomes of it when they leave: on both engines, by the real judge."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest

from gateway.access.change_decisions import ChangeReason, ChangeRefused
from gateway.access.changing import Changing
from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.access.leaving import withdraw_agreement
from gateway.clock import DAY, HOUR
from gateway.database.engine import Database
from gateway.identity.callers import Caller, Role
from gateway.identity.keyring import KeyOrder
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.persons import Person
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.provisioning.acting import WantedPerson
from gateway.identity.provisioning.roster import Roster
from gateway.ledger.store import Actor
from gateway.releases.catalogue import Catalogue
from gateway.releases.changes.change import Approval, Change, ChangeState
from gateway.shipped import shipped
from tests.contracts.test_changes import file, read
from tests.fakes.installation import NOW, START, Installation, begun, lines


@dataclass
class Bench:
    """A release in force, and people who sign in to plan changes of it and to agree."""

    installation: Installation
    registry: Registry
    changing: Changing

    async def sign_in(self, name: str, *roles: Role, organisation: str = "provider") -> Caller:
        session, secret, digest = mint_session()
        arrival = Arrival(
            vouched=Vouched(
                issuer="corporate",
                subject=name,
                user_name=name,
                display_name="",
                signed_in_at=START,
                user_names=name,
            ),
            organisation=organisation,
            roles=roles,
            assertions=(),
            session=session,
            kind=SessionKind.BROWSER,
            digest=digest,
            limits=Limits(HOUR, 12 * HOUR),
            state=session,
            state_expires_at=START + DAY,
        )
        await self.registry.arrive(arrival, NOW)
        return await self.installation.directory.in_session(secret.reveal(), NOW)

    async def plan(self, by: Caller, limit: int = 20) -> Change:
        return await self.changing.plan(by, read(file(limit)), file(limit), NOW)

    async def approve(self, change: Change, by: Caller) -> Change:
        approval = Approval(by.key, by.roles[0], change.digest, NOW.latest, True)
        return await self.changing.approve(by, change.id, approval, NOW)

    async def now(self, change: Change) -> Change:
        return (await self.changing.get(change.id)).change


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    installation = await begun(database)
    judge = EmbeddedJudge(read_policy_set(shipped("policies")), timeout_s=5)
    await judge.start()
    await Catalogue(database, installation.ledger).apply(Actor("", ""), read(file(10)), NOW, adopt=True)
    changing = Changing(database, installation.ledger, judge)
    yield Bench(installation, Registry(installation.directory, withdraw_agreement), changing)
    await judge.stop()


async def test_what_somebody_agreed_to_is_taken_back_when_they_leave(bench: Bench) -> None:
    author, approver = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.APPROVER)
    analyst = await bench.sign_in("cy", Role.ANALYST)
    planned, other = await bench.plan(author), await bench.plan(author, 30)
    for by in (approver, analyst):
        await bench.approve(planned, by)

    await bench.registry.disable(bench.installation.provider, approver.person, "left the company", NOW)

    found = await bench.now(planned)
    assert (found.state, [each.role for each in found.approvals]) == (ChangeState.PLANNED, ["analyst"])
    assert (await bench.now(other)).acts == 0
    with pytest.raises(ChangeRefused) as refused:
        await bench.changing.apply(author, planned.id, NOW)
    assert refused.value.reasons == (ChangeReason.APPROVALS_MISSING,)
    event, body = (await lines(bench.installation))[-1]
    assert (event, body["subject"]) == ("change:approval_withdrawn", planned.id)
    told = body["detail"]
    assert (told["by"], told["role"], told["cause"]) == (approver.person, "approver", "left the company")


async def test_what_somebody_agreed_to_is_taken_back_when_their_directory_puts_them_out(bench: Bench) -> None:
    author, approver = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.APPROVER)
    planned, at_large = await bench.plan(author), bench.installation.provider
    await bench.approve(planned, approver)
    roster = Roster(bench.installation.directory, ["corporate"], bench.registry.leave)
    before = len(await lines(bench.installation))

    await roster.edit(at_large, "corporate", approver.person, lambda person, _: out(person), NOW)

    found = await bench.now(planned)
    assert (found.state, found.approvals) == (ChangeState.PLANNED, ())
    said = await lines(bench.installation)
    assert [event for event, _ in said[before:]] == ["person:disabled", "session:ended", "change:approval_withdrawn"]
    assert said[-1][1]["actor_key"] == at_large.key


def out(person: Person) -> WantedPerson:
    """The same person, not active."""
    return WantedPerson(
        user_name=person.user_name, external_id=person.external_id, display_name=person.display_name, active=False
    )


async def test_what_was_applied_stays_applied(bench: Bench) -> None:
    author, approver = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.APPROVER)
    planned = await bench.plan(author)
    for by in (approver, await bench.sign_in("cy", Role.ANALYST)):
        await bench.approve(planned, by)
    await bench.changing.apply(author, planned.id, NOW)

    await bench.registry.disable(bench.installation.provider, approver.person, "left the company", NOW)

    found = await bench.now(planned)
    assert (found.state, len(found.approvals)) == (ChangeState.APPLIED, 2)


async def test_a_person_agrees_once_whatever_they_present(bench: Bench) -> None:
    author, approver = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.APPROVER)
    planned = await bench.plan(author)
    own = (await bench.installation.directory.issue_key(author, KeyOrder(roles=(Role.PROVIDER,)), NOW)).key
    await bench.approve(planned, approver)

    told = []
    for by in (
        await bench.sign_in("bo", Role.APPROVER),
        author,
        await bench.installation.directory.caller(own.id, NOW),
    ):
        with pytest.raises(ChangeRefused) as refused:
            await bench.approve(planned, by)
        told.append(refused.value.reasons[0])

    assert told == [ChangeReason.APPROVED_ALREADY, ChangeReason.SELF_APPROVED, ChangeReason.SELF_APPROVED]


async def test_an_approval_by_a_key_of_their_own_goes_with_them_too(bench: Bench) -> None:
    author, owner = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.PROVIDER)
    planned = await bench.plan(author)
    own = (await bench.installation.directory.issue_key(owner, KeyOrder(roles=(Role.PROVIDER,)), NOW)).key
    await bench.approve(planned, await bench.installation.directory.caller(own.id, NOW))

    await bench.registry.disable(bench.installation.provider, owner.person, "left", NOW)

    assert (await bench.now(planned)).approvals == ()


async def test_what_somebody_agreed_to_is_taken_back_when_they_come_from_elsewhere(bench: Bench) -> None:
    author, approver = await bench.sign_in("ada", Role.PROVIDER), await bench.sign_in("bo", Role.APPROVER)
    planned = await bench.plan(author)
    await bench.approve(planned, approver)

    moved = await bench.sign_in("bo", Role.DEVELOPER, organisation="acme")

    assert (moved.key, (await bench.now(planned)).approvals) == (approver.key, ())
    said = [body for event, body in await lines(bench.installation) if event == "change:approval_withdrawn"]
    assert [(body["subject"], body["detail"]["cause"]) for body in said] == [
        (planned.id, "moved to another organisation")
    ]


async def test_what_somebody_agreed_to_in_a_role_is_taken_back_when_they_have_it_no_more(bench: Bench) -> None:
    author = await bench.sign_in("ada", Role.PROVIDER)
    planned, other = await bench.plan(author), await bench.plan(author, 30)
    approver = await bench.sign_in("bo", Role.ANALYST, Role.APPROVER)
    await bench.approve(planned, msgspec.structs.replace(approver, roles=(Role.APPROVER,)))
    await bench.approve(other, msgspec.structs.replace(approver, roles=(Role.ANALYST,)))

    await bench.sign_in("bo", Role.ANALYST, Role.APPROVER)
    kept = [each.role for change in (planned, other) for each in (await bench.now(change)).approvals]
    await bench.sign_in("bo", Role.ANALYST)

    assert kept == ["approver", "analyst"]
    assert (await bench.now(planned)).approvals == ()
    assert [each.role for each in (await bench.now(other)).approvals] == ["analyst"]


async def test_an_author_whom_the_list_has_entered_anew_agrees_to_nothing_of_their_own(bench: Bench) -> None:
    author, owner = await bench.sign_in("ada", Role.PROVIDER), bench.installation.provider
    planned = await bench.plan(author)
    roster = Roster(bench.installation.directory, ["corporate"], bench.registry.leave)
    await roster.remove(owner, "corporate", author.key, lambda *_: None, NOW)
    again = WantedPerson(user_name="ada", external_id=None, display_name="", active=True)
    await roster.enter(owner, "corporate", again, NOW)
    reborn = await bench.sign_in("ada", Role.PROVIDER, Role.APPROVER)

    with pytest.raises(ChangeRefused) as refused:
        await bench.approve(planned, msgspec.structs.replace(reborn, roles=(Role.APPROVER,)))

    assert reborn.key != author.key
    assert refused.value.reasons == (ChangeReason.SELF_APPROVED,)
