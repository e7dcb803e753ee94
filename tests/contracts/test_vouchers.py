"""What a provider vouches for of somebody counts with their own keys while they are signed in, on both engines."""

from functools import partial

import pytest
from msgspec import structs

from gateway.clock import HOUR, MINUTE, Moment
from gateway.errors import Unauthenticated
from gateway.identity.callers import Assertion, Caller
from gateway.identity.keyring import KeyOrder
from gateway.identity.people.vouchers import vouchers_of
from tests.contracts.test_people import ALICE, LIMITS, Household, followed, household
from tests.fakes.installation import NOW

__all__ = ["household"]


def later(microseconds: int) -> Moment:
    return Moment(NOW.earliest + microseconds, NOW.latest + microseconds)


def known(value: str, now: Moment = NOW, assurance: int = 3) -> tuple[Assertion, ...]:
    """What a sign-in now brings, as long as it may last."""
    return (
        Assertion(
            id=f"claim_{value}",
            name="kyc",
            value=value,
            issuer="https://login.example",
            assurance=assurance,
            asserted_at=now.earliest,
            expires_at=now.earliest + LIMITS.absolute,
        ),
    )


async def own_key(house: Household, person: Caller, now: Moment = NOW) -> str:
    return (await house.directory.issue_key(person, KeyOrder(), now)).token.reveal()


async def level(house: Household, key: str, now: Moment = NOW) -> tuple[object, ...]:
    """What the key's caller has of the fact: its value, issuer, assurance and end."""
    caller = await house.directory.authenticate(key, None, now)
    return next(((a.value, a.issuer, a.assurance, a.expires_at) for a in caller.attributes if a.name == "kyc"), ())


async def test_a_persons_own_key_has_what_their_provider_vouched_for_until_the_sign_in_ends(
    household: Household,
) -> None:
    alice, _ = await household.sign_in(assertions=known("K3"))
    key = await own_key(household, alice)
    end = NOW.earliest + LIMITS.absolute
    caller = await household.directory.authenticate(key, None, NOW)

    assert await level(household, key) == ("K3", "https://login.example", 3, end)
    assert await household.directory.authenticate(key, None, NOW) is caller
    assert await level(household, key, later(HOUR)) == ("K3", "https://login.example", 3, end), "unused is not over"
    assert await level(household, key, Moment(end - 1, end)) == ()
    assert household.directory.is_current(await household.directory.authenticate(key, None, NOW))


async def test_it_counts_in_no_key_but_their_own(household: Household) -> None:
    await household.sign_in(assertions=known("K3"))
    bob, _ = await household.sign_in(structs.replace(ALICE, subject="bob", user_name="bob"))
    _, team = await household.installation.enter(KeyOrder(organisation="acme"))

    assert [await level(household, key) for key in (await own_key(household, bob), team)] == [(), ()]


async def test_who_signs_out_everywhere_takes_it_along_and_who_signs_in_brings_it_back(household: Household) -> None:
    at_work, _ = await household.sign_in(assertions=known("K3"))
    at_home, _ = await household.sign_in(assertions=known("K3"))
    key, elsewhere = await own_key(household, at_work), household.installation.another_process()
    before = await elsewhere.authenticate(key, None, NOW)
    told = []
    for session in (at_home, at_work):
        revision = (await household.installation.ledger.news(-1)).revision
        await household.registry.end_session(session, session.session, "signed out", NOW)
        await followed(household, elsewhere, revision)
        told.append((await level(household, key), (await elsewhere.authenticate(key, None, NOW)).attributes))

    assert [bool(here) for here, _ in told] == [True, False]
    assert [bool(there) for _, there in told] == [True, False]
    assert not elsewhere.is_current(before)
    await household.sign_in(assertions=known("K2"), now=later(MINUTE))
    assert (await level(household, key, later(MINUTE)))[:1] == ("K2",)


async def test_what_the_provider_says_no_more_is_not_believed_for_having_been_said_before(household: Household) -> None:
    alice, _ = await household.sign_in(assertions=known("K3"))
    key = await own_key(household, alice)

    await household.sign_in(assertions=known("K1", later(MINUTE), assurance=1), now=later(MINUTE))
    weaker = await level(household, key, later(2 * MINUTE))
    nothing, _ = await household.sign_in(now=later(3 * MINUTE))
    silent = await level(household, key, later(4 * MINUTE))
    await household.registry.end_session(nothing, nothing.session, "signed out", later(4 * MINUTE))

    assert weaker[:1] == ("K1",)
    assert silent == ()
    assert await level(household, key, later(5 * MINUTE)) == (), "nor once that sign-in is over and the first stands"


async def test_what_counted_at_an_instant_is_what_had_been_recorded_by_then(household: Household) -> None:
    alice, _ = await household.sign_in(assertions=known("K3"))
    await household.sign_in(assertions=known("K1", later(MINUTE)), now=later(MINUTE))
    for each in await household.registry.sessions(alice, alice.person):
        await household.registry.end_session(household.installation.provider, each.id, "stolen", later(2 * MINUTE))

    async def by(instant: int) -> list[object]:
        vouchers = await household.directory.look_up(partial(vouchers_of, person=alice.person, by=instant))
        return [each.value for each in vouchers.assertions]

    told = [await by(NOW.latest + minutes * MINUTE) for minutes in (-1, 0, 1, 2)]

    assert told == [[], ["K3"], ["K1"], []]


async def test_who_is_disabled_has_neither_key_nor_what_was_vouched_for(household: Household) -> None:
    alice, _ = await household.sign_in(assertions=known("K3"))
    key = await own_key(household, alice)
    provider = household.installation.provider

    await household.registry.disable(provider, alice.person, "left", NOW)

    with pytest.raises(Unauthenticated):
        await household.directory.authenticate(key, None, NOW)
    await household.registry.enable(provider, alice.person, NOW)
    with pytest.raises(Unauthenticated):
        await household.directory.authenticate(key, None, NOW)
