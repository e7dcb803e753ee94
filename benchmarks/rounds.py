"""The order of a run: the same load on each contender in turn, and round again (A B A B).

What is compared was measured minutes apart at most, so that a machine that slows down slows all of them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import streams, unary
from benchmarks.contenders import Contender, Target, Upstream
from benchmarks.programs import Consumption
from benchmarks.upstreams import CallFailed, await_ready, call_once, requests_seen

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    seconds: float = 5
    connections: tuple[int, ...] = (1, 16, 64)
    open_streams: tuple[int, ...] = (50, 200)
    frames: int = 100


@dataclass(frozen=True)
class Reading:
    """One contender under one load once, or what it holds of memory."""

    contender: str
    row: str
    """unary, streams, first_byte, memory_unary, memory_streams or ledger."""
    load: int
    """Connections, open streams or entries."""
    round: int
    figures: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What came back that was not a good answer. A contender with any is not compared in this row."""


@contextmanager
def standing(
    contenders: Sequence[Contender], upstream: Upstream, folder: Path, *, stream: bool, absent: dict[str, str]
) -> Iterator[dict[str, Target]]:
    """Every contender up before this upstream and answering; those that do not come up are named in `absent`."""
    with ExitStack() as stack:
        stack.callback(upstream.program.stop)
        targets: dict[str, Target] = {}
        for contender in contenders:
            own = folder / contender.name
            own.mkdir(parents=True)
            try:
                target = contender.start(upstream, own)
                if target.program:
                    stack.callback(target.program.stop)
                await_ready(target, stream=stream)
            except CallFailed as failure:
                absent[f"{contender.name} before the {'paced' if stream else 'fixed'} upstream"] = str(failure)
            else:
                targets[contender.name] = target
        yield targets


def measure_unary(
    targets: Mapping[str, Target], upstream: Upstream, plan: Plan, folder: Path, tell: Tell
) -> Iterator[Reading]:
    """Calls answered at once: throughput, latency, processor time a call."""
    yield from _memory(targets, "memory_unary", "idle")
    for name, target in targets.items():
        tell(f"warming {name}")
        unary.load(target, 16, 1, folder)
    for connections in plan.connections:
        for number in range(plan.rounds):
            for name, target in targets.items():
                tell(f"unary, {connections} connections, round {number + 1}: {name}")
                yield _unary_reading(name, target, upstream, connections, number, plan.seconds, folder)
    yield from _memory(targets, "memory_unary", "peak")


def measure_streams(targets: Mapping[str, Target], plan: Plan, tell: Tell) -> Iterator[Reading]:
    """Paced streams: processor time a frame, whether the pace is kept, time to the first byte."""
    yield from _memory(targets, "memory_streams", "idle")
    for number in range(plan.rounds):
        for name, target in targets.items():
            tell(f"first byte, round {number + 1}: {name}")
            run = streams.load(target, 1, min(plan.seconds, 2), 1)
            figures = {"p50_ms": run.first_byte_p50_ms, "p99_ms": run.first_byte_p99_ms}
            yield Reading(name, "first_byte", 1, number, figures, run.faults)
    for open_streams in plan.open_streams:
        for number in range(plan.rounds):
            for name, target in targets.items():
                tell(f"{open_streams} streams, round {number + 1}: {name}")
                yield _stream_reading(name, target, open_streams, number, plan)
    yield from _memory(targets, "memory_streams", "peak")


def _unary_reading(
    name: str, target: Target, upstream: Upstream, connections: int, number: int, seconds: float, folder: Path
) -> Reading:
    seen_before, used_before = requests_seen(upstream), _consumption(target)
    run = unary.load(target, connections, seconds, folder)
    cpu_s = _consumption(target).cpu_s - used_before.cpu_s
    faults = list(run.faults)
    # wrk calls everything below 400 good. The upstream says nothing but 200, so what reached it and what
    # came back must be as many, and a call after the load must be answered well.
    reached = requests_seen(upstream) - seen_before
    if reached < run.requests:
        faults.append(f"{run.requests - reached} answers that the upstream did not give")
    try:
        call_once(target, stream=False)
    except CallFailed as failure:
        faults.append(str(failure))
    figures = {
        "requests": run.requests,
        "per_s": run.per_s,
        "p50_ms": run.p50_ms,
        "p99_ms": run.p99_ms,
        "cpu_us": cpu_s * 1e6 / max(run.requests, 1),
    }
    return Reading(name, "unary", connections, number, figures, tuple(faults))


def _stream_reading(name: str, target: Target, open_streams: int, number: int, plan: Plan) -> Reading:
    used_before, began_at = _consumption(target), time.perf_counter()
    run = streams.load(target, open_streams, plan.seconds, plan.frames)
    seconds = time.perf_counter() - began_at
    cpu_s = _consumption(target).cpu_s - used_before.cpu_s
    figures = {
        "streams": run.streams,
        "frames": run.frames,
        "frames_per_s": run.frames / seconds,
        "cpu_us": cpu_s * 1e6 / max(run.frames, 1),
        "first_byte_p50_ms": run.first_byte_p50_ms,
        "stretch": run.stretch,
    }
    return Reading(name, "streams", open_streams, number, figures, run.faults)


def _memory(targets: Mapping[str, Target], row: str, when: str) -> Iterator[Reading]:
    for name, target in targets.items():
        if target.program:
            used = target.program.consumption()
            held = used.resident_bytes if when == "idle" else used.peak_bytes
            yield Reading(name, row, 0, 0, {f"{when}_mb": held / 1e6})


def _consumption(target: Target) -> Consumption:
    return target.program.consumption() if target.program else Consumption(0.0, 0, 0)
