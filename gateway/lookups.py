"""Things looked up once, kept, and dropped by name.

Invariant: once `drop(key)` has returned, nobody is given a value whose load began before it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Load = Callable[[K], Awaitable[V | None]]
"""Finds what a key names; None where there is no such thing."""


class Lookup(Generic[K, V]):
    """What `load` found, in bounded memory: the least recently used is forgotten first.

    That there is no such thing is kept too, apart, so that asking for names made up cannot push
    out what is in use. Everything here runs on one event loop.
    """

    def __init__(self, load: Load[K, V], *, keeps: int, keeps_absent: int = 10_000) -> None:
        self._load = load
        self._keeps = keeps
        self._keeps_absent = keeps_absent
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._absent: OrderedDict[K, None] = OrderedDict()
        self._under_way: dict[K, asyncio.Task[V | None]] = {}
        self.drops = 0
        """Counts every drop, so that whoever waited or kept something can tell whether one may have overtaken it."""

    def __len__(self) -> int:
        return len(self._kept)

    def get_kept(self, key: K) -> V | None:
        """What is kept of this name, without waiting; None also where nothing is known yet."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    async def get(self, key: K) -> V | None:
        """What this name stands for, or None. All who ask at once wait for one load."""
        while True:
            value = self.get_kept(key)
            if value is not None:
                return value
            if key in self._absent:
                self._absent.move_to_end(key)
                return None
            drops = self.drops
            value = await asyncio.shield(self._under_way.get(key) or self._begin(key))
            # A drop between the end of the load and this line must count as well: look again.
            if drops == self.drops:
                return value

    def drop(self, key: K) -> None:
        """Forget a name; a load of it that is under way will not be kept, nor believed."""
        self.drops += 1
        self._kept.pop(key, None)
        self._absent.pop(key, None)
        self._under_way.pop(key, None)

    def drop_all(self) -> None:
        """Forget every name."""
        self.drops += 1
        self._kept.clear()
        self._absent.clear()
        self._under_way.clear()

    def _begin(self, key: K) -> asyncio.Task[V | None]:
        task = asyncio.ensure_future(self._load_and_keep(key))
        self._under_way[key] = task
        task.add_done_callback(_notice)
        return task

    async def _load_and_keep(self, key: K) -> V | None:
        task = asyncio.current_task()
        try:
            value = await self._load(key)
            if self._under_way.get(key) is task:
                self._keep(key, value)
        finally:
            if self._under_way.get(key) is task:
                del self._under_way[key]
        return value

    def _keep(self, key: K, value: V | None) -> None:
        if value is None:
            self._absent[key] = None
            if len(self._absent) > self._keeps_absent:
                self._absent.popitem(last=False)
            return
        self._kept[key] = value
        if len(self._kept) > self._keeps:
            self._kept.popitem(last=False)


def _notice(task: "asyncio.Task[V | None]") -> None:
    """Take note of a failure that every waiter has left behind, so that the loop does not report it."""
    if not task.cancelled():
        task.exception()
