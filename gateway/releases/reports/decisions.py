"""The record of a release decision: what was decided, on whose authority, and what the ledger holds of it.

EU Code of Practice for general-purpose models, Safety and Security chapter, Measure 7.2, asks for
more than a plan and a ledger know; what they do not is marked.
"""

from collections.abc import Sequence
from typing import Any

from gateway.clock import Moment, text_from
from gateway.ledger.entries import Entry
from gateway.ledger.events import Event
from gateway.releases.labels import label_of
from gateway.releases.regimes.classification import Standing, classify
from gateway.releases.regimes.subjects import subject_of
from gateway.releases.reports.documents import (
    NOTHING_RECORDED,
    Kind,
    Recorded,
    Report,
    Section,
    Statement,
    Table,
    narrowings_of,
    not_stated,
    report_on,
    stated,
)
from gateway.releases.reports.stages import stages_of
from gateway.releases.versions import StrategyVersion

_OF_CALLERS = frozenset(
    {"access", "key", "organisation", "attribute", "grant", "terms", "policy", "gateway", "clock", "request"}
)
DECIDING = tuple(event for event in Event if event.value.partition(":")[0] not in _OF_CALLERS)
"""Events that decide about a release; those about its callers are counted elsewhere."""

_REASONING = (
    "Alternatives that were considered",
    "Input from external evaluators",
    "Why the risks are acceptable",
    "Conditions under which that stops holding",
)


def decision_record(
    version: StrategyVersion,
    entries: Sequence[Entry],
    moment: Moment,
    recorded: Recorded = NOTHING_RECORDED,
    *,
    whole: bool,
) -> Report:
    """The record; `whole` says that no deciding entry was left out."""
    strategy = version.strategy
    sections = (
        Section(title="What was decided", statements=_decided(version)),
        Section(title="Stages", table=stages_of(strategy, recorded.opened)),
        Section(title="Label at this instant", statements=_labels(version, moment, recorded)),
        narrowings_of(recorded, moment),
        Section(
            title="Definitions of law and guidance that stand at this instant",
            table=_regimes(version, moment, recorded),
        ),
        Section(title="Reasoning", statements=tuple(not_stated(name) for name in _REASONING)),
        Section(
            title="What the ledger holds",
            table=_ledger(entries),
            note="" if whole else "There are more entries than are listed here: search the ledger for the rest.",
        ),
    )
    return report_on(version, moment, Kind.DECISION_RECORD, "Release decision record", sections)


def _decided(version: StrategyVersion) -> tuple[Statement, ...]:
    return (
        Statement("Version", str(version.number)),
        Statement("Digest", version.digest),
        Statement("Replaces", version.previous or "nothing: it is the first"),
        Statement("In force since", text_from(version.applied_at)),
        stated("Applied by key", version.applied_by),
        stated("Of organisation", version.organisation),
        Statement("Adopted stages that had opened already", "yes" if version.adopted else "no"),
        Statement("Listed to those it does not admit", "yes" if version.strategy.listed else "no"),
    )


def _labels(version: StrategyVersion, moment: Moment, recorded: Recorded) -> tuple[Statement, ...]:
    label = label_of(version.strategy, moment, recorded.opened, recorded.narrowings)
    named = (("Access level", label.access), ("Solaiman level", label.solaiman), ("MOF class", label.mof))
    return tuple(Statement(name, f"{derived.label}. {derived.because}") for name, derived in named)


def _regimes(version: StrategyVersion, moment: Moment, recorded: Recorded) -> Table:
    return Table(
        ("regime", "label", "finding", "why", "source"),
        tuple(
            (label.regime, label.label, label.finding.value, label.basis, label.source)
            for label in classify(subject_of(version.strategy, moment, recorded.opened))
            if label.standing is Standing.STANDS
        ),
    )


def _ledger(entries: Sequence[Entry]) -> Table:
    return Table(
        ("index", "at", "event", "by key", "of organisation", "says", "leaf hash"),
        tuple(
            (
                str(entry.index),
                text_from(entry.at),
                entry.event,
                str(entry.body.get("actor_key", "")),
                str(entry.body.get("actor_organisation", "")),
                _said(entry.body.get("detail", {})),
                entry.leaf_hash.hex(),
            )
            for entry in sorted(entries, key=lambda entry: entry.index)
        ),
    )


def _said(detail: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {_plain(value)}" for name, value in sorted(detail.items()) if value not in ("", []))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={_plain(each)}" for name, each in value.items())
    return str(value)
