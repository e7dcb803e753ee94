"""The stage that somebody's word is about: one that waits, as they saw it, and asks for that word."""

from sqlalchemy import Connection

from gateway.clock import text_from
from gateway.errors import Conflict, Invalid, NotFound
from gateway.releases.known import Gated, gated_stages
from gateway.releases.requirements import Concurs
from gateway.releases.store import version_in_force
from gateway.spelling import nearest


def unopened_stage(connection: Connection, release: str, stage: str) -> Gated:
    """The stage of the version in force by its name. Raises NotFound or Conflict."""
    version = version_in_force(connection, release)
    if version is None:
        raise NotFound(f"There is no release `{release}`.", next_step="See `gateway release list`.")
    names = [each.name for each in version.strategy.stages]
    if stage not in names:
        meant = nearest(stage, names)
        next_step = f"See `gateway release show {release}`."
        raise NotFound(f"There is no stage `{stage}` of `{release}`.{meant}", next_step=next_step)
    gated = next((each for each in gated_stages(connection, version) if each.stage.name == stage), None)
    if gated is None:
        raise Conflict(
            f"The stage `{stage}` opens by its date alone: nothing is to be approved.",
            next_step=f"See when each stage opens: `gateway release show {release}`.",
        )
    if gated.opened_at is not None:
        raise Conflict(f"The stage `{stage}` was opened at {text_from(gated.opened_at)}.")
    return gated


def check_seen(gated: Gated, basis: str) -> None:
    """Raise Conflict where an approver saw something else."""
    if basis and basis != gated.basis:
        raise Conflict(
            "The stage, or the evidence for it, is not what it was when you looked.",
            code="stage_moved",
            next_step=f"Look again, then approve: `gateway release show {gated.version.strategy.release}`.",
        )


def check_asked(gated: Gated, authority: str) -> None:
    """Raise Invalid for the concurrence of somebody whom the stage does not ask: it would open nothing."""
    asked = sorted({each.authority for each in gated.stage.opens_when if isinstance(each, Concurs)})
    if authority in asked:
        return
    if not asked:
        raise Invalid(f"The stage `{gated.stage.name}` asks for no authority's concurrence.", param="authority")
    raise Invalid(
        f"The stage `{gated.stage.name}` does not ask for the concurrence of that authority, but of"
        f" {' and '.join(f'`{each}`' for each in asked)}.",
        param="authority",
        next_step="Name the authority as the stage does, letter for letter.",
    )
