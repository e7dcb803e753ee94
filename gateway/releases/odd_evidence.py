"""What is odd about evidence that was added to a release: why no requirement counts it. It stops nothing. Pure."""

from collections.abc import Iterator

from gateway.releases.evidence.records import Evidence
from gateway.releases.fulfilment import read_by
from gateway.releases.requirements import Below
from gateway.releases.strategies import Strategy


def oddities(evidence: Evidence, strategy: Strategy) -> list[str]:
    """A sentence for each reason why a requirement of the version in force does not count it."""
    return [*_other_snapshot(evidence, strategy), *_unknown_levels(evidence, strategy), *_unread(evidence, strategy)]


def _other_snapshot(evidence: Evidence, strategy: Strategy) -> Iterator[str]:
    if evidence.snapshot == strategy.snapshot:
        return
    has = f"has the snapshot {strategy.snapshot}" if strategy.snapshot else "says of no snapshot that it is its model"
    yield f"It is about {evidence.snapshot}, and {strategy.release} {has}: none of its requirements counts it."


def _unknown_levels(evidence: Evidence, strategy: Strategy) -> Iterator[str]:
    for stage in strategy.stages:
        for wanted in stage.opens_when:
            if not isinstance(wanted, Below):
                continue
            for said in evidence.findings.determinations:
                is_meant = (said.framework, said.category) == (wanted.framework, wanted.category)
                if is_meant and said.level not in wanted.levels:
                    yield (
                        f"`{said.level}` is none of the levels of {said.category} that `{stage.name}` reads:"
                        f" {', '.join(wanted.levels)}."
                    )


def _unread(evidence: Evidence, strategy: Strategy) -> Iterator[str]:
    wanted = [each for stage in strategy.stages for each in stage.opens_when]
    if not read_by(wanted, [evidence], evidence.snapshot):
        yield f"No requirement of {strategy.release} reads it."
