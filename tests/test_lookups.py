"""A lookup asks once, keeps what it may, and never gives out what was dropped."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.lookups import Lookup


class Shelf:
    """What a lookup loads from: counts what it is asked, and answers when it is let."""

    def __init__(self, **stands: str) -> None:
        self.stands = dict(stands)
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def load(self, key: str) -> str | None:
        self.asked.append(key)
        value = self.stands.get(key)
        await self.open.wait()
        return value


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_was_looked_up_once_is_not_loaded_again() -> None:
    shelf = Shelf(a="1")
    lookup = Lookup(shelf.load, keeps=10)

    answers = [await lookup.get("a"), await lookup.get("a"), lookup.get_kept("a")]

    assert answers == ["1", "1", "1"]
    assert shelf.asked == ["a"]


async def test_all_who_ask_at_once_wait_for_one_load() -> None:
    shelf = Shelf(a="1")
    shelf.open.clear()
    lookup = Lookup(shelf.load, keeps=10)

    waiting = [asyncio.ensure_future(lookup.get("a")) for _ in range(100)]
    await settle()
    shelf.open.set()

    assert await asyncio.gather(*waiting) == ["1"] * 100
    assert shelf.asked == ["a"]


async def test_that_there_is_no_such_thing_is_kept_until_it_is_dropped() -> None:
    shelf = Shelf()
    lookup = Lookup(shelf.load, keeps=10)
    before = [await lookup.get("a"), await lookup.get("a")]

    shelf.stands["a"] = "1"
    kept = await lookup.get("a")
    lookup.drop("a")

    assert (before, kept) == ([None, None], None)
    assert await lookup.get("a") == "1"
    assert shelf.asked == ["a", "a"]


async def test_the_least_recently_used_is_forgotten_first() -> None:
    shelf = Shelf(a="1", b="2", c="3")
    lookup = Lookup(shelf.load, keeps=2)
    await lookup.get("a")
    await lookup.get("b")

    lookup.get_kept("a")
    await lookup.get("c")

    assert [lookup.get_kept(key) for key in "abc"] == ["1", None, "3"]
    assert len(lookup) == 2


async def test_names_made_up_push_out_nothing_that_is_in_use() -> None:
    shelf = Shelf(a="1")
    lookup = Lookup(shelf.load, keeps=2, keeps_absent=3)
    await lookup.get("a")

    for number in range(50):
        await lookup.get(f"made-up-{number}")
    await lookup.get("made-up-49")
    await lookup.get("made-up-0")

    assert lookup.get_kept("a") == "1"
    assert shelf.asked.count("made-up-49") == 1
    assert shelf.asked.count("made-up-0") == 2


async def test_a_waiter_is_given_what_stands_after_the_drop() -> None:
    shelf = Shelf(a="old")
    shelf.open.clear()
    lookup = Lookup(shelf.load, keeps=10)
    waiting = asyncio.ensure_future(lookup.get("a"))
    await settle()

    shelf.stands["a"] = "new"
    lookup.drop("a")
    shelf.open.set()

    assert await waiting == "new"
    assert lookup.get_kept("a") == "new"


async def test_a_drop_after_the_load_and_before_the_waiter_wakes_still_counts() -> None:
    shelf = Shelf(a="old")
    lookup = Lookup(shelf.load, keeps=10)
    waiting = asyncio.ensure_future(lookup.get("a"))
    for _ in range(10):
        await asyncio.sleep(0)
        if lookup.get_kept("a") is not None:
            break

    shelf.stands["a"] = "new"
    lookup.drop("a")

    assert not waiting.done()
    assert await waiting == "new"


@pytest.mark.parametrize("everything", [False, True])
async def test_a_load_overtaken_by_a_drop_never_overwrites_a_fresh_one(everything: bool) -> None:
    shelf = Shelf(a="old")
    gates = [asyncio.Event(), asyncio.Event()]

    async def load(key: str) -> str | None:
        value, gate = shelf.stands[key], gates[len(shelf.asked)]
        shelf.asked.append(key)
        await gate.wait()
        return value

    lookup = Lookup(load, keeps=10)
    first = asyncio.ensure_future(lookup.get("a"))
    await settle()
    shelf.stands["a"] = "new"
    lookup.drop_all() if everything else lookup.drop("a")
    second = asyncio.ensure_future(lookup.get("a"))
    await settle()

    gates[1].set()
    await settle()
    gates[0].set()

    assert [await first, await second] == ["new", "new"]
    assert lookup.get_kept("a") == "new"


async def test_a_load_that_fails_is_told_to_every_waiter_and_not_kept() -> None:
    fails = True

    async def load(key: str) -> str | None:
        await asyncio.sleep(0)
        if fails:
            raise OSError("the shelf fell over")
        return key

    lookup = Lookup(load, keeps=10)
    outcomes = await asyncio.gather(lookup.get("a"), lookup.get("a"), return_exceptions=True)

    fails = False

    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    assert await lookup.get("a") == "a"


async def test_a_waiter_that_leaves_takes_nobody_with_it() -> None:
    shelf = Shelf(a="1")
    shelf.open.clear()
    lookup = Lookup(shelf.load, keeps=10)
    leaving, staying = (asyncio.ensure_future(lookup.get("a")) for _ in range(2))
    await settle()

    leaving.cancel()
    await settle()
    shelf.open.set()

    assert await staying == "1"
    assert leaving.cancelled()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), keeps=st.integers(1, 4), everything=st.booleans())
def test_nobody_is_given_what_was_dropped_before(seed: int, keeps: int, everything: bool) -> None:
    """Readers and writers race over a few names, with loads of every length; what is given out never lies
    behind the last drop, and neither does what is kept."""
    chance = random.Random(seed)
    stands = dict.fromkeys("abc", 1)
    dropped = dict.fromkeys("abc", 1)

    async def pause() -> None:
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)

    async def load(key: str) -> int | None:
        await pause()
        value = stands[key]
        await pause()
        return value if value % 3 else None

    async def reader(lookup: Lookup[str, int]) -> None:
        for _ in range(15):
            key = chance.choice("abc")
            value = await lookup.get(key)
            if value is None:
                assert any(value % 3 == 0 for value in range(dropped[key], stands[key] + 1))
            else:
                assert value >= dropped[key]
            await pause()

    async def writer(lookup: Lookup[str, int]) -> None:
        for _ in range(25):
            key = chance.choice("abc")
            stands[key] += 1
            await pause()
            if everything and chance.random() < 0.2:
                dropped.update(stands)
                lookup.drop_all()
            else:
                dropped[key] = stands[key]
                lookup.drop(key)
            for name in "abc":
                assert (lookup.get_kept(name) or dropped[name]) >= dropped[name]
            await pause()

    async def race() -> None:
        lookup = Lookup(load, keeps=keeps, keeps_absent=2)
        await asyncio.gather(*(reader(lookup) for _ in range(6)), writer(lookup), writer(lookup))

    asyncio.run(race())
