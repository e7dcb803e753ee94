"""How reports tell of stages: dates, levels, and what binds a use."""

from gateway.clock import NEVER, text_from
from gateway.releases.reports.documents import Table
from gateway.releases.strategies import Stage, Strategy


def stages_of(strategy: Strategy) -> Table:
    """Every stage in order."""
    return Table(
        ("stage", "opens", "closes", "access", "to", "offers", "binds"),
        tuple(
            (
                stage.name,
                text_from(stage.opens),
                "no date" if stage.closes >= NEVER else text_from(stage.closes),
                stage.access.value + (", irreversible" if stage.irreversible else ""),
                ", ".join(stage.to),
                ", ".join(component.value for component in stage.offers),
                conditions_of(strategy, stage),
            )
            for stage in strategy.stages
        ),
    )


def conditions_of(strategy: Strategy, stage: Stage) -> str:
    """What binds a use in this stage, in words."""
    given = stage.conditions
    bounds = (
        (given.requests_per_minute, "requests a minute"),
        (given.tokens_per_day, "tokens a day"),
        (given.max_output_tokens, "tokens in one answer"),
    )
    told = [f"terms {name} accepted ({strategy.terms.get(name, 'text unknown')})" for name in given.terms]
    told += [f"at most {bound} {of_what}" for bound, of_what in bounds if bound is not None]
    told.append(f"recorded: {given.log}")
    if given.retain_days is not None:
        told.append(f"kept {given.retain_days} days")
    return "; ".join(told)
