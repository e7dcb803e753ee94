"""What a caller may see of its own: nothing that names a release of which it may not know, or no longer."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.control.areas import Areas
from gateway.identity.callers import OVERSIGHT, Caller

T = TypeVar("T")


async def knows_of(areas: Areas, caller: Caller, release: str) -> bool:
    """Whether the caller oversees, or may know that there is such a release."""
    return caller.has(*OVERSIGHT) or await areas.usable.may_know_of(caller, release)


async def hidden_among(areas: Areas, caller: Caller, releases: Iterable[str]) -> frozenset[str]:
    """Those of which the caller may not know. Each is asked about once."""
    return frozenset([name for name in sorted(set(releases)) if not await knows_of(areas, caller, name)])


async def those_known(areas: Areas, caller: Caller, found: Iterable[T], release_of: Callable[[T], str]) -> list[T]:
    """Those of the things found that are of releases the caller may know of."""
    listed = list(found)
    hidden = await hidden_among(areas, caller, map(release_of, listed))
    return [each for each in listed if release_of(each) not in hidden]
