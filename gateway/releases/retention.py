"""Where what a release keeps, and for how long, runs into something else: told, with the line, before it does.

`retain_days` is recorded with each call as its class of retention. The precedence of duties is that of the reference:
statutory minimum, then the model's floor, then a customer's ceiling. Nothing here decides who may pass.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec

from gateway.clock import Moment
from gateway.releases.nodes import Faults, Mapping, Node, compose
from gateway.releases.nodes import Sequence as Listed
from gateway.releases.regimes.classification import Standing, classify
from gateway.releases.regimes.findings import Finding
from gateway.releases.regimes.subjects import subject_of
from gateway.releases.strategies import Stage, Strategy
from gateway.spelling import counted

INCIDENTS_DAYS = 1_826
"""Five years: EU Code of Practice for general-purpose models, Safety and Security chapter, Measure 9.4."""
SYSTEMIC = ("eu-ai-act", "systemic-risk-presumed")
HASHED = "metadata+hash"


class Conflict(msgspec.Struct, frozen=True):
    """One thing that runs into another."""

    line: int | None
    """In the release file; None where the file does not say it in a line of its own."""
    message: str


class Ceilings(msgspec.Struct, frozen=True):
    """Organisations that want nothing kept."""

    organisations: int
    named: tuple[str, ...]


NO_CEILINGS = Ceilings(0, ())


def conflicts(strategy: Strategy, file: bytes, moment: Moment, ceilings: Ceilings = NO_CEILINGS) -> Iterator[Conflict]:
    """Every conflict that the file, the regimes and what is asserted of organisations show."""
    lines = _lines(file)
    yield from _between_stages(strategy.stages, lines)
    for stage in strategy.stages:
        line = lines.get(stage.name)
        days = stage.conditions.retain_days
        if days == 0 and stage.conditions.log == HASHED:
            yield Conflict(
                line,
                f"`{stage.name}` keeps nothing (`retain_days: 0`) and makes commitments (`log: {HASHED}`), which nobody"
                " can check once the texts are gone; the ledger keeps both, and every entry, for good.",
            )
        if days is not None and days < INCIDENTS_DAYS and (found := _systemic(strategy, moment)):
            yield Conflict(
                line,
                f"`{stage.name}` keeps {counted(days, 'day')}, and that the model has systemic risk is {found}: what an"
                f" incident was is kept for five years (Code of Practice, Measure 9.4). Set apart what belongs to one.",
            )
        if ceilings.organisations and (days or stage.conditions.log == HASHED):
            kept = f"is kept {counted(days, 'day')}" if days else "leaves commitments in the ledger"
            yield Conflict(
                line,
                f"{_counted(ceilings.organisations)} nothing kept (`zero_retention`), and what they ask in"
                f" `{stage.name}` {kept}: {', '.join(ceilings.named)}. Name an audience that leaves them out, or agree"
                " with them.",
            )


def _counted(organisations: int) -> str:
    return "1 organisation wants" if organisations == 1 else f"{organisations} organisations want"


def _between_stages(stages: Sequence[Stage], lines: dict[str, int]) -> Iterator[Conflict]:
    for earlier, later in combinations(stages, 2):
        before, after = earlier.conditions.retain_days, later.conditions.retain_days
        shared = sorted(set(earlier.offers) & set(later.offers))
        if before is not None and after is not None and after < before and shared:
            yield Conflict(
                lines.get(later.name),
                f"`{later.name}` keeps {counted(after, 'day')} where `{earlier.name}` kept {before}"
                f" ({', '.join(shared)}): what was recorded before stays by the longer one, and a hold at the earlier"
                " stage binds by it again.",
            )


def _systemic(strategy: Strategy, moment: Moment) -> str:
    """`yes` or `possible`, by the definition that stands; empty else."""
    found = (
        label.finding
        for label in classify(subject_of(strategy, moment))
        if (label.regime, label.label) == SYSTEMIC and label.standing is Standing.STANDS
    )
    return next((each.value for each in found if each in (Finding.YES, Finding.POSSIBLE)), "")


def _lines(file: bytes) -> dict[str, int]:
    """Where each stage says how long it keeps, or else what it records, by the stage's name."""
    root = compose(file, Faults())
    stages = root.entries.get("stages") if isinstance(root, Mapping) else None
    found: dict[str, int] = {}
    for stage in stages.items if isinstance(stages, Listed) else []:
        if isinstance(stage, Mapping) and "name" in stage.entries:
            said = stage.entries.get("conditions")
            found[_text(stage.entries["name"])] = _line(stage, said)
    return found


def _line(stage: Mapping, conditions: Node | None) -> int:
    if isinstance(conditions, Mapping):
        for key in ("retain_days", "log"):
            if key in conditions.keys:
                return conditions.keys[key].line
    return stage.place.line


def _text(node: Node) -> str:
    return getattr(node, "text", "")
