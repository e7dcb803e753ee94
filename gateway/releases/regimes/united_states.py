"""Federal texts of the United States: two orders, a directive, two bills, a report."""

from gateway.releases.regimes.findings import Finding, Ground, Interval, above, all_of, any_of, at_least, stated
from gateway.releases.regimes.rules import Nature, Rule, day
from gateway.releases.regimes.subjects import Subject
from gateway.releases.strategies import AccessLevel


def _parameters(subject: Subject) -> Interval | None:
    count = subject.parameters
    return None if count is None else Interval.of((str(count), str(count)))


def _dual_use(subject: Subject) -> Ground:
    return all_of(
        subject.says("broad_data"),
        subject.says("self_supervised"),
        at_least("size", _parameters(subject), "2e10", "parameters"),
        subject.says("wide_contexts"),
        subject.says("serious_risk"),
    )


def _reportable_compute(subject: Subject) -> Ground:
    return any_of(
        subject.compute_above("1e26"),
        all_of(
            subject.says("bio_sequence_primary"),
            _biological(subject),
        ),
    )


def _biological(subject: Subject) -> Ground:
    """Training as a whole bounds what of it was spent on biological sequences."""
    if subject.bio_compute is not None:
        return above("compute on biological sequences", subject.bio_compute, "1e23", "operations")
    whole = subject.compute_above("1e23")
    return (
        whole
        if whole.finding is Finding.NO
        else Ground(Finding.UNKNOWN, "compute on biological sequences is not stated")
    )


def _foundation_model_2023(subject: Subject) -> Ground:
    return all_of(_foundation(subject), subject.says("serious_risk"))


def _foundation_model_2026(subject: Subject) -> Ground:
    return all_of(_foundation(subject), subject.says("generality"))


def _foundation(subject: Subject) -> Ground:
    return all_of(
        subject.says("broad_data"),
        subject.says("self_supervised"),
        at_least("size", _parameters(subject), "1e9", "parameters"),
        subject.says("wide_contexts"),
    )


def _open_weights(subject: Subject) -> Ground:
    open_now = subject.access is AccessLevel.OPEN_WEIGHTS
    return Ground(
        Finding.YES if open_now else Finding.NO,
        "the stage in force gives weights away" if open_now else "no stage in force gives weights away",
    )


_ORDER_14110 = "Executive Order 14110 of 2023-10-30, sections 3(k) and 4.2"

RULES = (
    Rule(
        regime="us-eo-14110",
        label="dual-use-foundation-model",
        nature=Nature.ORDER,
        since=day("2023-10-30"),
        until=day("2025-01-20"),
        ended="revoked",
        test=_dual_use,
        follows="reports to the Department of Commerce on training, ownership of weights and red-team results",
        source=_ORDER_14110,
    ),
    Rule(
        regime="us-eo-14110",
        label="reportable-training-run",
        nature=Nature.ORDER,
        since=day("2023-10-30"),
        until=day("2025-01-20"),
        ended="revoked",
        test=_reportable_compute,
        follows="the interim compute trigger for reports to the Department of Commerce is reached",
        source=_ORDER_14110,
    ),
    Rule(
        regime="us-hr-6881",
        label="foundation-model",
        nature=Nature.BILL,
        since=day("2023-12-22"),
        until=day("2025-01-03"),
        ended="lapsed",
        test=_foundation_model_2023,
        follows="disclosure under rules that the Federal Trade Commission would have set",
        source="AI Foundation Model Transparency Act of 2023, H.R. 6881 (118th Congress)",
    ),
    Rule(
        regime="us-hr-8094",
        label="foundation-model",
        nature=Nature.BILL,
        since=day("2026-03-26"),
        test=_foundation_model_2026,
        follows="disclosure under rules that the Federal Trade Commission would set within a year",
        source="AI Foundation Model Transparency Act of 2026, H.R. 8094 (119th Congress)",
    ),
    Rule(
        regime="us-ntia-open-weights",
        label="weights-widely-available",
        nature=Nature.GUIDANCE,
        since=day("2024-07-30"),
        test=_open_weights,
        follows="no duty; the report asks government to collect evidence, evaluate it and be ready to act",
        source="NTIA report on dual-use foundation models with widely available model weights, 2024-07-30",
    ),
    Rule(
        regime="us-eo-14409",
        label="covered-frontier-model",
        nature=Nature.ORDER,
        since=day("2026-06-02"),
        test=lambda subject: stated(subject.attestations, "us_covered"),
        follows="government may be given access for up to 30 days before other trusted partners; voluntary",
        source="Executive Order 14409 of 2026-06-02",
    ),
    Rule(
        regime="us-export-directive-2026",
        label="named-model",
        nature=Nature.ORDER,
        since=day("2026-06-12"),
        until=day("2026-06-30"),
        ended="lifted",
        test=lambda subject: stated(subject.attestations, "us_directive_named"),
        follows="access is suspended for every foreign national, wherever they are",
        source="United States export control directive of 2026-06-12, known from press only",
    ),
)
