"""What a question about a release is about: a moment, and the release as it stood by everything recorded until then.

What has been is answered for ever alike (0019): nothing that is recorded later, whatever date it bears, changes it.
"""

from functools import partial

from gateway.access.instants import AsOf
from gateway.control.areas import Areas
from gateway.control.wire import instant_in
from gateway.errors import Invalid, NotFound
from gateway.releases.past import Stood, openings_by, stood
from gateway.releases.values import LATEST


class StoodAt(Stood, frozen=True):
    """A release, and when it is asked about."""

    asked: AsOf


async def stood_at(areas: Areas, release: str, named: str | None) -> StoodAt:
    """The release now, or at the instant that the query names as `at`.

    Before the first version was applied, the first answers: it may have adopted what had opened by then.
    Raises NotFound, and Invalid for an instant that no strategy knows.
    """
    instant = instant_in(named, "at")
    if instant is not None and instant >= LATEST:
        raise Invalid("`at` must lie before the year 2250.", param="at")
    asked = await areas.explaining.when(instant)
    found = await areas.database.read(partial(stood, release=release, known=asked.known))
    if found is None:
        found = await _first(areas, release)
    opened = {stage: opened for stage, opened in found.openings.items() if opened <= asked.moment.latest}
    return StoodAt(found.version, opened, found.narrowings, asked)


async def _first(areas: Areas, release: str) -> Stood:
    """The first version, under nothing that narrows it yet."""
    versions = await areas.catalogue.history(release, before=2, limit=1)
    if not versions:
        raise NotFound
    recorded = await areas.database.read(partial(openings_by, release=release, known=None))
    return Stood(versions[0], versions[0].strategy.opened(recorded), ())
