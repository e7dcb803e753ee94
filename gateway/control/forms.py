"""`/control/releases/…/request-form`: what a release asks of whoever wants access."""

from litestar import Controller, get

from gateway.control.areas import Areas, Asking, InAreas
from gateway.control.asked import ShownForm, shown_form
from gateway.control.guards import EVERYBODY, open_to
from gateway.control.known import knows_of
from gateway.control.wire import PartInPath
from gateway.errors import NotFound
from gateway.identity.callers import Caller


class FormsOfReleases(Controller):
    """The form of a release."""

    path = "/releases/{namespace:str}/{name:str}/request-form"
    tags = ("requests",)

    @get("/", **open_to(*EVERYBODY))
    async def show(self, namespace: PartInPath, name: PartInPath, areas: InAreas, caller: Asking) -> ShownForm:
        """What a release asks of whoever wants access."""
        release = f"{namespace}/{name}"
        await check_known(areas, caller, release)
        snapshot, _ = areas.current.now()
        form = snapshot.releases[release].strategy.requests
        if form is None:
            raise NotFound(f"`{release}` takes no requests.", next_step="Ask the model's provider for access.")
        return shown_form(release, form)


async def check_known(areas: Areas, caller: Caller, release: str) -> None:
    """Raise NotFound, in one shape, for a release that there is not or that this caller may not know of."""
    snapshot, _ = areas.current.now()
    known = await knows_of(areas, caller, release)
    if release not in snapshot.releases or not known:
        raise NotFound
