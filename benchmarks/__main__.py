"""`python -m benchmarks`: starts the upstreams and the contenders, loads them in turn, says what it saw."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from benchmarks import unary
from benchmarks.contenders import Contender, Direct
from benchmarks.ledger import measure_ledger
from benchmarks.peers.envoy import BareEnvoy
from benchmarks.peers.litellm import LiteLLM
from benchmarks.peers.nginx import BareNginx
from benchmarks.peers.portkey import Portkey
from benchmarks.report import OURS, Report, as_json, as_markdown, floors, show, this_machine
from benchmarks.rounds import Plan, Reading, Tell, measure_streams, measure_unary, standing
from benchmarks.subject import Gateway
from benchmarks.upstreams import start_fixed_upstream, start_paced_upstream

RESULTS = Path(__file__).parent / "results"
CONTENDERS: tuple[Contender, ...] = (Direct(), BareNginx(), BareEnvoy(), Gateway(), Portkey(), LiteLLM())


@click.command()
@click.option("--rounds", default=3, show_default=True, help="How often each contender is measured under each load.")
@click.option("--seconds", default=5.0, show_default=True, help="How long each measurement takes.")
@click.option("--only", multiple=True, type=click.Choice([contender.name for contender in CONTENDERS]))
@click.option("--unary/--no-unary", "with_unary", default=True, show_default=True, help="Calls answered at once.")
@click.option("--streams/--no-streams", "with_streams", default=True, show_default=True, help="Paced streams.")
@click.option("--ledger/--no-ledger", "with_ledger", default=True, show_default=True, help="The ledger as it grows.")
@click.option("--full", is_flag=True, help="1,000 open streams and a million entries too.")
@click.option("--require-all", is_flag=True, help="Fail where a contender is absent or a floor is missed.")
@click.option("--document", type=click.Path(path_type=Path), help="Write the report as Markdown too.")
def main(
    rounds: int,
    seconds: float,
    only: tuple[str, ...],
    with_unary: bool,
    with_streams: bool,
    with_ledger: bool,
    full: bool,
    require_all: bool,
    document: Path | None,
) -> None:
    """Measure the gateway and its peers side by side."""
    console = Console()
    plan = Plan(rounds=rounds, seconds=seconds, open_streams=(50, 200, 1000) if full else (50, 200))
    machine, measured_at = this_machine(), datetime.now(UTC)
    chosen = [contender for contender in CONTENDERS if not only or contender.name in only]
    absent = {contender.name: why for contender in chosen if (why := contender.absence())}
    present = [contender for contender in chosen if contender.name not in absent]
    if require_all and absent:
        raise click.ClickException("; ".join(f"{name}: {why}" for name, why in absent.items()))
    if with_unary and (why := unary.absence()):
        raise click.ClickException(why)
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as temporary, console.status("starting") as status:
        folder = Path(temporary)
        readings = _measure(present, plan, folder, absent, (with_unary, with_streams), status.update)
        if with_ledger and (not only or OURS in only):
            sizes = (1_000, 10_000, 100_000, 1_000_000) if full else (1_000, 10_000, 100_000)
            readings += measure_ledger(plan, sizes, folder, status.update)
    measured = {reading.contender for reading in readings}
    versions = {contender.name: contender.version() for contender in present if contender.name in measured}
    report = Report(f"{measured_at:%Y-%m-%d %H:%M} UTC", machine, plan, versions, absent, readings)
    show(report, console)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{measured_at:%Y%m%dT%H%M%SZ}.json"
    file.write_bytes(as_json(report))
    console.print(f"every reading: {file}", markup=False, soft_wrap=True)
    if document:
        document.write_text(as_markdown(report))
    _judge(report, require_all)


def _measure(
    present: Sequence[Contender],
    plan: Plan,
    folder: Path,
    absent: dict[str, str],
    rows: tuple[bool, bool],
    tell: Tell,
) -> list[Reading]:
    with_unary, with_streams = rows
    readings: list[Reading] = []
    if with_unary:
        fixed = start_fixed_upstream(folder)
        with standing(present, fixed, folder / "unary", stream=False, absent=absent) as targets:
            readings += measure_unary(targets, fixed, plan, folder, tell)
    if with_streams:
        paced = start_paced_upstream(folder)
        with standing(present, paced, folder / "streams", stream=True, absent=absent) as targets:
            readings += measure_streams(targets, plan, tell)
    return readings


def _judge(report: Report, require_all: bool) -> None:
    """A run in which anything but a good answer came back has failed, whatever its figures."""
    faulty = sorted({reading.contender for reading in report.readings if reading.faults})
    if faulty:
        raise click.ClickException(f"not everything that came back was a good answer: {', '.join(faulty)}")
    missed = [floor for floor in floors(report) if floor.met is False or (require_all and floor.met is None)]
    if require_all and (missed or report.absent):
        raise click.ClickException("; ".join(floor.sentence() for floor in missed) or "a contender did not come up")
    if OURS in report.versions and missed:
        raise click.ClickException("; ".join(floor.sentence() for floor in missed))


if __name__ == "__main__":
    main()
