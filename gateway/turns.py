"""What is written in one turn of the event loop leaves together at its end.

A write to a socket wakes whoever reads it, and a reader that falls asleep between two writes is woken twice:
written one behind the other, without a call's worth of work between them, many short messages cost half.
"""

import asyncio
from typing import Protocol


class Holding(Protocol):
    """Something that holds what it was given to write until it is told to let it go."""

    def let_go(self) -> None:
        """Write what is held."""


class Turn:
    """The end of the turn under way: whoever holds something is told then, in the order in which they asked."""

    __slots__ = ("_holding",)

    def __init__(self) -> None:
        self._holding: list[Holding] = []

    def at_end(self, holding: Holding, loop: asyncio.AbstractEventLoop) -> None:
        """Tell it when everything that is ready now has run."""
        if not self._holding:
            loop.call_soon(self._end)
        self._holding.append(holding)

    def _end(self) -> None:
        ended, self._holding = self._holding, []
        for holding in ended:
            holding.let_go()
