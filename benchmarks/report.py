"""What a run says: medians, ratios, floors; as tables for a terminal, as Markdown, as JSON."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.rounds import Plan, Reading

OURS = "gateway"
YARDSTICK = "envoy"
ABOUT = (
    "Made by `make bench`. Only ratios of one run count, since absolute figures move from machine to machine and",
    "from hour to hour. Every contender is one process on loopback before the same upstream under the same load,",
    "in turn (A B A B); each figure is a median over the rounds. The peers record nothing and ask nobody; the",
    "gateway authenticates, judges, limits and records each call durably before it passes.",
)
LEGEND = (
    "*Stretch* is how long a stream took in times of its upstream's pace: 1 is a contender that keeps up. *Added*",
    "is the time to the first byte beyond that of the upstream asked directly.",
)


@dataclass(frozen=True)
class Machine:
    """Where it was measured. Figures of two machines, or of two runs, are not to be compared."""

    cpu: str
    cores: int
    kernel: str
    python: str
    load_before: float
    """The load average when the run began: above zero, others were at work."""


@dataclass(frozen=True)
class Report:
    """Everything a run has seen."""

    measured_at: str
    machine: Machine
    plan: Plan
    versions: dict[str, str]
    absent: dict[str, str]
    readings: list[Reading]

    def refused(self, contender: str, row: str) -> tuple[str, ...]:
        """What came back that was not a good answer; where there is any, nothing is compared."""
        mine = (reading for reading in self.readings if reading.contender == contender and reading.row == row)
        return tuple(fault for reading in mine for fault in reading.faults)

    def median(self, contender: str, row: str, figure: str, load: int = 0) -> float | None:
        """The median over the rounds, or None where the contender was not measured or is not compared."""
        if self.refused(contender, row):
            return None
        values = [
            reading.figures[figure]
            for reading in self.readings
            if (reading.contender, reading.row, reading.load) == (contender, row, load) and figure in reading.figures
        ]
        return statistics.median(values) if values else None

    def ratio(self, row: str, figure: str, load: int, over: str, of: str = OURS) -> float | None:
        """One contender's median over another's."""
        mine, other = self.median(of, row, figure, load), self.median(over, row, figure, load)
        return mine / other if mine is not None and other else None


@dataclass(frozen=True)
class Table:
    """Rows of text under columns of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Floor:
    """What the gateway must reach, and what it did."""

    says: str
    limit: float
    reached: float | None
    at_least: bool

    @property
    def met(self) -> bool | None:
        """None where a side of the comparison is missing."""
        if self.reached is None:
            return None
        return self.reached >= self.limit if self.at_least else self.reached <= self.limit

    def sentence(self) -> str:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[self.met]
        reached = "-" if self.reached is None else f"{self.reached:.2f}"
        return f"{self.says} {'at least' if self.at_least else 'at most'} {self.limit:g}: {reached}, {verdict}"


def this_machine() -> Machine:
    """The machine as its kernel describes it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    cores = len(os.sched_getaffinity(0))
    return Machine(cpu, cores, platform.release(), platform.python_version(), round(os.getloadavg()[0], 2))


def floors(report: Report) -> list[Floor]:
    """The floors of the project, each a ratio of one run."""
    most, widest = max(report.plan.connections), max(load for load in report.plan.open_streams if load <= 200)
    return [
        Floor("unary throughput over bare Envoy's", 0.3, report.ratio("unary", "per_s", most, "envoy"), True),
        Floor("unary throughput over LiteLLM's", 50, report.ratio("unary", "per_s", most, "litellm"), True),
        Floor("CPU per streamed frame over Envoy's", 1.5, report.ratio("streams", "cpu_us", widest, "envoy"), False),
    ]


def tables(report: Report) -> list[Table]:
    """The tables of the report."""
    drawn = [_unary(report), _streams(report), _memory(report), _ledger(report)]
    return [table for table in drawn if table.rows]


def _unary(report: Report) -> Table:
    loads = report.plan.connections
    columns = ["", "version"]
    columns += [f"calls/s at {load}" for load in loads]
    columns += [f"x {YARDSTICK} at {load}" for load in loads]
    columns += [f"p50 ms at {load}" for load in loads] + [f"CPU µs a call at {loads[-1]}"]
    rows = []
    for name, version in report.versions.items():
        row = [name, version]
        row += [_number(report.median(name, "unary", "per_s", load), 0) for load in loads]
        row += [_number(report.ratio("unary", "per_s", load, YARDSTICK, name), 3) for load in loads]
        row += [_number(report.median(name, "unary", "p50_ms", load), 2) for load in loads]
        row += [_number(report.median(name, "unary", "cpu_us", loads[-1]) or None, 0)]
        rows.append(row)
    return Table("Calls answered at once, by connections", columns, rows)


def _streams(report: Report) -> Table:
    loads = report.plan.open_streams
    columns = ["", *(f"CPU µs a frame at {load}" for load in loads), *(f"x {YARDSTICK} at {load}" for load in loads)]
    columns += [f"stretch at {load}" for load in loads] + ["first byte p50 ms", "added ms"]
    rows = []
    direct = report.median("direct", "first_byte", "p50_ms", 1)
    for name in report.versions:
        first = report.median(name, "first_byte", "p50_ms", 1)
        row = [name]
        row += [_number(report.median(name, "streams", "cpu_us", load) or None, 1) for load in loads]
        row += [_number(report.ratio("streams", "cpu_us", load, YARDSTICK, name) or None, 2) for load in loads]
        row += [_number(report.median(name, "streams", "stretch", load), 2) for load in loads]
        row += [_number(first, 2), _number(first - direct if first and direct else None, 2)]
        rows.append(row)
    return Table("Paced streams, one frame in 10 ms each, by open streams", columns, rows)


def _memory(report: Report) -> Table:
    rows = []
    for name in report.versions:
        idle = report.median(name, "memory_unary", "idle_mb")
        peaks = [report.median(name, row, "peak_mb") for row in ("memory_unary", "memory_streams")]
        if idle is not None or any(peaks):
            rows.append([name, _number(idle, 0), *(_number(peak, 0) for peak in peaks)])
    return Table("Memory, MB resident", ["", "idle", "peak, calls", "peak, streams"], rows)


def _ledger(report: Report) -> Table:
    sizes = sorted({reading.load for reading in report.readings if reading.row == "ledger"})
    rows = []
    for size in sizes:
        rate, wait = (report.median(OURS, "ledger", figure, size) for figure in ("rows_per_s", "p50_ms"))
        first = report.median(OURS, "ledger", "rows_per_s", sizes[0])
        rows.append(
            [f"{size:,}", _number(rate, 0), _number(rate / first if rate and first else None, 2), _number(wait, 2)]
        )
    columns = ["entries before", "durable rows/s", f"x {sizes[0]:,}" if sizes else "", "p50 ms to be durable"]
    return Table("The ledger by itself on SQLite, 64 calls at a time", columns, rows)


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def remarks(report: Report) -> list[str]:
    """What must be known before the figures are read."""
    said = [f"{name} is left out: {why}" for name, why in report.absent.items()]
    for name in report.versions:
        for row in ("unary", "streams", "first_byte"):
            if faults := report.refused(name, row):
                said.append(f"{name} is not compared in {row}, because of what came back: {'; '.join(faults[:3])}")
    if report.machine.load_before > 0.5:
        said.append(f"the machine was not quiet: its load average was {report.machine.load_before} before the run")
    return said


def show(report: Report, console: Console) -> None:
    """The report on a terminal."""
    for table in tables(report):
        drawn = RichTable(title=table.title, title_justify="left")
        for index, column in enumerate(table.columns):
            drawn.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
        for row in table.rows:
            drawn.add_row(*row, style="bold" if row[0] == OURS else None)
        console.print(drawn)
    for remark in remarks(report):
        console.print(f"! {remark}", markup=False)
    if OURS in report.versions:
        for floor in floors(report):
            console.print(floor.sentence(), markup=False)


def as_json(report: Report) -> bytes:
    """Every single reading, for later looks."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def as_markdown(report: Report) -> str:
    """The report as the page that is kept with the project."""
    machine, plan = report.machine, report.plan
    lines = [
        "# Benchmarks",
        "",
        *ABOUT,
        "",
        f"Measured {report.measured_at} on {machine.cores} cores of {machine.cpu}, Linux {machine.kernel}, "
        f"Python {machine.python}: {plan.rounds} rounds of {plan.seconds:g} s.",
    ]
    for table in tables(report):
        lines += ["", f"## {table.title}", "", _markdown_row(table.columns)]
        lines += [_markdown_row(["---", *("---:" for _ in table.columns[1:])])]
        lines += [_markdown_row(row) for row in table.rows]
    if OURS in report.versions:
        lines += ["", "## Floors", ""] + [f"- {floor.sentence()}" for floor in floors(report)]
    if said := remarks(report):
        lines += ["", "## To be known", ""] + [f"- {remark.splitlines()[0]}" for remark in said]
    lines += ["", *LEGEND]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
