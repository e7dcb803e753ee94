"""What may become of requirements: evidence, approvals, incidents as they come in, and what opens by them."""

from collections.abc import Mapping

import msgspec
from hypothesis import strategies as st

from gateway.clock import DAY, NEVER, Instant, at
from gateway.releases.cohorts import Canary
from gateway.releases.evidence.records import Approval, Concurrence, Determination, Evidence, Findings, Measurement
from gateway.releases.fulfilment import Known, answer
from gateway.releases.requirements import Approvals, Below, Concurs, IncidentFree, Published, Requirement, Soak, Within
from gateway.releases.strategies import Stage, Strategy
from tests.randomly import NOW, neighbours, strategies

HALF = DAY // 2
INSTANTS = [NOW + step * HALF for step in range(-6, 11)]
"""At which something may come in, and stages are looked at."""

times = st.sampled_from(INSTANTS)
decimals = st.sampled_from(["0.1", "0.2", "0.3", "0.4"])
withins = st.builds(
    Within,
    suite=st.just("lm-eval"),
    task=st.just("wmdp"),
    metric=st.just("acc"),
    at_most=decimals,
    at_least=st.sampled_from(["", "", "0.1", "0.2"]),
    margin=st.sampled_from(["0", "0.1"]),
    max_age_days=st.sampled_from([None, 1, 3]),
)
requirements: st.SearchStrategy[Requirement] = st.one_of(
    withins,
    st.builds(
        Below,
        framework=st.just("rsp"),
        category=st.just("bio"),
        below=st.sampled_from(["medium", "high"]),
    ),
    st.builds(Approvals, people=st.integers(1, 3)),
    st.builds(Soak, days=st.integers(1, 2), calls=st.sampled_from([0, 10, 100])),
    st.just(Published(name="card")),
    st.just(Concurs(authority="CAISI")),
    st.just(IncidentFree()),
)
canaries = st.builds(Canary, percent=st.sampled_from([10, 50, 90]), salt=st.sampled_from(["a", "b", "c", "d"]))


class World(msgspec.Struct, frozen=True, kw_only=True):
    """One course of events, which is the same whatever the strategy."""

    evidence: tuple[Evidence, ...]
    approved_at: tuple[Instant, ...]
    concurs: tuple[Instant, Instant]
    incident: tuple[Instant, Instant]
    calls_a_day: int


def an_evidence(number: int, added_at: Instant, run_at: Instant | None, value: str, level: str) -> Evidence:
    """A file that says all that is asked for."""
    findings = Findings(
        suite="lm-eval",
        run_at=run_at,
        measurements=(Measurement("wmdp", "acc", value),),
        determinations=(Determination("rsp", "bio", level),),
        document="card" if number else "",
    )
    return Evidence(
        id=f"evidence_{number}", release="acme/atlas-1", snapshot="", files={}, findings=findings,
        added_at=added_at, vouched_by="Ana000000000", organisation="provider",
    )  # fmt: skip


worlds = st.builds(
    World,
    evidence=st.lists(
        st.tuples(times, st.none() | times, decimals, st.sampled_from(["low", "medium", "high"])), max_size=3
    ).map(lambda found: tuple(an_evidence(number, *each) for number, each in enumerate(found))),
    approved_at=st.lists(times, max_size=3).map(lambda found: tuple(sorted(found))),
    concurs=st.tuples(times, times | st.just(NEVER)),
    incident=st.tuples(times, times),
    calls_a_day=st.sampled_from([0, 5, 50, 1000]),
)


@st.composite
def gated_neighbours(draw: st.DrawFn) -> tuple[Strategy, Strategy]:
    """Two strategies, mostly alike, some of whose stages have requirements or reach a share of organisations."""
    gates: dict[str, tuple[tuple[Requirement, ...], Canary | None]] = {}

    def gated(strategy: Strategy) -> Strategy:
        stages = []
        for stage in strategy.stages:
            if stage.name not in gates or not draw(st.integers(0, 2)):
                wanted = draw(st.lists(requirements, max_size=2, unique_by=type)) if draw(st.booleans()) else []
                gates[stage.name] = tuple(wanted), draw(st.none() | st.none() | canaries)
            opens_when, canary = gates[stage.name]
            stages.append(msgspec.structs.replace(stage, opens_when=opens_when, canary=canary))
        return msgspec.structs.replace(strategy, stages=tuple(stages))

    before, after = draw(neighbours() | strategies().map(lambda one: (one, one)))
    return gated(before), gated(after)


def openings(
    strategy: Strategy, world: World, since: Instant, recorded: Mapping[str, Instant], replaces: Strategy | None = None
) -> dict[str, Instant]:
    """When stages open, by digest: what was recorded before it came into force, and what opens after.

    Stages that stood so in the version it replaces have soaked since that began.
    """
    found = dict(recorded)
    held_since = {strategy.stage_digest(stage): since for stage in strategy.stages}
    if replaces is not None:
        kept = {replaces.stage_digest(stage) for stage in replaces.stages}
        held_since |= dict.fromkeys(kept & held_since.keys(), INSTANTS[0])
    for instant in INSTANTS:
        if instant < since:
            continue
        while True:
            waiting = strategy.waiting_stage(at(instant), strategy.opened(found))
            if waiting is None or not _is_met(strategy, waiting, world, instant, found, held_since):
                break
            found[strategy.opening_digest(waiting)] = instant
    return found


def _is_met(
    strategy: Strategy,
    stage: Stage,
    world: World,
    instant: Instant,
    found: Mapping[str, Instant],
    held_since: Mapping[str, Instant],
) -> bool:
    place = strategy.stages.index(stage)
    before, opens = strategy.openings(strategy.opened(found))[place - 1] if place else (None, NEVER)
    soaking = None
    if before is not None and opens < NEVER:
        soaking = opens if strategy.opening_digest(before) in found else max(opens, _held(strategy, before, held_since))
    known = Known(
        snapshot="",
        evidence=tuple(each for each in world.evidence if each.added_at <= instant),
        approvals=tuple(_approval(number) for number, given in enumerate(world.approved_at) if given <= instant),
        concurrences=(_concurrence(world.concurs[1]),) if world.concurs[0] <= instant else (),
        incidents=("incident_1",) if world.incident[0] <= instant < world.incident[1] else (),
        soaking_since=soaking,
        soaking_until=NEVER if before is None else before.closes,
        soaking_calls=0 if soaking is None else max(0, instant - soaking) // DAY * world.calls_a_day,
    )
    return all(answer(each, known, at(instant)).met for each in stage.opens_when)


def _held(strategy: Strategy, stage: Stage, held_since: Mapping[str, Instant]) -> Instant:
    return held_since[strategy.stage_digest(stage)]


def _approval(number: int) -> Approval:
    return Approval(
        id=f"approval_{number}", release="", stage="", basis="", persons=(f"person_{number}",), given_at=0,
        given_by="", organisation="",
    )  # fmt: skip


def _concurrence(expires_at: Instant) -> Concurrence:
    return Concurrence(
        id="concurrence_1", release="", stage="", authority="CAISI", reference="letter 7", expires_at=expires_at,
        given_at=0, given_by="", organisation="",
    )  # fmt: skip
