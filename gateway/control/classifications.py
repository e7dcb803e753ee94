"""`…/label` and `…/classification` below a release: what it is called, in whose words, at an instant."""

import msgspec
from litestar import Controller, get

from gateway.control.areas import InAreas
from gateway.control.guards import open_to
from gateway.control.instants import stood_at
from gateway.control.wire import PartInPath, WhenFilter
from gateway.identity.callers import OVERSIGHT
from gateway.releases.labels import ReleaseLabel, label_of
from gateway.releases.regimes.classification import Label, classify
from gateway.releases.regimes.subjects import subject_of


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """The derived label, and the version it was derived from."""

    release: str
    number: int
    digest: str
    label: ReleaseLabel


class Classified(msgspec.Struct, frozen=True, kw_only=True):
    """Every definition, and the version it was read on."""

    release: str
    number: int
    digest: str
    labels: tuple[Label, ...]


class Classifications(Controller):
    """Labels of a release, derived whenever they are asked for."""

    path = "/releases/{namespace:str}/{name:str}"
    tags = ("releases",)

    @get("/label", **open_to(*OVERSIGHT))
    async def label(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, at: WhenFilter = None
    ) -> Labelled:
        """The label in three vocabularies, with reasons, by the version that was in force."""
        found = await stood_at(areas, f"{namespace}/{name}", at)
        version, moment = found.version, found.asked.moment
        return Labelled(
            release=version.strategy.release,
            number=version.number,
            digest=version.digest,
            label=label_of(version.strategy, moment, found.openings, found.narrowings),
        )

    @get("/classification", **open_to(*OVERSIGHT))
    async def classification(
        self, *, namespace: PartInPath, name: PartInPath, areas: InAreas, at: WhenFilter = None
    ) -> Classified:
        """What each definition of law and guidance comes to, with reasons, by the version that was in force."""
        found = await stood_at(areas, f"{namespace}/{name}", at)
        version, moment = found.version, found.asked.moment
        return Classified(
            release=version.strategy.release,
            number=version.number,
            digest=version.digest,
            labels=classify(subject_of(version.strategy, moment, found.openings)),
        )
