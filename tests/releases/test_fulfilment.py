"""Each requirement on what is known: met, or not met with one exact sentence."""

import os
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import DAY, Moment, at
from gateway.identity.lineages import Lineage
from gateway.releases.evidence.records import (
    Approval,
    Concurrence,
    Determination,
    Evidence,
    Findings,
    Measurement,
)
from gateway.releases.fulfilment import Known, answer, read_by
from gateway.releases.requirements import (
    Approvals,
    Below,
    Concurs,
    IncidentFree,
    Published,
    Requirement,
    Soak,
    Within,
    title,
)

NOW = at(20_000 * DAY)
AGO = NOW.latest - 2 * DAY
OURS, THEIRS = "sha256:" + "a" * 64, "sha256:" + "b" * 64
WMDP = Within(suite="lm-eval", task="wmdp_bio", metric="acc", at_most="0.35")
BIO = Below(framework="preparedness", category="biology", below="high")


def evidence(name: str, value: str = "0.34", **differences: Any) -> Evidence:
    """One measurement of wmdp_bio about our snapshot, added yesterday."""
    findings = Findings(
        suite=differences.pop("suite", "lm-eval"),
        run_at=differences.pop("run_at", None),
        measurements=(Measurement(differences.pop("task", "wmdp_bio"), "acc", value),),
    )
    return _kept(name, findings, **differences)


def determination(name: str, level: str) -> Evidence:
    return _kept(name, Findings(suite="board", determinations=(Determination("preparedness", "biology", level),)))


def _kept(name: str, findings: Findings, **differences: Any) -> Evidence:
    given: dict[str, Any] = {
        "id": name,
        "release": "acme/atlas-1",
        "snapshot": OURS,
        "files": {},
        "findings": findings,
        "added_at": NOW.latest - DAY,
        "vouched_by": "key",
        "organisation": "provider",
    }
    return Evidence(**given | differences)


def approval(*persons: str, basis: str = "now") -> Approval:
    return Approval(
        id="approval", release="acme/atlas-1", stage="s", basis=basis, persons=persons, given_at=0, given_by=persons[0],
        organisation="provider",
    )  # fmt: skip


def concurrence(authority: str, expires_at: int) -> Concurrence:
    return Concurrence(
        id="c", release="acme/atlas-1", stage="s", authority=authority, reference="letter 7", expires_at=expires_at,
        given_at=0, given_by="key", organisation="provider",
    )  # fmt: skip


def said(requirement: Requirement, moment: Moment = NOW, **known: Any) -> tuple[bool, str]:
    """Whether it is met, and what is said."""
    found = answer(requirement, Known(snapshot=OURS, basis="now", **known), moment)
    return found.met, found.said


@pytest.mark.parametrize(
    ("held", "met", "told"),
    [
        ((), False, "no evidence of lm-eval wmdp_bio acc was added"),
        (
            (evidence("e1", snapshot=THEIRS),),
            False,
            f"the evidence of lm-eval wmdp_bio acc is about another snapshot: {THEIRS}, not {OURS}",
        ),
        ((evidence("e1", suite="other"),), False, "no evidence of lm-eval wmdp_bio acc was added"),
        ((evidence("e1", task="wmdp_chem"),), False, "no evidence of lm-eval wmdp_bio acc was added"),
        ((evidence("e1", "0.36"),), False, "0.36 is above 0.35 (e1)"),
        ((evidence("e1", "0.3500000000000001"),), False, "0.3500000000000001 is above 0.35 (e1)"),
        ((evidence("e1", "0.35"),), True, "0.35 (e1)"),
        ((evidence("e1", "0.34"),), True, "0.34 (e1)"),
        ((evidence("e1", "0.36"), evidence("e2", "0.34")), True, "0.34 (e2)"),
        ((evidence("e1", "0.34"), evidence("e2", "0.36")), False, "0.36 is above 0.35 (e2)"),
        (
            (evidence("e1", "0.36", run_at=NOW.latest - 2 * DAY), evidence("e2", "0.34", run_at=NOW.latest - 3 * DAY)),
            False,
            "0.36 is above 0.35 (e1)",
        ),
        ((evidence("e1", "0.36", run_at=AGO), evidence("e2", "0.34")), False, "0.36 is above 0.35 (e1)"),
        ((evidence("e1", "0.34", run_at=AGO), evidence("e2", "0.36")), False, "0.36 is above 0.35 (e2)"),
        ((evidence("e1", "0.34", run_at=AGO), evidence("e2", "0.33")), True, "0.33 (e2)"),
        ((evidence("e1", "0.36"), evidence("e2", "0.30", snapshot=THEIRS)), False, "0.36 is above 0.35 (e1)"),
    ],
)
def test_a_measurement_is_held_against_its_bound_by_the_newest_run_of_the_very_snapshot(
    held: tuple[Evidence, ...], met: bool, told: str
) -> None:
    assert said(WMDP, evidence=held) == (met, told)


@pytest.mark.parametrize(
    ("bounds", "value", "met", "told"),
    [
        ({"at_most": "0.35", "margin": "0.02"}, "0.34", False, "0.34, with the margin of 0.02, is above 0.35 (e1)"),
        ({"at_most": "0.35", "margin": "0.01"}, "0.34", True, "0.34 (e1)"),
        ({"at_least": "0.9"}, "0.89", False, "0.89 is below 0.9 (e1)"),
        ({"at_least": "0.9", "margin": "0.05"}, "0.94", False, "0.94, with the margin of 0.05, is below 0.9 (e1)"),
        ({"at_least": "0.9", "at_most": "0.95"}, "0.96", False, "0.96 is above 0.95 (e1)"),
        ({"at_least": "0.9", "at_most": "0.95"}, "0.92", True, "0.92 (e1)"),
        ({"at_most": "0"}, "-0.0000000000000000001", True, "-0.0000000000000000001 (e1)"),
    ],
)
def test_a_bound_holds_with_its_margin_and_exactly(bounds: dict[str, str], value: str, met: bool, told: str) -> None:
    wanted = Within(suite="lm-eval", task="wmdp_bio", metric="acc", **bounds)

    assert said(wanted, evidence=(evidence("e1", value),)) == (met, told)


def test_evidence_older_than_may_be_or_of_unknown_age_is_not_met() -> None:
    wanted = Within(suite="lm-eval", task="wmdp_bio", metric="acc", at_most="0.35", max_age_days=30)
    edge = NOW.latest - 30 * DAY

    assert said(wanted, evidence=(evidence("e1"),)) == (False, "e1 does not say when it was run")
    assert said(wanted, evidence=(evidence("e1", run_at=edge),))[0] is False
    assert "more than 30 days ago" in said(wanted, evidence=(evidence("e1", run_at=edge),))[1]
    assert said(wanted, evidence=(evidence("e1", run_at=edge + 1),)) == (True, "0.34 (e1)")


def test_a_run_said_to_lie_ahead_ages_from_when_it_was_added() -> None:
    wanted = Within(suite="lm-eval", task="wmdp_bio", metric="acc", at_most="0.35", max_age_days=30)
    ahead = evidence("e1", run_at=NOW.latest + 900 * DAY, added_at=NOW.latest - 40 * DAY)

    assert said(wanted, evidence=(ahead,))[0] is False


@pytest.mark.parametrize(
    ("level", "met", "told"),
    [
        ("medium", True, "medium is below high (e1)"),
        ("high", False, "high is not below high (e1)"),
        ("critical", False, "critical is not below high (e1)"),
        ("tiny", False, "tiny is none of the levels low, medium, high, critical (e1)"),
    ],
)
def test_a_determination_is_held_against_the_order_of_levels(level: str, met: bool, told: str) -> None:
    assert said(BIO, evidence=(determination("e1", level),)) == (met, told)


def test_what_was_not_determined_counts_as_not_below() -> None:
    assert said(BIO) == (False, "no evidence of determination of biology under preparedness was added")


@pytest.mark.parametrize(
    ("given", "met", "told"),
    [
        ((), False, "0 of 2 approvals"),
        ((approval("k1"),), False, "1 of 2 approvals"),
        ((approval("k1"), approval("k1")), False, "1 of 2 approvals"),
        ((approval("k1"), approval("k2", "k1")), False, "1 of 2 approvals"),
        ((approval("k2", "k1"), approval("k1")), False, "1 of 2 approvals"),
        ((approval("k1", "p"), approval("k2", "p")), True, "2 of 2 approvals"),
        ((approval("k1"), approval("author")), False, "1 of 2 approvals"),
        ((approval("k1"), approval("child", "author", "root")), False, "1 of 2 approvals"),
        ((approval("k1"), approval("root")), False, "1 of 2 approvals"),
        (
            (approval("k1"), approval("k2", basis="then")),
            False,
            "1 of 2 approvals; 1 given before the evidence changed no longer count",
        ),
    ],
)
def test_approvals_are_of_different_people_who_did_not_write_it_on_what_is_known_now(
    given: tuple[Approval, ...], met: bool, told: str
) -> None:
    assert said(Approvals(people=2), approvals=given, authors=frozenset({Lineage("author", ("root",))})) == (met, told)


def test_a_stage_soaks_from_its_opening_until_it_closes_and_no_moment_less() -> None:
    since = NOW.earliest - 7 * DAY

    assert said(Soak(days=7)) == (False, "the stage before has not opened as it stands")
    assert said(Soak(days=7), soaking_since=since)[0] is True
    assert said(Soak(days=7), soaking_since=since + 1)[0] is False
    assert said(Soak(days=7), soaking_since=since, soaking_until=NOW.earliest - 1)[0] is False
    assert said(Soak(days=7), Moment(NOW.earliest - 1, NOW.latest), soaking_since=since)[0] is False
    assert said(Soak(days=7), soaking_since=since + DAY)[1].startswith("6 of 7 days since ")


def test_a_stage_that_soaks_needs_its_calls_too() -> None:
    since, wanted = NOW.earliest - 7 * DAY, Soak(days=7, calls=100)

    assert said(wanted, soaking_since=since, soaking_calls=99)[1].startswith("99 of 100 calls since ")
    assert said(wanted, soaking_since=since, soaking_calls=100)[0] is True
    assert said(wanted, soaking_since=since + 1, soaking_calls=100)[0] is False
    assert title(wanted) == "7 days and 100 calls in the stage before"


def test_a_document_is_published_when_it_is_kept_about_the_very_snapshot() -> None:
    card = _kept("e1", Findings(suite="document", document="model-card"))
    others = _kept("e2", Findings(suite="document", document="model-card"), snapshot=THEIRS)

    assert said(Published(name="model-card")) == (False, "no evidence of document model-card was added")
    assert said(Published(name="model-card"), evidence=(others,))[0] is False
    assert said(Published(name="model-card"), evidence=(card,)) == (True, "e1")


def test_a_concurrence_counts_until_it_may_have_expired() -> None:
    wanted = Concurs(authority="CAISI")

    assert said(wanted) == (False, "no concurrence of CAISI is recorded")
    assert said(wanted, concurrences=(concurrence("AISI", NOW.latest + DAY),))[0] is False
    assert said(wanted, concurrences=(concurrence("CAISI", NOW.latest),))[0] is False
    assert said(wanted, concurrences=(concurrence("CAISI", NOW.latest + 1),))[1].startswith("letter 7 until ")


def test_an_open_incident_keeps_a_stage_shut() -> None:
    assert said(IncidentFree(), incidents=("incident_1",)) == (False, "incident_1 is open")
    assert said(IncidentFree()) == (True, "no incident is open")


def test_an_approval_is_given_on_the_evidence_that_its_stage_reads_and_no_other() -> None:
    held = (evidence("e1"), evidence("e2", task="other"), evidence("e3", snapshot=THEIRS), determination("e4", "low"))

    assert [each.id for each in read_by((WMDP, Approvals(people=2)), held, OURS)] == ["e1"]
    assert [each.id for each in read_by((BIO, WMDP), held, OURS)] == ["e1", "e4"]


def test_what_is_required_is_said_in_words() -> None:
    strict = Within(suite="helm", task="t", metric="m", at_least="0.1", at_most="0.2", margin="0.01", max_age_days=30)

    assert [title(each) for each in (WMDP, strict, BIO, Approvals(people=2), Soak(days=7), Published(name="card"))] == [
        "lm-eval wmdp_bio acc at most 0.35",
        "helm t m at most 0.2 and at least 0.1, with a margin of 0.01, not older than 30 days",
        "biology below high under preparedness",
        "approval by 2 people",
        "7 days in the stage before",
        "document card published",
    ]
    assert [title(each) for each in (Concurs(authority="CAISI"), IncidentFree())] == [
        "concurrence of CAISI",
        "no open incident",
    ]


@st.composite
def facts(draw: st.DrawFn) -> tuple[tuple[Requirement, ...], Known, Moment]:
    """Any requirements of a stage, and anything that might be known of it."""
    held = tuple(
        evidence(
            f"e{number}",
            draw(st.sampled_from(["0.33", "0.34", "0.35", "0.36", "-1"])),
            snapshot=draw(st.sampled_from([OURS, THEIRS])),
            suite=draw(st.sampled_from(["lm-eval", "other"])),
            run_at=draw(st.sampled_from([None, *(NOW.latest - days * DAY for days in (-9, 0, 29, 31))])),
            added_at=NOW.latest - number,
        )
        for number in range(draw(st.integers(0, 4)))
    )
    people = st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True)
    given = st.builds(lambda who, basis: approval(*who, basis=basis), people, st.sampled_from(["now", "then"]))
    known = Known(
        snapshot=OURS,
        basis="now",
        evidence=held,
        approvals=tuple(draw(st.lists(given, max_size=5))),
        authors=frozenset(draw(st.lists(st.builds(lambda who: Lineage(who[0], tuple(who[1:])), people), max_size=2))),
        incidents=tuple(draw(st.lists(st.just("incident"), max_size=1))),
        concurrences=tuple(
            concurrence("CAISI", NOW.latest + off) for off in draw(st.lists(st.integers(-2, 2), max_size=2))
        ),
        soaking_since=draw(st.sampled_from([None, *(NOW.earliest - DAY * days for days in (6, 7, 8))])),
    )
    within = st.builds(
        lambda margin, age: msgspec.structs.replace(WMDP, margin=margin, max_age_days=age),
        st.sampled_from(["0", "0.01", "0.02"]),
        st.sampled_from([None, 30]),
    )
    kinds = st.one_of(
        within,
        st.builds(lambda people: Approvals(people=people), st.integers(1, 3)),
        st.sampled_from([Soak(days=7), Concurs(authority="CAISI"), IncidentFree(), BIO, Published(name="card")]),
    )
    width = draw(st.integers(0, 3))
    return tuple(draw(st.lists(kinds, min_size=1, max_size=4))), known, Moment(NOW.earliest - width, NOW.latest)


def holds(requirement: Requirement, known: Known, moment: Moment) -> bool:
    """The same, said a second time and as plainly as can be."""
    match requirement:
        case Within():
            ours = [e for e in known.evidence if e.snapshot == OURS and e.findings.suite == "lm-eval"]
            ours.sort(
                key=lambda e: (
                    e.added_at if e.findings.run_at is None else min(e.findings.run_at, e.added_at),
                    e.added_at,
                )
            )
            if not ours:
                return False
            dated = [e for e in ours if e.findings.run_at is not None]
            value = max(Fraction(e.findings.measurements[0].value) for e in (ours[-1], *dated[-1:]))
            aged = requirement.max_age_days is not None and (
                ours[-1].findings.run_at is None or ours[-1].findings.run_at <= NOW.latest - 30 * DAY
            )
            return not aged and value <= Fraction("0.35") - Fraction(requirement.margin)
        case Approvals():
            wrote = [(author.person, *author.issuers) for author in known.authors]
            given = [
                each
                for each in known.approvals
                if each.basis == "now" and not any(each.persons[0] in who or who[0] in each.persons for who in wrote)
            ]
            return len({each.persons[0] for each in given}) >= requirement.people and not all(
                requirement.people > 1 and one.persons[0] in other.persons for one in given for other in given
            )
        case Soak():
            return known.soaking_since is not None and moment.earliest >= known.soaking_since + 7 * DAY
        case Concurs():
            return any(each.expires_at > moment.latest for each in known.concurrences)
        case IncidentFree():
            return not known.incidents
        case _:
            return False


@pytest.mark.soak
@settings(max_examples=10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 500, deadline=None)
@given(facts())
def test_nothing_is_met_that_does_not_hold(drawn: tuple[tuple[Requirement, ...], Known, Moment]) -> None:
    requirements, known, moment = drawn

    for requirement in requirements:
        found = answer(requirement, known, moment)
        assert found.said
        assert not found.met or holds(requirement, known, moment)
        if not isinstance(requirement, Approvals):
            assert found.met == holds(requirement, known, moment)
