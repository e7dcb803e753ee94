"""Whether the dates of a file can come true: in order, none superseded, none in the past that is new."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec

from gateway.clock import NEVER, Instant, Moment, text_from
from gateway.errors import Fault
from gateway.releases.nodes import Faults, Node
from gateway.releases.stages import StageRead
from gateway.releases.strategies import Strategy

_ADOPTING = "A first version may say which stages had opened already: give `--adopt`, and it is recorded"


class Present(msgspec.Struct, frozen=True):
    """What a file is held against when it is to be applied."""

    moment: Moment
    in_force: Strategy | None
    """The version it would replace."""
    adopt: bool = False
    """Whether a first version may say what had opened before the gateway knew of it."""


class Dated(msgspec.Struct, frozen=True):
    """One date of a stage, and where it stands."""

    stage: str
    field: str
    """opens, closes or review_by."""
    instant: Instant
    fault: Fault
    """What to say where the date may not lie in the past."""


def check_order(stages: Sequence[StageRead], faults: Faults) -> None:
    """Note each stage that could never be in force, or not as long as it says."""
    for stage in stages:
        if stage.opens is not None and stage.closes is not None and stage.closes <= stage.opens:
            faults.add(
                _at(stage, "closes"), "this stage closes before it opens, so it never opens: move one of the dates"
            )
    for stage, after in pairwise(stages):
        if stage.opens is None or after.opens is None:
            continue
        if after.opens == stage.opens:
            faults.add(
                _at(after, "opens"),
                f"`{stage.name}` opens at the same instant, so it would never be in force: move one of the dates",
            )
        elif after.opens < stage.opens:
            faults.add(
                _at(after, "opens"),
                f"this is before `{stage.name}` above it opens, so that one never would: put stages in order of time",
            )
        elif stage.closes is not None and after.opens < stage.closes < NEVER and not _leaves_some(after):
            faults.add(
                _at(stage, "closes"),
                f"`{after.name}` takes its place before, at {text_from(after.opens)}: leave `closes` out",
            )


def _leaves_some(after: StageRead) -> bool:
    """Whether somebody may stay in the stage before when this one's date has come."""
    return bool(after.opens_when) or after.canary is not None


def dates_of(stages: Sequence[StageRead]) -> tuple[Dated, ...]:
    """Every date of every stage, to be held against the present."""
    return tuple(
        Dated(
            stage.name,
            field,
            instant,
            Fault(
                *_at(stage, field).place,
                _at(stage, field).path.text(),
                f"{text_from(instant)} lies in the past: a new date lies ahead. Only a date of the version in force may"
                " stay",
            ),
        )
        for stage in stages
        for field, instant in (
            ("opens", stage.opens),
            ("closes", stage.closes),
            ("review_by", None if stage.review is None else stage.review.by),
        )
        if instant is not None and instant != NEVER
    )


def past_dates(dates: Sequence[Dated], present: Present) -> list[Fault]:
    """A fault for each date that is new and may have passed already."""
    if present.in_force is None:
        known = frozenset[tuple[str, str, Instant]]()
        if present.adopt:
            return []
    else:
        stages = present.in_force.stages
        known = frozenset(
            [(stage.name, "opens", stage.opens) for stage in stages]
            + [(stage.name, "closes", stage.closes) for stage in stages]
            + [(stage.name, "review_by", stage.review.by) for stage in stages if stage.review is not None]
        )
    found = [
        date.fault
        for date in dates
        if present.moment.maybe_reached(date.instant) and (date.stage, date.field, date.instant) not in known
    ]
    if found and present.in_force is None:  # said once, however many dates there are
        first = found[0]
        found[0] = replace(first, message=f"{first.message}. {_ADOPTING}")
    return found


def _at(stage: StageRead, field: str) -> Node:
    return stage.fields.get(field, stage.node)
