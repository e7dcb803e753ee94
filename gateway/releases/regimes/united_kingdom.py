"""The United Kingdom: the competition authority's description, which has no threshold and no duty."""

from gateway.releases.regimes.findings import Ground, all_of
from gateway.releases.regimes.rules import Nature, Rule, day
from gateway.releases.regimes.subjects import Subject


def _foundation_model(subject: Subject) -> Ground:
    return all_of(subject.says("broad_data"), subject.says("adaptable"))


RULES = (
    Rule(
        regime="uk-cma",
        label="foundation-model",
        nature=Nature.GUIDANCE,
        since=day("2023-09-18"),
        test=_foundation_model,
        follows="no duty; seven principles, access, accountability and transparency among them",
        source="CMA, AI Foundation Models: Initial Report, 2023-09-18",
    ),
)
