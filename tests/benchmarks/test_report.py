"""What the benchmark compares, and what it refuses to."""

from benchmarks.report import Machine, Report, as_markdown, floors, remarks
from benchmarks.rounds import Plan, Reading

QUIET = Machine(cpu="a processor", cores=2, kernel="6.1", python="3.11", load_before=0.0)


def unary(contender: str, number: int, per_s: float, *faults: str) -> Reading:
    return Reading(contender, "unary", 64, number, {"per_s": per_s}, faults)


def report_of(*readings: Reading) -> Report:
    versions = dict.fromkeys((reading.contender for reading in readings), "1.0")
    return Report("2026-11-24 04:00 UTC", QUIET, Plan(), versions, {}, list(readings))


def test_the_middle_of_the_rounds_is_compared_not_their_mean() -> None:
    report = report_of(
        *(unary("gateway", number, per_s) for number, per_s in enumerate((100, 9000, 110))),
        *(unary("envoy", number, per_s) for number, per_s in enumerate((200, 210, 1))),
    )

    ratio = report.ratio("unary", "per_s", 64, "envoy")

    assert ratio == 110 / 200


def test_one_bad_answer_takes_a_contender_out_of_every_comparison_of_its_row() -> None:
    report = report_of(unary("gateway", 0, 100), unary("envoy", 0, 200), unary("envoy", 1, 200, "3 x status"))

    ratio = report.ratio("unary", "per_s", 64, "envoy")

    assert ratio is None
    assert report.median("gateway", "unary", "per_s", 64) == 100
    assert any("envoy is not compared in unary" in remark and "3 x status" in remark for remark in remarks(report))


def test_a_floor_whose_peer_was_not_measured_is_neither_met_nor_missed() -> None:
    report = report_of(unary("gateway", 0, 100), unary("envoy", 0, 200))

    verdicts = {floor.says: floor.met for floor in floors(report)}

    assert verdicts["unary throughput over bare Envoy's"] is True
    assert verdicts["unary throughput over LiteLLM's"] is None


def test_a_missed_floor_is_written_down() -> None:
    report = report_of(unary("gateway", 0, 10), unary("envoy", 0, 200))

    page = as_markdown(report)

    assert "unary throughput over bare Envoy's at least 0.3: 0.05, MISSED" in page
