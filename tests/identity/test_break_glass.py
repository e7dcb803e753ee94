"""Keys that nobody issued: which they are, and that their use opens nothing unless it is recorded."""

import pytest

from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.snapshot import EMPTY
from gateway.clock import MINUTE, at, elapsed_us
from gateway.database.engine import Database
from gateway.errors import LedgerUnavailable
from gateway.identity.break_glass import BreakGlass
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


async def test_a_use_is_recorded_once_a_minute_and_counted(database: Database) -> None:
    installation = await begun(database)
    counted: list[int] = []
    glass = BreakGlass(installation.ledger, lambda: counted.append(1))

    for seconds in (0, 30, 59, 60, 61, 119):
        await glass.used(installation.provider, at(START + seconds * MINUTE // 60))

    events = [event for event, _ in await lines(installation)]
    assert events.count("break_glass:used") == len(counted) == 2


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
