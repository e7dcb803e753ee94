"""States of the United States: California, New York and Illinois on frontier models."""

from gateway.releases.regimes.findings import Finding, Ground, all_of
from gateway.releases.regimes.rules import Nature, Rule, day
from gateway.releases.regimes.subjects import Subject
from gateway.releases.strategies import AccessLevel

COMPUTE = "1e26"
REVENUE = "5e8"


def _frontier(subject: Subject) -> Ground:
    return all_of(
        subject.compute_above(COMPUTE),
        subject.says("broad_data"),
        subject.says("generality"),
        subject.says("adaptable"),
    )


def _large(subject: Subject) -> Ground:
    return all_of(_frontier(subject), subject.revenue_above(REVENUE))


def _deployed(subject: Subject) -> Ground:
    match subject.access:
        case None:
            return Ground(Finding.NO, "no stage is in force")
        case AccessLevel.CLOSED:
            return Ground(Finding.NO, "the stage in force admits the provider's own people only")
        case AccessLevel.LIMITED:
            return Ground(
                Finding.UNKNOWN,
                "the stage in force admits third parties, and whether their primary purpose is to evaluate or develop"
                " the model is not stated",
            )
        case _:
            return Ground(Finding.YES, f"the stage in force ({subject.access.value}) gives third parties the model")


_SB_53 = (
    "California SB 53, Transparency in Frontier Artificial Intelligence Act, Business and Professions Code 22757.11"
)
_RAISE = "New York RAISE Act as amended by chapter amendment S8828 of 2026-03-27"
_SB_315 = "Illinois SB 315, Public Act 104-0538, 430 ILCS 185"

RULES = (
    Rule(
        regime="ca-sb-53",
        label="frontier-model",
        nature=Nature.LAW,
        since=day("2026-01-01"),
        test=_frontier,
        follows="transparency report before or with deployment; critical safety incidents reported within 15 days,"
        " within 24 hours where lives are in imminent danger",
        source=_SB_53,
    ),
    Rule(
        regime="ca-sb-53",
        label="large-frontier-developer",
        nature=Nature.LAW,
        since=day("2026-01-01"),
        test=_large,
        follows="a published frontier framework, summaries of risk assessments, and of internal use every three months",
        source=_SB_53,
    ),
    Rule(
        regime="ca-sb-53",
        label="deployed",
        nature=Nature.LAW,
        since=day("2026-01-01"),
        test=_deployed,
        follows="where the model is a frontier model, its transparency report is due by now",
        source=_SB_53,
    ),
    Rule(
        regime="ny-raise",
        label="frontier-model",
        nature=Nature.LAW,
        since=day("2027-01-01"),
        test=_frontier,
        follows="safety incidents reported within 72 hours, to law enforcement within 24 where danger is imminent",
        source=_RAISE,
    ),
    Rule(
        regime="ny-raise",
        label="large-frontier-developer",
        nature=Nature.LAW,
        since=day("2027-01-01"),
        test=_large,
        follows="the duties of large developers towards the office at the Department of Financial Services",
        source=_RAISE,
    ),
    Rule(
        regime="il-sb-315",
        label="large-frontier-developer",
        nature=Nature.LAW,
        since=day("2027-01-01"),
        test=_large,
        follows="safety incidents reported within 72 hours, within 24 where danger is imminent",
        source=_SB_315,
    ),
    Rule(
        regime="il-sb-315",
        label="audited-developer",
        nature=Nature.LAW,
        since=day("2028-01-01"),
        test=_large,
        follows="a yearly audit by an independent third party; the unredacted report is kept while the model is"
        " deployed and five years longer",
        source=_SB_315,
    ),
)
