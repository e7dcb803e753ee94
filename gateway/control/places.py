"""`/control/places`: taking an organisation out of its line, so that the next is let in."""

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from gateway.control.areas import By, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import Cause, RecordInPath
from gateway.identity.callers import Role


class FreedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place that was just freed, and who is let in by it."""

    id: str
    release: str
    line: str
    organisation: str
    lets_in: list[str]


class PlacesInLine(Controller):
    """Places: one organisation's, in one line."""

    path = "/places"
    tags = ("releases",)

    @post("/{place:str}/free", status_code=200, **open_to(Role.PROVIDER))
    async def free(
        self, place: RecordInPath, data: JSONBody[Cause], areas: InAreas, actor: By, moment: Now
    ) -> FreedPlace:
        """Take an organisation out of its line, so that the next is let in. It may ask again, and stands last then."""
        freed, let_in = await areas.places.free(actor, place, data.cause, moment)
        return FreedPlace(
            id=freed.id,
            release=freed.release,
            line=freed.line,
            organisation=freed.organisation,
            lets_in=list(let_in),
        )
