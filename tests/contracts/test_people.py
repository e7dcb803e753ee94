"""What is kept of people, on both engines alike: arriving, sessions that last and end, and leaving."""

import asyncio
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from sqlalchemy import Connection

from gateway.clock import DAY, HOUR, MINUTE, Moment, at
from gateway.database.engine import Database
from gateway.errors import Forbidden, GatewayError, NotFound, Unauthenticated
from gateway.identity.attributes import Claim
from gateway.identity.callers import Assertion, Caller, Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder, Rotation
from gateway.identity.lineages import Lineage, lineage_of
from gateway.identity.people import store
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.persons import Person, new_person_id
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.ledger.store import Act
from tests.fakes.installation import NOW, START, Installation, begun, lines

LIMITS = Limits(idle=30 * MINUTE, absolute=12 * HOUR)
ALICE = Vouched(
    issuer="corporate", subject="248289761001", user_name="alice", display_name="Alice A.", signed_in_at=START
)


@dataclass
class Household:
    """An installation at which people sign in, in as many processes as are wanted."""

    installation: Installation
    registry: Registry
    withdrawn: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    _states: int = 0

    @property
    def directory(self) -> Directory:
        return self.installation.directory

    async def sign_in(
        self,
        vouched: Vouched = ALICE,
        *roles: Role,
        organisation: str = "acme",
        now: Moment = NOW,
        replaces: str = "",
        state: str = "",
        assertions: tuple[Assertion, ...] = (),
    ) -> tuple[Caller, str]:
        """Arrive, and show the new session."""
        session, secret, digest = mint_session()
        self._states += 1
        await self.registry.arrive(
            Arrival(
                vouched=vouched,
                organisation=organisation,
                roles=roles or (Role.DEVELOPER,),
                assertions=assertions,
                session=session,
                kind=SessionKind.BROWSER,
                digest=digest,
                limits=LIMITS,
                state=state or f"state {self._states}",
                state_expires_at=now.latest + 10 * MINUTE,
                replaces=replaces,
            ),
            now,
        )
        return await self.directory.in_session(secret.reveal(), now), secret.reveal()


@pytest_asyncio.fixture
async def household(database: Database) -> Household:
    installation = await begun(database)
    withdrawn: list[tuple[tuple[str, ...], str]] = []

    def withdraw(_: Connection, keys: object, cause: str, __: Moment, keeping: object) -> list[Act]:
        if not keeping:
            withdrawn.append((tuple(keys), cause))
        return []

    return Household(installation, Registry(installation.directory, withdraw), withdrawn)


async def turned_away(directory: Directory, shown: str, now: Moment = NOW) -> str:
    """The code with which a session is turned away."""
    with pytest.raises(Unauthenticated) as refused:
        await directory.in_session(shown, now)
    return refused.value.code


async def followed(household: Household, elsewhere: Directory, revision: int) -> None:
    """What the feed does in another process."""
    for touch in (await household.installation.ledger.news(revision)).touches:
        elsewhere.drop(touch.kind, touch.id)


async def test_who_arrives_is_who_they_are_in_every_process(household: Household) -> None:
    caller, shown = await household.sign_in(ALICE, Role.AUDITOR, Role.DEVELOPER)
    elsewhere = household.installation.another_process()

    assert (caller.organisation, caller.roles, caller.scopes) == (
        "acme",
        (Role.AUDITOR, Role.DEVELOPER),
        ("control",),
    )
    assert caller.key == caller.person and caller.person.startswith("person_")
    assert (caller.signed_in_at, caller.expires_at) == (START, NOW.earliest + LIMITS.absolute)
    assert await elsewhere.in_session(shown, NOW) == caller
    assert await household.directory.in_session(shown, NOW) is caller
    assert household.directory.is_current(caller)


async def test_a_session_is_looked_up_once(household: Household) -> None:
    _, shown = await household.sign_in()
    reads = household.installation.database.reads

    for _ in range(50):
        await household.directory.in_session(shown, NOW)

    assert household.installation.database.reads == reads


async def test_the_same_person_comes_again_as_the_same_and_another_never_does(household: Household) -> None:
    first, _ = await household.sign_in()
    again, _ = await household.sign_in()
    elsewhere, _ = await household.sign_in(
        Vouched(issuer="other", subject=ALICE.subject, user_name="alice", display_name="", signed_in_at=START)
    )
    namesake, _ = await household.sign_in(
        Vouched(issuer="corporate", subject="other", user_name="ALICE", display_name="", signed_in_at=START)
    )

    assert again.person == first.person
    assert len({first.person, elsewhere.person, namesake.person}) == 3
    assert (await household.registry.person(household.installation.provider, namesake.person)).user_name == "other"


async def test_two_first_sign_ins_at_once_make_one_person(household: Household) -> None:
    (first, _), (second, _) = await asyncio.gather(household.sign_in(), household.sign_in())

    assert first.person == second.person
    assert first.session != second.session


async def test_garbage_reaches_no_database_and_a_wrong_secret_opens_nothing(household: Household) -> None:
    _, shown = await household.sign_in()
    reads = household.installation.database.reads

    garbage = ("", "session_", shown[:-1], shown + "A", shown.upper(), shown.replace(".", "_"), shown + "\n")
    codes = {await turned_away(household.directory, each) for each in garbage}
    wrong = await turned_away(household.directory, shown[:-1] + ("A" if shown[-1] != "A" else "B"))

    assert household.installation.database.reads == reads
    assert codes | {wrong} == {"invalid_api_key"}


async def test_a_session_ends_when_it_is_not_used_and_goes_on_when_it_is(household: Household) -> None:
    _, unused = await household.sign_in()
    _, used = await household.sign_in()
    for minutes in range(20, 120, 20):
        await household.directory.in_session(used, at(START + minutes * MINUTE))

    assert await turned_away(household.directory, unused, at(START + LIMITS.idle)) == "session_over"
    assert await turned_away(household.directory, used, at(START + 100 * MINUTE + LIMITS.idle)) == "session_over"


async def test_a_session_that_another_process_saw_used_goes_on(household: Household) -> None:
    caller, shown = await household.sign_in()
    elsewhere = household.installation.another_process()
    await elsewhere.in_session(shown, at(START + 25 * MINUTE))
    await elsewhere.flush_last_used()

    later = await household.directory.in_session(shown, at(START + 50 * MINUTE))

    assert later is caller
    assert await turned_away(household.directory, shown, at(START + 81 * MINUTE)) == "session_over"


async def test_no_use_makes_a_session_last_longer_than_it_may(household: Household) -> None:
    _, shown = await household.sign_in()
    for minutes in range(0, 720, 20):
        await household.directory.in_session(shown, at(START + minutes * MINUTE))

    assert await turned_away(household.directory, shown, at(START + LIMITS.absolute)) == "session_over"


async def test_a_sign_in_is_taken_once(household: Household) -> None:
    await household.sign_in(state="one")

    with pytest.raises(Unauthenticated) as refused:
        await household.sign_in(state="one")

    assert refused.value.code == "sign_in_used"


async def test_signing_in_again_ends_the_session_before(household: Household) -> None:
    first, shown = await household.sign_in()
    second, _ = await household.sign_in(replaces=shown)

    assert await turned_away(household.directory, shown) == "session_over"
    assert second.session != first.session


async def test_who_knows_the_id_of_a_session_alone_ends_nothing_by_it(household: Household) -> None:
    victim, shown = await household.sign_in()
    mallory = Vouched(issuer="corporate", subject="m", user_name="mallory", display_name="", signed_in_at=START)

    for made_up in (victim.session, f"{victim.session}.", f"{victim.session}.{'A' * 43}", "x", ""):
        await household.sign_in(mallory, replaces=made_up)

    assert await household.directory.in_session(shown, NOW) is victim


async def test_who_is_disabled_is_out_here_at_once_and_elsewhere_with_the_feed(household: Household) -> None:
    caller, shown = await household.sign_in()
    key = (await household.directory.issue_key(caller, KeyOrder(), NOW)).token.reveal()
    elsewhere = household.installation.another_process()
    stale = await elsewhere.in_session(shown, NOW)
    await elsewhere.authenticate(key, None, NOW)
    revision = (await household.installation.ledger.news(-1)).revision

    await household.registry.disable(household.installation.provider, caller.person, "left the company", NOW)
    here = await turned_away(household.directory, shown)
    await followed(household, elsewhere, revision)

    assert here == await turned_away(elsewhere, shown) == "session_over"
    assert not elsewhere.is_current(stale)
    with pytest.raises(Unauthenticated):
        await elsewhere.renewed(stale, NOW)
    for directory in (household.directory, elsewhere):
        with pytest.raises(Unauthenticated):
            await directory.authenticate(key, None, NOW)
    with pytest.raises(Unauthenticated) as refused:
        await household.sign_in()
    assert refused.value.code == "person_disabled"


async def test_who_leaves_takes_their_keys_along_and_leaves_their_clients(household: Household) -> None:
    caller, _ = await household.sign_in()
    directory = household.directory
    own = (await directory.issue_key(caller, KeyOrder(), NOW)).key
    client = (await directory.issue_key(caller, KeyOrder(is_client=True), NOW)).key
    by_key = await directory.caller(own.id, NOW)
    of_the_key = (await directory.issue_key(by_key, KeyOrder(), NOW)).key
    heir = (await directory.rotate_key(by_key, own.id, Rotation(), NOW)).key

    await household.registry.disable(household.installation.provider, caller.person, "left", NOW)

    provider = household.installation.provider
    ended = [(await directory.key(provider, key.id)).revoked_at is not None for key in (own, of_the_key, heir)]
    assert ended == [True, True, True]
    assert {own.person, of_the_key.person, heir.person} == {caller.person}
    assert (await directory.key(provider, client.id)).revoked_at is None
    assert client.person is None
    ((known_as, cause),) = household.withdrawn
    assert (set(known_as), cause) == ({caller.person, own.id, of_the_key.id, heir.id}, "left")


async def test_who_is_enabled_again_signs_in_anew_and_has_nothing_of_before(household: Household) -> None:
    caller, shown = await household.sign_in()
    provider = household.installation.provider
    await household.registry.disable(provider, caller.person, "leave of absence", NOW)
    await household.registry.enable(provider, caller.person, NOW)

    again, _ = await household.sign_in()

    assert again.person == caller.person
    assert await turned_away(household.directory, shown) == "session_over"


async def test_a_role_taken_away_ends_what_had_it(household: Household) -> None:
    inside = {"organisation": "provider"}
    wide, shown = await household.sign_in(ALICE, Role.PROVIDER, Role.STAFF, **inside)
    kept, kept_shown = await household.sign_in(ALICE, Role.STAFF, **inside)
    _, shown = await household.sign_in(ALICE, Role.PROVIDER, Role.STAFF, **inside)
    wide = await household.directory.in_session(shown, NOW)
    key = (await household.directory.issue_key(wide, KeyOrder(roles=(Role.PROVIDER,)), NOW)).token.reveal()

    await household.sign_in(ALICE, Role.STAFF, **inside)

    assert await turned_away(household.directory, shown) == "session_over"
    assert (await household.directory.in_session(kept_shown, NOW)).session == kept.session
    with pytest.raises(Unauthenticated):
        await household.directory.authenticate(key, None, NOW)


async def test_who_moves_to_another_organisation_keeps_nothing_of_the_first(household: Household) -> None:
    caller, shown = await household.sign_in()
    key = (await household.directory.issue_key(caller, KeyOrder(), NOW)).token.reveal()

    moved, _ = await household.sign_in(organisation="bolt")

    assert (moved.person, moved.organisation) == (caller.person, "bolt")
    assert await turned_away(household.directory, shown) == "session_over"
    with pytest.raises(Unauthenticated):
        await household.directory.authenticate(key, None, NOW)


async def test_an_organisation_that_is_disabled_or_absent_lets_nobody_in(household: Household) -> None:
    _, shown = await household.sign_in()
    await household.directory.disable_organisation(household.installation.provider, "acme", "contract ended", NOW)

    codes = []
    for organisation in ("acme", "nowhere"):
        with pytest.raises(Forbidden) as refused:
            await household.sign_in(organisation=organisation)
        codes.append(refused.value.code)

    assert codes == ["no_organisation", "no_organisation"]
    assert await turned_away(household.directory, shown) == "key_revoked"


def provisioned(**changed: object) -> Person:
    given = {
        "id": new_person_id(),
        "organisation": "acme",
        "issuer": "corporate",
        "subject": None,
        "user_name": "Alice@acme.example",
        "external_id": "00u1",
        "created_at": START,
        "created_by": "",
        "changed_at": START,
    }
    return Person(**given | changed)


async def test_who_was_provisioned_is_known_by_what_links_them_and_later_by_their_subject(household: Household) -> None:
    person = provisioned()
    await household.installation.database.write(lambda connection: store.add_person(connection, person))
    linked = {"user_names": "alice@ACME.example", "provisioned_only": True}
    known = Vouched(issuer="corporate", subject="sub-1", user_name="x", display_name="", signed_in_at=START, **linked)
    thief = Vouched(issuer="corporate", subject="sub-2", user_name="x", display_name="", signed_in_at=START, **linked)

    first, _ = await household.sign_in(known)
    codes = []
    for stranger in (thief, Vouched(**{**_asdict(known), "subject": "sub-3", "user_names": "bob@acme.example"})):
        with pytest.raises(Forbidden) as refused:
            await household.sign_in(stranger)
        codes.append(refused.value.code)
    again, _ = await household.sign_in(Vouched(**{**_asdict(known), "user_names": "renamed@acme.example"}))

    assert first.person == again.person == person.id
    assert codes == ["listed_as_another", "not_provisioned"]


def _asdict(vouched: Vouched) -> dict[str, object]:
    return {name: getattr(vouched, name) for name in Vouched.__struct_fields__}


async def test_everything_of_one_person_is_one_person(household: Household) -> None:
    inside = {"organisation": "provider"}
    caller, _ = await household.sign_in(ALICE, Role.PROVIDER, **inside)
    own = (await household.directory.issue_key(caller, KeyOrder(roles=(Role.PROVIDER,)), NOW)).key
    theirs = (await household.directory.issue_key(caller, KeyOrder(organisation="acme"), NOW)).key

    def lineages(connection: Connection) -> list[Lineage]:
        return [lineage_of(connection, each) for each in (caller.key, own.id, theirs.id)]

    assert await household.installation.database.read(lineages) == [
        Lineage(caller.person, ()),
        Lineage(caller.person, ()),
        Lineage(theirs.id, (caller.person,), since=START),
    ]


async def test_what_a_sign_in_asserts_stands_beside_what_is_known_of_the_organisation(household: Household) -> None:
    provider = household.installation.provider
    for name, value in (("kyc", "K2"), ("sector", "energy")):
        claim = Claim(name=name, value=value, issuer="registry", assurance=2)
        await household.directory.assert_attribute(provider, "acme", claim, NOW)
    stronger = Assertion("claim_1", "kyc", "K3", "corporate", 3, START, START + DAY)

    caller, _ = await household.sign_in(assertions=(stronger,))

    assert {each.name: each.value for each in caller.attributes} == {"kyc": "K3", "sector": "energy"}


async def test_the_record_names_the_person_and_the_session(household: Household) -> None:
    caller, _ = await household.sign_in()
    issued = await household.directory.issue_key(caller, KeyOrder(), NOW)
    await household.registry.end_session(caller, caller.session, "signed out", NOW)

    told = (await lines(household.installation))[-4:]

    assert [event for event, _ in told] == ["person:created", "session:started", "key:issued", "session:ended"]
    for _, body in told:
        assert (body["actor_key"], body["person"], body["session"]) == (caller.person, caller.person, caller.session)
    assert told[2][1]["detail"]["person"] == caller.person
    assert issued.token.reveal() not in str(told)


async def test_nobody_ends_the_session_of_another_but_a_provider(household: Household) -> None:
    alice, shown = await household.sign_in()
    mallory, _ = await household.sign_in(
        Vouched(issuer="corporate", subject="m", user_name="mallory", display_name="", signed_in_at=START)
    )

    with pytest.raises(NotFound):
        await household.registry.end_session(mallory, alice.session, "spite", NOW)
    assert await household.directory.in_session(shown, NOW)

    await household.registry.end_session(household.installation.provider, alice.session, "stolen laptop", NOW)
    assert await turned_away(household.directory, shown) == "session_over"


async def test_who_stands_behind_a_session_is_seen_by_their_own_organisation_alone(household: Household) -> None:
    alice, _ = await household.sign_in()
    bob, _ = await household.sign_in(
        Vouched(issuer="corporate", subject="b", user_name="bob", display_name="", signed_in_at=START),
        organisation="bolt",
    )

    assert [each.id for each in await household.registry.people(alice)] == [alice.person]
    with pytest.raises(NotFound):
        await household.registry.person(alice, bob.person)
    with pytest.raises(GatewayError):
        await household.registry.people(alice, organisation="bolt")
    assert len(await household.registry.people(household.installation.provider)) == 2
