"""What a caller can use, asked without recording: the answers are the gate's own."""

from collections.abc import AsyncIterator

import pytest

from gateway.access.usable import Usable
from gateway.clock import DAY
from gateway.database.engine import Database
from gateway.identity.predicates import Test as Predicate
from gateway.releases.audiences import Audience
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, Conditions
from tests.access.test_gate import House
from tests.builders import PAST, TERMS, a_caller, a_grant, a_stage, a_strategy, holdings

RELEASE = "acme/atlas-1"


@pytest.fixture
async def house(sqlite_database: Database) -> AsyncIterator[House]:
    """A house with one open release."""
    house = House(sqlite_database)
    await house.release(a_strategy())
    await house.writer.start()
    yield house
    await house.writer.stop()


async def test_every_component_that_some_stage_offers_is_weighed(house: House) -> None:
    later = a_stage(name="weights", opens=PAST + 1, offers=(Component.WEIGHTS,))
    await house.release(a_strategy(a_stage(), later))

    standings = await Usable(house.weighing, house.current).standings(a_caller(), RELEASE)

    assert set(standings) == {Component.TEXT, Component.WEIGHTS}
    assert await Usable(house.weighing, house.current).standings(a_caller(), "acme/none") == {}


async def test_what_opens_later_is_told_as_if_its_terms_were_accepted(house: House) -> None:
    _, moment = house.current.now()
    opens = moment.latest + DAY
    bound = a_stage(opens=opens, conditions=Conditions(terms=("aup",)))
    await house.release(a_strategy(bound, terms={"aup": TERMS}))
    usable = Usable(house.weighing, house.current)

    standing = (await usable.standings(a_caller(), RELEASE))[Component.TEXT]

    assert await usable.opens_at(standing, Component.TEXT) == opens


async def test_a_grant_that_begins_later_opens_when_it_begins(house: House) -> None:
    _, moment = house.current.now()
    begins = moment.latest + DAY
    testers = Audience(tests=(Predicate(attribute="grant", op="=", value="required"),))
    limited = a_stage(access=AccessLevel.LIMITED, to=("testers",))
    house.held = holdings(a_grant(starts_at=begins))
    await house.release(a_strategy(limited, audiences={"testers": testers}))
    usable = Usable(house.weighing, house.current)

    standing = (await usable.standings(a_caller(), RELEASE))[Component.TEXT]

    assert not standing.decision.allow
    assert await usable.opens_at(standing, Component.TEXT) == begins


async def test_what_no_stage_will_admit_never_opens(house: House) -> None:
    await house.release(a_strategy(a_stage(access=AccessLevel.LIMITED, to=())))
    usable = Usable(house.weighing, house.current)

    standing = (await usable.standings(a_caller(), RELEASE))[Component.TEXT]

    assert await usable.opens_at(standing, Component.TEXT) is None
