"""Golden tables: models times instants times what each definition comes to; and what holds of every one of them."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import NEVER
from gateway.releases.attestations import ANSWERS, QUESTIONS, Attestation
from gateway.releases.regimes.classification import RULES, Standing, classify
from gateway.releases.regimes.findings import Finding, Interval
from gateway.releases.regimes.rules import Nature
from gateway.releases.regimes.subjects import Subject, subject_of
from gateway.releases.strategies import AccessLevel
from tests.releases.builders import a_moment, a_stage, a_strategy
from tests.releases.regimes.subjects import FOUNDATION, a_subject, attest, bounds, finding, labels

ROOT = Path(__file__).resolve().parents[3]

INDICATIVE = ("eu-gpai-guidelines", "indicative-general-purpose-ai-model")
MODIFIED = ("eu-gpai-guidelines", "provider-by-modification")
GENERAL = ("eu-ai-act", "general-purpose-ai-model")
SYSTEMIC = ("eu-ai-act", "systemic-risk-presumed")
FRONTIER = ("ca-sb-53", "frontier-model")
LARGE = ("ca-sb-53", "large-frontier-developer")
DEPLOYED = ("ca-sb-53", "deployed")
NEW_YORK = ("ny-raise", "frontier-model")
NEW_YORK_LARGE = ("ny-raise", "large-frontier-developer")
ILLINOIS = ("il-sb-315", "large-frontier-developer")
AUDITED = ("il-sb-315", "audited-developer")
DUAL_USE = ("us-eo-14110", "dual-use-foundation-model")
REPORTABLE = ("us-eo-14110", "reportable-training-run")
BILL_2023 = ("us-hr-6881", "foundation-model")
BILL_2026 = ("us-hr-8094", "foundation-model")
COVERED = ("us-eo-14409", "covered-frontier-model")
DIRECTIVE = ("us-export-directive-2026", "named-model")
AVAILABLE = ("us-ntia-open-weights", "weights-widely-available")
BRITISH = ("uk-cma", "foundation-model")

COMPUTE = [
    # operations of training, day, what each of five definitions comes to: EU indicative, EU systemic, CA, NY, US order
    (("5e22",), "2026-11-24", "no", "no", "no", "no", "no"),
    (("1e23",), "2026-11-24", "no", "no", "no", "no", "no"),
    (("1.00001e23",), "2026-11-24", "yes", "no", "no", "no", "no"),
    (("9e22", "2e23"), "2026-11-24", "possible", "no", "no", "no", "no"),
    (("2e25",), "2026-11-24", "yes", "yes", "no", "no", "no"),
    (("1e25",), "2026-11-24", "yes", "no", "no", "no", "no"),
    (("9e24", "1.1e25"), "2026-11-24", "yes", "possible", "no", "no", "no"),
    (("9e25", "2e26"), "2026-11-24", "yes", "yes", "possible", "no", "no"),
    (("9e25", "2e26"), "2027-01-01", "yes", "yes", "possible", "possible", "no"),
    (("2e26",), "2026-11-24", "yes", "yes", "yes", "no", "no"),
    (("2e26",), "2026-12-31", "yes", "yes", "yes", "no", "no"),
    (("2e26",), "2027-01-01", "yes", "yes", "yes", "yes", "no"),
    (("2e26",), "2025-12-31", "yes", "yes", "no", "no", "no"),
    (("2e26",), "2025-08-01", "yes", "no", "no", "no", "no"),
    (("2e26",), "2025-07-17", "no", "no", "no", "no", "no"),
    (("2e26",), "2025-01-20", "no", "no", "no", "no", "no"),
    (("2e26",), "2025-01-19", "no", "no", "no", "no", "yes"),
    (("9e25", "2e26"), "2024-06-01", "no", "no", "no", "no", "possible"),
    (("1e26",), "2024-06-01", "no", "no", "no", "no", "no"),
    (("2e26",), "2023-10-29", "no", "no", "no", "no", "no"),
]


@pytest.mark.parametrize(("compute", "day", "indicative", "systemic", "california", "new_york", "order"), COMPUTE)
def test_compute_decides_as_the_table_says(
    compute: tuple[str, ...], day: str, indicative: str, systemic: str, california: str, new_york: str, order: str
) -> None:
    given_ = attest(*FOUNDATION) | attest("bio_sequence_primary", says="no")
    subject = a_subject(day, compute=bounds(*compute), attestations=given_)

    found = [finding(subject, *name) for name in (INDICATIVE, SYSTEMIC, FRONTIER, NEW_YORK, REPORTABLE)]

    assert found == [indicative, systemic, california, new_york, order]


UNSURE = attest(*FOUNDATION) | attest("adaptable", says="unknown")
DENIED = attest(*FOUNDATION) | attest("generality", says="no")
RISKY = attest(*FOUNDATION, "serious_risk")
FRONTIER_SIZED: dict[str, Any] = {"compute": bounds("2e26")}

CASES: list[tuple[str, dict[str, Any], str, tuple[str, str], str]] = [
    # why, what differs, day, definition, finding
    ("compute is not stated", {"compute": None}, "2026-11-24", SYSTEMIC, "unknown"),
    ("compute is not stated", {"compute": None}, "2026-11-24", INDICATIVE, "unknown"),
    ("the Commission designated it", {"compute": bounds("1e24"), "attestations": attest("eu_designated")},
     "2026-11-24", SYSTEMIC, "yes"),
    ("nobody attests generality", {**FRONTIER_SIZED, "attestations": attest("broad_data", "adaptable")},
     "2026-11-24", FRONTIER, "unknown"),
    ("somebody could not tell", {**FRONTIER_SIZED, "attestations": UNSURE},
     "2026-11-24", FRONTIER, "unknown"),
    ("somebody denies generality", {**FRONTIER_SIZED, "attestations": DENIED},
     "2026-11-24", FRONTIER, "no"),
    ("too small whatever anybody attests", {"compute": bounds("9e25"), "attestations": {}},
     "2026-11-24", FRONTIER, "no"),
    ("revenue of the year before", {**FRONTIER_SIZED, "revenue": {2025: bounds("6e8")}}, "2026-11-24", LARGE, "yes"),
    ("revenue of another year", {**FRONTIER_SIZED, "revenue": {2026: bounds("6e8")}}, "2026-11-24", LARGE, "unknown"),
    ("revenue of exactly the threshold", {**FRONTIER_SIZED, "revenue": {2025: bounds("5e8")}},
     "2026-11-24", LARGE, "no"),
    ("revenue as an estimate", {**FRONTIER_SIZED, "revenue": {2025: bounds("4e8", "6e8")}},
     "2026-11-24", LARGE, "possible"),
    ("revenue without a frontier model", {"revenue": {2025: bounds("6e8")}}, "2026-11-24", LARGE, "no"),
    ("large in New York before the law", {**FRONTIER_SIZED, "revenue": {2025: bounds("6e8")}},
     "2026-12-31", NEW_YORK_LARGE, "no"),
    ("large in New York", {**FRONTIER_SIZED, "revenue": {2026: bounds("6e8")}}, "2027-01-01", NEW_YORK_LARGE, "yes"),
    ("large in Illinois", {**FRONTIER_SIZED, "revenue": {2026: bounds("6e8")}}, "2027-01-01", ILLINOIS, "yes"),
    ("no audit yet", {**FRONTIER_SIZED, "revenue": {2026: bounds("6e8")}}, "2027-12-31", AUDITED, "no"),
    ("the audit begins", {**FRONTIER_SIZED, "revenue": {2027: bounds("6e8")}}, "2028-01-01", AUDITED, "yes"),
    ("staff only", {"access": AccessLevel.CLOSED}, "2026-11-24", DEPLOYED, "no"),
    ("testers, whose purpose is not stated", {"access": AccessLevel.LIMITED}, "2026-11-24", DEPLOYED, "unknown"),
    ("everybody", {"access": AccessLevel.API}, "2026-11-24", DEPLOYED, "yes"),
    ("nobody", {"access": None}, "2026-11-24", DEPLOYED, "no"),
    ("weights", {"access": AccessLevel.OPEN_WEIGHTS}, "2026-11-24", DEPLOYED, "yes"),
    ("weights", {"access": AccessLevel.OPEN_WEIGHTS}, "2026-11-24", AVAILABLE, "yes"),
    ("no weights", {}, "2026-11-24", AVAILABLE, "no"),
    ("before the report", {"access": AccessLevel.OPEN_WEIGHTS}, "2024-07-29", AVAILABLE, "no"),
    ("risk and size", {"attestations": RISKY}, "2024-06-01", DUAL_USE, "yes"),
    ("risk and size, after revocation", {"attestations": RISKY}, "2025-01-20", DUAL_USE, "no"),
    ("too small to be dual use", {"attestations": RISKY, "parameters": 19_999_999_999}, "2024-06-01", DUAL_USE, "no"),
    ("just large enough", {"attestations": RISKY, "parameters": 20_000_000_000}, "2024-06-01", DUAL_USE, "yes"),
    ("risk is not attested", {}, "2024-06-01", DUAL_USE, "unknown"),
    ("size is not stated", {"attestations": RISKY, "parameters": None}, "2024-06-01", DUAL_USE, "unknown"),
    ("biology", {"compute": bounds("5e23"), "bio_compute": bounds("4e23"),
     "attestations": attest("bio_sequence_primary")},
     "2024-06-01", REPORTABLE, "yes"),
    ("biology, at the threshold", {"compute": bounds("5e23"), "bio_compute": bounds("9e22", "2e23"),
     "attestations": attest("bio_sequence_primary")}, "2024-06-01", REPORTABLE, "possible"),
    ("biology, nobody says how much", {"compute": bounds("5e23"), "attestations": attest("bio_sequence_primary")},
     "2024-06-01", REPORTABLE, "unknown"),
    ("biology, yet too little in all", {"compute": bounds("5e22"), "attestations": attest("bio_sequence_primary")},
     "2024-06-01", REPORTABLE, "no"),
    ("the bill with the limb of danger", {"attestations": RISKY}, "2024-06-01", BILL_2023, "yes"),
    ("the bill with the limb of danger", {}, "2024-06-01", BILL_2023, "unknown"),
    ("the bill lapsed", {"attestations": RISKY}, "2025-01-03", BILL_2023, "no"),
    ("the bill without the limb of danger", {}, "2026-11-24", BILL_2026, "yes"),
    ("before it was introduced", {}, "2026-03-25", BILL_2026, "no"),
    ("a billion parameters", {"parameters": 999_999_999}, "2026-11-24", BILL_2026, "no"),
    ("no designation is stated", {}, "2026-11-24", COVERED, "no"),
    ("designated", {"attestations": attest("us_covered")}, "2026-11-24", COVERED, "yes"),
    ("somebody does not know", {"attestations": attest("us_covered", says="unknown")},
     "2026-11-24", COVERED, "unknown"),
    ("before the directive", {"attestations": attest("us_directive_named")}, "2026-06-11", DIRECTIVE, "no"),
    ("under the directive", {"attestations": attest("us_directive_named")}, "2026-06-12", DIRECTIVE, "yes"),
    ("lifted", {"attestations": attest("us_directive_named")}, "2026-06-30", DIRECTIVE, "no"),
    ("general", {}, "2025-08-02", GENERAL, "yes"),
    ("general, the day before", {}, "2025-08-01", GENERAL, "no"),
    ("one narrow task", {"attestations": attest("narrow_task")}, "2026-11-24", INDICATIVE, "no"),
    ("only actions come out", {"modality": ("action",)}, "2026-11-24", INDICATIVE, "no"),
    ("sound, which may be speech", {"modality": ("audio",)}, "2026-11-24", INDICATIVE, "unknown"),
    ("pictures from text, or text about pictures", {"modality": ("image", "text")}, "2026-11-24", INDICATIVE, "yes"),
    ("modality is not stated", {"modality": ()}, "2026-11-24", INDICATIVE, "unknown"),
    ("built on nobody's model", {}, "2026-11-24", MODIFIED, "no"),
    ("a third and more", {"compute": bounds("4.1e25"), "base_compute": bounds("3e25")}, "2026-11-24", MODIFIED, "yes"),
    ("a third exactly", {"compute": bounds("4e25"), "base_compute": bounds("3e25")}, "2026-11-24", MODIFIED, "no"),
    ("a third, perhaps", {"compute": bounds("3.9e25", "4.1e25"), "base_compute": bounds("3e25")},
     "2026-11-24", MODIFIED, "possible"),
    ("of a base nobody measured", {"compute": None, "base_compute": bounds("3e25")}, "2026-11-24", MODIFIED, "unknown"),
    ("trained on vast data, adaptable", {}, "2026-11-24", BRITISH, "yes"),
    ("before the report", {}, "2023-09-17", BRITISH, "no"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "differs", "day", "name", "expected"), CASES)
def test_every_definition_is_met_when_the_table_says_so(
    why: str, differs: dict[str, Any], day: str, name: tuple[str, str], expected: str
) -> None:
    assert finding(a_subject(day, **differs), *name) == expected, why


def test_every_definition_stands_in_the_tables() -> None:
    told = {name for _, _, _, name, _ in CASES} | {INDICATIVE, SYSTEMIC, FRONTIER, NEW_YORK, REPORTABLE}

    assert told == {(rule.regime, rule.label) for rule in RULES}


def test_where_a_threshold_lies_inside_an_estimate_both_branches_are_told() -> None:
    label = labels(a_subject(compute=bounds("9e24", "1.1e25")))[SYSTEMIC]

    assert label.basis == "Possible: training compute of 9e24 to 1.1e25 operations may or may not be more than 1e25."
    assert [branch.partition(":")[0] for branch in label.branches] == ["If it is", "If it is not"]
    assert "two weeks" in label.branches[0]


def test_a_reason_names_who_attested_what_and_when() -> None:
    label = labels(a_subject(compute=bounds("2e26")))[FRONTIER]

    assert "design for generality of output: yes (Ada on 2026-01-02)" in label.basis


def test_a_text_that_ended_or_has_not_begun_says_what_it_would_have_come_to() -> None:
    risky = a_subject("2026-11-24", attestations=RISKY, compute=bounds("2e26"))
    ended, coming = labels(risky)[DUAL_USE], labels(risky)[NEW_YORK]

    assert (ended.finding, ended.on_facts, ended.standing) == ("no", "yes", "ended")
    assert ended.basis.startswith("The text was revoked on 2025-01-20; on these facts, before that, yes: ")
    assert (coming.finding, coming.on_facts, coming.standing) == ("no", "yes", "not yet")
    assert "from 2027-01-01; on these facts, from then, yes: " in coming.basis


def test_a_bill_is_told_apart_from_law() -> None:
    assert labels(a_subject())[BILL_2026].basis.startswith("A bill of 2026-03-26, not law; yes: ")


def test_a_strategy_tells_of_its_own_stage_at_the_moment() -> None:
    strategy = a_strategy(
        a_stage("internal", opens=0, access=AccessLevel.CLOSED, to=("staff",)),
        a_stage("general", opens=a_moment("2026-06-01T00:00:00Z").latest),
        training_flop=("9e25", "2e26"),
        parameters=7,
        modality=("text",),
    )

    before, after = (subject_of(strategy, a_moment(f"2026-{month}-01T00:00:00Z")) for month in ("05", "06"))

    assert (before.access, after.access) == (AccessLevel.CLOSED, AccessLevel.API)
    assert after.compute == bounds("9e25", "2e26")


numbers = st.integers(20, 28).flatmap(lambda exponent: st.sampled_from([f"{digit}e{exponent}" for digit in (1, 2, 9)]))
intervals = st.none() | st.tuples(numbers, numbers).map(lambda pair: bounds(*sorted(pair, key=float)))
answers = st.builds(Attestation, says=st.sampled_from(ANSWERS), by=st.just("Ada"), at=st.just(0))
subjects = st.builds(
    a_subject,
    st.dates(date(2022, 1, 1), date(2029, 1, 1)).map(str),
    compute=intervals,
    bio_compute=intervals,
    base_compute=intervals,
    parameters=st.none() | st.integers(1, 10**12),
    modality=st.sets(st.sampled_from(["text", "image", "audio", "video", "action"])).map(tuple),
    attestations=st.dictionaries(st.sampled_from(sorted(QUESTIONS)), answers),
    access=st.none() | st.sampled_from(AccessLevel),
)


@given(subjects)
def test_nothing_is_met_before_a_text_stands_or_after_it_ended(subject: Subject) -> None:
    for rule, label in zip(RULES, classify(subject), strict=True):
        assert label.finding == (label.on_facts if label.standing is Standing.STANDS else Finding.NO)
        assert (label.standing is Standing.STANDS) == (rule.since <= subject.at < rule.until)


@given(subjects, st.sampled_from(["low", "high"]))
def test_a_better_estimate_never_contradicts_a_worse_one(subject: Subject, end: str) -> None:
    """What was yes or no of the whole estimate is so of each end of it."""
    if subject.compute is None:
        return
    exact = getattr(subject.compute, end)
    better = labels(_replaced(subject, compute=Interval(exact, exact)))

    for name, label in labels(subject).items():
        if label.on_facts in (Finding.YES, Finding.NO):
            assert better[name].on_facts == label.on_facts, name


@given(subjects, st.sampled_from(sorted(QUESTIONS)), st.sampled_from(["yes", "no"]))
def test_learning_what_was_unknown_never_contradicts_what_was_known(subject: Subject, asked: str, says: str) -> None:
    unknown = _replaced(subject, attestations={**subject.attestations, **attest(asked, says="unknown")})
    known = labels(_replaced(subject, attestations={**subject.attestations, **attest(asked, says=says)}))

    for name, label in labels(unknown).items():
        if label.on_facts in (Finding.YES, Finding.NO):
            assert known[name].on_facts == label.on_facts, name


@given(subjects)
def test_every_label_has_a_reason_a_source_and_both_branches_where_it_is_possible(subject: Subject) -> None:
    for label in classify(subject):
        assert label.basis.endswith(".") and label.source
        assert len(label.branches) == {Finding.YES: 1, Finding.POSSIBLE: 2}.get(label.on_facts, 0)


def test_nothing_here_ever_says_that_anybody_complies() -> None:
    sources = [
        *(ROOT / "gateway" / "releases").rglob("*.py"),
        *(ROOT / "gateway" / "cli").rglob("*.py"),
        *(ROOT / "gateway" / "control").rglob("*.py"),
    ]

    assert [path for path in sources if re.search(r"complian|complies", path.read_text("utf-8"), re.IGNORECASE)] == []


def test_every_ended_text_says_how_it_ended() -> None:
    assert [rule.label for rule in RULES if (rule.until < NEVER) != bool(rule.ended)] == []
    assert {rule.nature for rule in RULES} == set(Nature)


def _replaced(subject: Subject, **differences: Any) -> Subject:
    facts = {name: getattr(subject, name) for name in subject.__struct_fields__}
    return Subject(**facts | differences)
