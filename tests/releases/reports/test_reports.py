"""Reports say what the plan and the record know, mark what they do not, and point at nobody."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import DAY, at
from gateway.identity.callers import Role
from gateway.ledger.entries import Entry
from gateway.ledger.events import Event
from gateway.releases.caps import Cap
from gateway.releases.cohorts import Canary
from gateway.releases.forms import FieldKind, FormField, RequestForm
from gateway.releases.reports.decisions import DECIDING, decision_record
from gateway.releases.reports.documents import NOT_STATED, Kind, Report, Section, Statement, Table
from gateway.releases.reports.markdown import markdown
from gateway.releases.reports.sb53 import transparency
from gateway.releases.reports.specialised import (
    OTHER,
    SECTORS,
    UNKNOWN,
    DecisionTimes,
    sector_of,
    specialised_access,
    told,
)
from gateway.releases.reports.stages import stages_of
from gateway.releases.requirements import Approvals, IncidentFree
from gateway.releases.strategies import AccessLevel, Conditions, Strategy
from gateway.releases.versions import StrategyVersion
from tests.releases.builders import a_moment, a_stage, a_strategy, an_audience, an_instant
from tests.releases.regimes.subjects import FOUNDATION, attest

NOW = a_moment("2026-11-24T00:00:00Z")
AUP = "sha256:" + "7" * 64


def a_version(*stages: Any, **differences: Any) -> StrategyVersion:
    """The third version of a release, applied by somebody."""
    strategy: Strategy = a_strategy(*stages, **differences)
    return StrategyVersion(
        strategy=strategy,
        digest=strategy.digest(),
        number=3,
        previous="sha256:" + "2" * 64,
        applied_at=an_instant("2026-11-01T00:00:00Z"),
        applied_by="Pro000000000",
        organisation="provider",
    )


def test_a_stage_that_was_taken_over_says_from_when_and_one_that_will_be_what_it_waits_for() -> None:
    waiting = a_version(
        a_stage("first", an_instant("2026-01-01T00:00:00Z")),
        a_stage("second", an_instant("2026-03-01T00:00:00Z")),
        a_stage("third", an_instant("2026-06-01T00:00:00Z"), opens_when=(IncidentFree(),)),
    ).strategy

    assert [row[2] for row in stages_of(waiting).rows] == [
        "as second opens, 2026-03-01T00:00:00Z",
        "as third opens, not before 2026-06-01T00:00:00Z",
        "no date",
    ]


def statements(report: Report) -> dict[str, Statement]:
    """Every statement by what it is about."""
    return {statement.name: statement for section in report.sections for statement in section.statements}


def rows(report: Report, title: str) -> tuple[tuple[str, ...], ...]:
    """The table of the section whose title begins so."""
    (section,) = [section for section in report.sections if section.title.startswith(title)]
    assert section.table is not None
    return section.table.rows


STAGED = a_version(
    a_stage("internal", an_instant("2026-01-01T00:00:00Z"), access=AccessLevel.CLOSED, to=("staff",)),
    a_stage("trusted", an_instant("2026-03-01T00:00:00Z"), access=AccessLevel.LIMITED, to=("testers",)),
    a_stage(
        "general",
        an_instant("2026-06-01T00:00:00Z"),
        conditions=Conditions(terms=("aup",), requests_per_minute=60, retain_days=30),
    ),
    terms={"aup": AUP},
    modality=("image", "text"),
    training_flop=("9e25", "2e26"),
    attestations=attest(*FOUNDATION),
)


def test_the_plan_fills_the_fields_it_knows() -> None:
    told_ = statements(transparency(STAGED, NOW))

    assert told_["C. Release date"].says.startswith("2026-06-01T00:00:00Z, when stage general opens at level api")
    assert "from 2026-03-01T00:00:00Z, named audiences are admitted" in told_["C. Release date"].says
    assert told_["E. Modalities of output"].says.startswith("image, text")
    assert AUP in told_["G. Restrictions and conditions that apply generally"].says
    assert rows(transparency(STAGED, NOW), "Restrictions")[2][-1] == (
        f"terms aup accepted ({AUP}); at most 60 requests a minute; recorded: metadata; kept 30 days"
    )


def test_what_the_plan_does_not_know_is_marked_and_never_invented() -> None:
    unknown = {name for name, each in statements(transparency(STAGED, NOW)).items() if not each.stated}

    assert {name[0] for name in unknown if name[1] == "."} == {"A", "B", "D", "F"}
    assert len(unknown) == 8, "and the four summaries of large developers"
    assert all(statements(transparency(STAGED, NOW))[name].says == NOT_STATED for name in unknown)


def test_a_bare_plan_states_nothing() -> None:
    told_ = statements(transparency(a_version(), NOW))

    assert not any(told_[name].stated for name in told_ if re.match(r"[A-G]\. ", name))


def test_the_transparency_fields_say_whether_the_law_reads_on_the_release() -> None:
    told_ = statements(transparency(STAGED, NOW))

    assert told_["frontier-model"].says.startswith("Possible: ")
    assert told_["deployed"].says.startswith("Yes: ")


def an_entry(index: int, event: Event, **detail: Any) -> Entry:
    """An act of administration on the record."""
    body = {"actor_key": "Pro000000000", "actor_organisation": "provider", "detail": detail}
    return Entry(index, f"id-{index}", event.value, NOW.latest, 0, "p", body, bytes([index]) * 32)


def test_a_decision_record_names_the_version_its_author_and_every_entry() -> None:
    entries = [
        an_entry(9, Event.RELEASE_APPLIED, number=3, adopt=False, base=""),
        an_entry(4, Event.RELEASE_APPLIED, number=2, approvals=["a:approver", "b:approver"], terms={"aup": True}),
    ]
    record = decision_record(STAGED, entries, NOW, whole=True)
    told_ = statements(record)

    assert (told_["Version"].says, told_["Digest"].says) == ("3", STAGED.digest)
    assert told_["Applied by key"].says == "Pro000000000"
    assert [row[0] for row in rows(record, "What the ledger holds")] == ["4", "9"]
    assert (
        rows(record, "What the ledger holds")[0][-2] == "approvals: a:approver, b:approver; number: 2; terms: aup=yes"
    )
    assert rows(record, "What the ledger holds")[1][-2:] == ("adopt: no; number: 3", "09" * 32)
    assert told_["Solaiman level"].says.startswith("cloud-based/API. ")


def test_a_decision_record_marks_the_reasoning_that_no_plan_holds() -> None:
    told_ = statements(decision_record(STAGED, [], NOW, whole=True))

    assert [each.name for each in told_.values() if not each.stated] == [
        "Alternatives that were considered",
        "Input from external evaluators",
        "Why the risks are acceptable",
        "Conditions under which that stops holding",
    ]


def test_a_record_that_is_not_whole_says_so() -> None:
    notes = [decision_record(STAGED, [], NOW, whole=whole).sections[-1].note for whole in (True, False)]

    assert notes[0] == "" and "more entries" in notes[1]


def test_only_definitions_that_stand_are_in_a_decision_record() -> None:
    regimes = {row[0] for row in rows(decision_record(STAGED, [], NOW, whole=True), "Definitions")}

    assert "ca-sb-53" in regimes and not regimes & {"us-eo-14110", "ny-raise"}


def test_what_decides_is_what_concerns_the_release_and_not_its_callers() -> None:
    assert Event.RELEASE_APPLIED in DECIDING
    assert not {Event.ACCESS_ADMITTED, Event.GRANT_GIVEN, Event.KEY_ISSUED, Event.TERMS_ACCEPTED} & set(DECIDING)


def cells(*sectors: Any) -> tuple[str, dict[str, str]]:
    """The total, and the count of each sector."""
    report = specialised_access(STAGED, [(sector, 1) for sector in sectors], NOW)
    return statements(report)["In all"].says, dict(rows(report, "Organisations"))  # type: ignore[arg-type]


def test_organisations_are_counted_by_sector_to_one_significant_figure() -> None:
    total, counted = cells(*["academia"] * 137, *["industry"] * 15, *[None] * 6)

    assert counted == {
        "academia": "100", "industry": "20", "non-profit": "0", "government": "0", "other": "0", "unknown": "6",
    }  # fmt: skip
    assert total == "200"


def test_a_small_cell_is_suppressed_and_so_is_a_total_it_could_be_worked_out_from() -> None:
    total, counted = cells(*["academia"] * 7, *["government"] * 2)

    assert (counted["academia"], counted["government"]) == ("7", "fewer than 5")
    assert total.startswith("not given")


def access_given(version: StrategyVersion, times: DecisionTimes | None = None) -> dict[str, tuple[str, bool]]:
    """What is said of how access is given, and whether that is known."""
    section = specialised_access(version, [], NOW, times).sections[1]
    return {each.name: (each.says, each.stated) for each in section.statements}


def test_access_is_told_by_what_it_is_given_and_by_whom() -> None:
    form = RequestForm(
        fields=(FormField(name="purpose", kind=FieldKind.TEXT, label="What for?"),),
        reviewers=(Role.ANALYST, Role.APPROVER),
        second_approval=True,
        concurrence="Commerce",
        review_within_days=1,
    )
    audiences = {
        "testers": an_audience(("grant", "=", "required"), ("kyc@2", ">=", "K3")),
        "others": an_audience(("grant", "=", "required")),
        "known": an_audience(("kyc", ">=", "K1")),
    }
    told = access_given(a_version(a_stage(to=("testers", "known")), audiences=audiences, requests=form))

    assert told == {
        "Criteria": ("testers: grant = required and kyc@2 >= K3 and unknown: deny", True),
        "What is asked": ("What for?", True),
        "Who decides": ("two people with the role analyst or approver, and Commerce", True),
        "Time in which a review is due": ("1 day", True),
        "Usual time from request to decision": (NOT_STATED, False),
    }
    assert set(access_given(a_version(a_stage())).values()) == {(NOT_STATED, False)}


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (DecisionTimes(4, half=DAY, most=DAY), "not stated: fewer than 5 requests were decided"),
        (DecisionTimes(5, half=1, most=DAY), "half within 1 day, nine in ten within 1 day; 5 were decided"),
        (
            DecisionTimes(37, half=DAY + 1, most=9 * DAY),
            "half within 2 days, nine in ten within 9 days; 40 were decided",
        ),
    ],
)
def test_the_usual_time_to_a_decision_points_at_nobody(times: DecisionTimes, says: str) -> None:
    assert access_given(a_version(a_stage()), times)["Usual time from request to decision"] == (
        says,
        times.decisions >= 5,
    )


@pytest.mark.parametrize(
    ("asserted", "cell"),
    [
        (None, UNKNOWN),
        ((), UNKNOWN),
        ("unknown", UNKNOWN),
        ("academia", "academia"),
        (("academia",), "academia"),
        (("academia", "industry"), OTHER),
        ("finance", OTHER),
        (True, OTHER),
        (7, OTHER),
    ],
)
def test_every_organisation_is_counted_in_one_cell(asserted: Any, cell: str) -> None:
    assert sector_of(asserted) == cell


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (1, "fewer than 5"),
        (4, "fewer than 5"),
        (5, "5"),
        (9, "9"),
        (14, "10"),
        (15, "20"),
        (95, "100"),
        (1_234, "1000"),
    ],
)
def test_a_count_keeps_one_significant_figure(count: int, shown: str) -> None:
    assert told(count) == shown


sectors = st.none() | st.sampled_from([*SECTORS, "finance"]) | st.lists(st.sampled_from(SECTORS), max_size=2).map(tuple)


@given(st.lists(sectors, max_size=40))
def test_no_report_ever_shows_a_count_that_points_at_somebody(asserted: list[Any]) -> None:
    total, counted = cells(*asserted)

    assert not {"1", "2", "3", "4"} & {total, *counted.values()}
    if "fewer than 5" in counted.values():
        assert not total[0].isdigit()


HOSTILE = "a|b\n# head <script>alert(1)</script> [x](javascript:y) `c` *d*\u202e"


@given(st.text(max_size=40) | st.just(HOSTILE))
def test_no_text_in_a_report_becomes_markdown_or_markup(text: str) -> None:
    report = Report(
        kind=Kind.SB53,
        title=text,
        release=text,
        number=1,
        digest=text,
        as_of=text,
        sections=(
            Section(
                title=text, statements=(Statement(text, text),), table=Table((text, text), ((text, text),)), note=text
            ),
        ),
    )

    lines = markdown(report).splitlines()

    assert len(lines) == len(markdown(plain_as(report)).splitlines())
    assert not any(re.search(r"(?<!\\)[<>\[\]&]", line) for line in lines if "from strategy version" not in line)
    table = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}


def plain_as(report: Report) -> Report:
    """The same report with texts that need no care."""
    note = "n" if report.sections[0].note else ""
    table = Table(("a", "b"), (("c", "d"),))
    section = Section(title="t", statements=(Statement("n", "s"),), table=table, note=note)
    return Report(kind=report.kind, title="t", release="r", number=1, digest="d", as_of="a", sections=(section,))


def test_reports_in_markdown_say_everything_that_they_say_in_json() -> None:
    report = decision_record(STAGED, [an_entry(4, Event.RELEASE_APPLIED)], NOW, whole=False)
    written = markdown(report).replace("\\", "")

    for section in report.sections:
        assert section.title in written and section.note in written
        assert all(statement.says in written for statement in section.statements)
        assert section.table is None or all(cell in written for row in section.table.rows for cell in row)


def test_no_report_says_that_anybody_complies() -> None:
    for report in (
        transparency(STAGED, NOW),
        decision_record(STAGED, [], at(NOW.latest), whole=True),
        specialised_access(STAGED, [], NOW),
    ):
        assert "complian" not in markdown(report).lower()


def test_whom_a_stage_is_for_and_what_it_waits_for_is_in_every_table_of_stages() -> None:
    stage = a_stage(
        "some",
        opens=20,
        canary=Canary(percent=1, salt="x"),
        cap=Cap(organisations=4),
        conditions=Conditions(concurrence="Commerce"),
        opens_when=(Approvals(people=2), IncidentFree()),
    )
    strategy = a_strategy(a_stage("first"), stage)

    openings: list[dict[str, int]] = [{}, {"some": 21}]
    for opened in openings:
        row = " ".join(stages_of(strategy, opened).rows[1])
        for word in ("1 % of organisations", "first 4 organisations", "Commerce", "by 2 people", "no open incident"):
            assert word in row
