"""Keys that nobody issued: which they are, and that their use opens nothing unless it is recorded."""

import asyncio

import pytest

from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.snapshot import EMPTY
from gateway.clock import elapsed_us
from gateway.database.engine import Database
from gateway.errors import LedgerUnavailable, Unavailable
from gateway.identity.break_glass import WAITING_MAX, BreakGlass
from gateway.identity.callers import Role
from gateway.identity.keyring import KeyOrder, Rotation
from tests.fakes.installation import NOW, START, begun, lines


async def test_the_first_key_its_heirs_and_one_from_nobody_break_glass_and_no_other(database: Database) -> None:
    installation = await begun(database)
    directory, first = installation.directory, installation.provider
    ordinary, _ = await installation.enter(KeyOrder(roles=(Role.PROVIDER,)))
    recovered = (await directory.reissue(NOW)).key
    heir = (await directory.rotate_key(first, first.key, Rotation(), NOW)).key

    marked = [(await directory.caller(key, NOW)).is_break_glass for key in (first.key, recovered.id, heir.id)]

    assert marked == [True, True, True]
    assert not ordinary.is_break_glass


async def test_every_use_is_recorded_and_counted(database: Database) -> None:
    installation = await begun(database)
    counted: list[int] = []
    glass = BreakGlass(installation.ledger, lambda: counted.append(1))

    await asyncio.gather(*(glass.used(installation.provider) for _ in range(5)))

    events = [event for event, _ in await lines(installation)]
    assert events.count("break_glass:used") == len(counted) == 5


async def test_whoever_floods_with_it_waits_alone_and_what_is_not_recorded_opens_nothing(database: Database) -> None:
    installation = await begun(database)
    counted: list[int] = []
    glass = BreakGlass(installation.ledger, lambda: counted.append(1))

    told = await asyncio.gather(*(glass.used(installation.provider) for _ in range(200)), return_exceptions=True)

    refused = [each for each in told if each is not None]
    assert {(type(each), each.code) for each in refused} == {(Unavailable, "break_glass_busy")}  # type: ignore[union-attr]
    assert len(told) - len(refused) == len(counted) <= WAITING_MAX + 1
    events = [event for event, _ in await lines(installation)]
    assert events.count("break_glass:used") == len(counted)
    await glass.used(installation.provider)


async def test_a_use_that_cannot_be_recorded_opens_nothing_until_it_can(database: Database) -> None:
    installation = await begun(database)
    counted: list[int] = []
    current = Current(5.0)
    current.clock.observe(START, elapsed_us(), elapsed_us())
    current.confirm(elapsed_us(), EMPTY)
    glass = BreakGlass(installation.ledger, lambda: counted.append(1))
    entrance = Entrance(installation.directory, current, lambda _: None, break_glass=glass)
    headers = [(b"x-api-key", installation.provider_token.encode())]

    installation.database.fails = TimeoutError()
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            await entrance.caller(headers, None)
    installation.database.fails = None
    caller = await entrance.caller(headers, None)

    assert caller.is_break_glass
    assert counted == [1]
