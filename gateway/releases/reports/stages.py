"""How reports tell of stages: dates, levels, and what binds a use."""

from collections.abc import Mapping

from gateway.clock import NEVER, Instant, text_from
from gateway.releases.reports.documents import Table
from gateway.releases.requirements import title
from gateway.releases.strategies import NOTHING_OPENED, Stage, Strategy
from gateway.spelling import counted


def stages_of(strategy: Strategy, opened: Mapping[str, Instant] = NOTHING_OPENED) -> Table:
    """Every stage in order; one that has requirements opens when that was recorded, and not before its date."""
    return Table(
        ("stage", "opens", "closes", "access", "to", "offers", "binds"),
        tuple(
            (
                stage.name,
                opens_of(stage, opened),
                closes_of(strategy, stage, opened),
                stage.access.value + (", irreversible" if stage.irreversible else ""),
                ", ".join(stage.to),
                ", ".join(component.value for component in stage.offers),
                conditions_of(strategy, stage),
            )
            for stage in strategy.stages
        ),
    )


def opens_of(stage: Stage, opened: Mapping[str, Instant]) -> str:
    """When a stage opens or opened, as far as that is known."""
    if not stage.is_gated:
        return text_from(stage.opens)
    if stage.name in opened:
        asked = "; ".join(title(requirement) for requirement in stage.opens_when)
        return f"{text_from(opened[stage.name])}, as recorded, when its requirements held: {asked}"
    asked = "; ".join(title(requirement) for requirement in stage.opens_when)
    return f"not before {text_from(stage.opens)}, when its requirements hold: {asked}"


def closes_of(strategy: Strategy, stage: Stage, opened: Mapping[str, Instant]) -> str:
    """When a stage ends: by itself, or as the next one takes over from it, as far as that is known."""
    own = "" if stage.closes >= NEVER else text_from(stage.closes)
    found = strategy.taken_over(stage, opened)
    if found is None:
        return own or "no date"
    following, opens = found
    when = f"as {following.name} opens, {text_from(opens)}"
    if opens >= NEVER:
        when = f"as {following.name} opens, not before {text_from(following.opens)}"
    return f"{when}; {own} at the latest" if own else when


def conditions_of(strategy: Strategy, stage: Stage) -> str:
    """What binds a use in this stage, in words."""
    given = stage.conditions
    bounds = (
        (given.requests_per_minute, "requests a minute"),
        (given.tokens_per_day, "tokens a day"),
        (given.max_output_tokens, "tokens in one answer"),
    )
    told = whom_of(stage)
    told += [f"terms {name} accepted ({strategy.terms.get(name, 'text unknown')})" for name in given.terms]
    told += [f"at most {bound} {of_what}" for bound, of_what in bounds if bound is not None]
    told.append(f"recorded: {given.log}")
    if given.retain_days is not None:
        told.append(f"kept {counted(given.retain_days, 'day')}")
    return "; ".join(told)


def whom_of(stage: Stage) -> list[str]:
    """Whom a stage admits of those whom its audiences name, where that is not all of them, in words."""
    told = []
    if stage.canary is not None:
        told.append(f"for {stage.canary.percent} % of organisations; the others have the stage before")
    if stage.cap is not None:
        told.append(f"for the first {counted(stage.cap.organisations, 'organisation')} in line")
    if stage.conditions.concurrence:
        told.append(f"for organisations to which {stage.conditions.concurrence} agrees")
    return told
