"""What is known of a stage that has requirements, gathered from everything that was recorded of its release."""

from collections.abc import Sequence
from itertools import takewhile

import msgspec
from sqlalchemy import Connection

from gateway.clock import DAY, NEVER, Instant, Moment
from gateway.identity.lineages import Lineage, known_lineage
from gateway.ledger.events import Event
from gateway.ledger.search import Query, counted
from gateway.releases import past
from gateway.releases.changes.store import change_by_id
from gateway.releases.fulfilment import Known, answers, seen, soaked_for
from gateway.releases.letting_go import lets_go
from gateway.releases.pauses import between, pauses
from gateway.releases.requirements import Approvals, Concurs, Soak
from gateway.releases.store import versions
from gateway.releases.strategies import Stage, Strategy, digest_of
from gateway.releases.versions import StrategyVersion

VERSIONS_MAX = 200
"""How far back a stage is followed: further it counts as new, which opens nothing sooner."""


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that has requirements, as it stands in a version."""

    version: StrategyVersion
    stage: Stage
    digest: str
    basis: str
    opened_at: Instant | None
    after: str
    """The stage before that has not opened and must; empty where none must."""
    irreversible: bool
    """Whether what cannot be undone may follow on its opening without another person's word."""
    soaking: tuple[Stage, Instant] | None
    """The stage before, and from when it is open; None where it is not."""


def gated_stages(connection: Connection, version: StrategyVersion, recorded_by: Instant | None = None) -> list[Gated]:
    """The stages of a version that have requirements, in order; by what was recorded by an instant, or ever."""
    strategy = version.strategy
    recorded = past.openings_by(connection, strategy.release, recorded_by)
    incidents = past.incident_states_by(connection, strategy.release, recorded_by)
    evidence = past.evidence_by(connection, strategy.release, recorded_by)
    opened = strategy.opened(recorded)
    openings = strategy.openings(opened)
    found: list[Gated] = []
    for place, (stage, _) in enumerate(openings):
        if not stage.is_gated:
            continue
        digest = strategy.stage_digest(stage)
        read = seen(stage.opens_when, evidence, strategy.snapshot)
        before = openings[place - 1] if place else None
        found.append(
            Gated(
                version=version,
                stage=stage,
                digest=digest,
                basis=digest_of(msgspec.json.encode([digest, read, incidents])),
                opened_at=recorded.get(strategy.opening_digest(stage)),
                irreversible=lets_go(strategy, stage, opened),
                after=next((each.stage.name for each in found if each.opened_at is None), ""),
                soaking=before if before is not None and before[1] < NEVER else None,
            )
        )
    return found


def known_of(connection: Connection, gated: Gated, moment: Moment, recorded_by: Instant | None = None) -> Known:
    """Everything that the requirements of this stage may read; by what was recorded by an instant, or ever."""
    strategy = gated.version.strategy
    release = strategy.release
    needs_past = any(isinstance(each, Approvals | Concurs | Soak) for each in gated.stage.opens_when)
    before = gated.version.number + 1
    earlier = versions(connection, release, before=before, limit=VERSIONS_MAX) if needs_past else []
    since, until = _soaked(earlier, gated)
    narrowings = past.narrowings_by(connection, release, recorded_by)
    known = Known(
        snapshot=strategy.snapshot,
        evidence=tuple(each for each in past.evidence_by(connection, release, recorded_by) if not each.is_withdrawn),
        approvals=past.approvals_by(connection, release, gated.digest, recorded_by),
        basis=gated.basis,
        authors=_authors(connection, earlier, gated.digest),
        concurrences=past.concurrences_by(connection, release, gated.digest, recorded_by),
        incidents=past.incidents_by(connection, release, recorded_by),
        soaking_since=since,
        soaking_until=until,
        pauses=pauses(narrowings, gated.soaking[0].offers if gated.soaking is not None else ()),
        barred=pauses(narrowings, gated.stage.offers),
    )
    counted_until = _counted_until(until, recorded_by)
    return msgspec.structs.replace(known, soaking_calls=_calls(connection, gated, known, counted_until, moment))


def unmet(
    connection: Connection, version: StrategyVersion, moment: Moment, recorded_by: Instant | None = None
) -> dict[str, list[str]]:
    """What each stage that was not opened waits for, by its name: each requirement and what is said of it."""
    found: dict[str, list[str]] = {}
    for gated in gated_stages(connection, version, recorded_by):
        if gated.opened_at is None:
            known = known_of(connection, gated, moment, recorded_by)
            required = answers(gated.stage.opens_when, known, moment)
            found[gated.stage.name] = [f"{named}: {said.said}" for named, said in required if not said.met]
    return found


def _authors(connection: Connection, past: Sequence[StrategyVersion], digest: str) -> frozenset[Lineage]:
    """Whoever applied a version with the stage as it stands, and whoever planned one."""
    held = _holding(past, digest)
    changes = [change_by_id(connection, version.change) for version in held if version.change]
    keys = {version.applied_by for version in held} | {change.author for change in changes if change is not None}
    return frozenset(known_lineage(connection, key) for key in keys if key)


def _soaked(past: Sequence[StrategyVersion], gated: Gated) -> tuple[Instant | None, Instant]:
    """From when to when the stage before was open as it stands."""
    if gated.soaking is None:
        return None, NEVER
    stage, opened = gated.soaking
    held = _holding(past, gated.version.strategy.stage_digest(stage))
    if not held:
        return None, NEVER
    first = held[-1]
    since = opened if first.adopted else max(opened, first.applied_at)
    return since, stage.closes


def _counted_until(until: Instant, recorded_by: Instant | None) -> Instant:
    return until if recorded_by is None else min(until, recorded_by + 1)


def _calls(connection: Connection, gated: Gated, known: Known, until: Instant, moment: Moment) -> int:
    """Calls admitted in the stage before while it was open and nothing of it narrowed for everybody.

    Counted as far as is asked for, once the days have passed. Calls of other stages tried out nothing of it.
    """
    since = known.soaking_since
    wanted = next((each for each in gated.stage.opens_when if isinstance(each, Soak)), None)
    if wanted is None or not wanted.calls or soaked_for(since, until, moment, known.pauses) < wanted.days * DAY:
        return 0
    assert since is not None and gated.soaking is not None, "days have passed in it"
    release, stage = gated.version.strategy.release, gated.soaking[0].name
    found = 0
    for begins, ends in reversed(between(known.pauses, since, until)):
        asked = Query(event=Event.ACCESS_ADMITTED, release=release, stage=stage, since=begins, until=ends)
        found += counted(connection, asked, wanted.calls - found)
    return found


def _holding(past: Sequence[StrategyVersion], digest: str) -> list[StrategyVersion]:
    """The versions, newest first, that have had a stage of this digest without a break."""
    return list(takewhile(lambda version: digest in _digests(version.strategy), past))


def _digests(strategy: Strategy) -> set[str]:
    return {strategy.stage_digest(stage) for stage in strategy.stages}
