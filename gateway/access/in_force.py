"""Every release as it is in force: its version, with recorded openings, what narrows it and who stands in its lines."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from gateway.access.places.store import lines
from gateway.access.snapshot import InForce
from gateway.releases.evidence.store import all_openings
from gateway.releases.lines import Left
from gateway.releases.narrowings import InEffect
from gateway.releases.store import load_all, narrowings_in_effect
from gateway.releases.strategies import Stage, Strategy


def all_in_force(connection: Connection) -> Mapping[str, InForce]:
    """Every release, by name, as of one state of the database."""
    narrowings, recorded = narrowings_in_effect(connection), all_openings(connection)
    return {
        name: InForce(
            version.strategy,
            version.digest,
            openings=version.strategy.opened(recorded.get(name, {})),
            narrowings=narrowings.get(name, ()),
            lines=lines(connection, name, version.strategy.stages, left(narrowings.get(name, ()))),
        )
        for name, version in load_all(connection).items()
    }


def stages_of(strategy: Strategy, narrowings: Iterable[InEffect]) -> list[Stage]:
    """Every stage that may be in force: those of the version, and those that it is narrowed to."""
    return [*strategy.stages, *(stage for each in narrowings for stage in each.stages_left)]


def left(narrowings: Iterable[InEffect]) -> list[Left]:
    """The stages with caps that narrowings leave, each as of when it was taken."""
    found = [(stage, each.narrowing.taken_at) for each in narrowings for stage in each.stages_left]
    return [Left(stage, instant) for stage, instant in found if stage.cap is not None]
