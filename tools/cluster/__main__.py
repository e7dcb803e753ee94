"""`make cluster`: runs it in the foreground until ctrl-C, and says where everything is."""

import signal
import sys
import threading
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tools.cluster.cluster import FILE, READY_S, absent, running, wait
from tools.cluster.layout import Layout, Ports


@click.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="cluster-data", show_default=True)
@click.option("--port", default=8080, show_default=True, help="The balancer's; the other parts have those that follow.")
def main(folder: Path, port: int) -> None:
    """Run PostgreSQL, OPA, two gateways and nginx on loopback, until told to stop."""
    console = Console()
    layout = Layout(folder.absolute(), Ports.beginning(port))
    if missing := absent():
        raise click.ClickException("This machine lacks for a cluster:\n  " + "\n  ".join(missing))
    if taken := layout.ports.taken():
        told = ", ".join(map(str, taken))
        raise click.ClickException(f"Somebody listens on {told} already: stop them, or name other ports with --port.")
    told_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    try:
        with running(layout) as cluster:
            try:
                wait(lambda: cluster.is_ready() or told_to_stop.is_set(), READY_S)
            except TimeoutError:
                console.print(f"It is not ready yet: look into [bold]{layout.logs}[/bold]. Each part is started again.")
            if cluster.is_ready():
                show(console, layout, cluster.write_down()["parts"])
            told_to_stop.wait()
            console.print("Stopping: calls under way may end, for half a minute at most.")
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None


def show(console: Console, layout: Layout, parts: dict[str, str]) -> None:
    """Where everything is."""
    table = Table(box=None, header_style="bold")
    for column in ("part", "address", "log"):
        table.add_column(column, overflow="fold")
    for name, address in parts.items():
        table.add_row(name, address, f"logs/{name}.log")
    console.print(table)
    console.print(f"\nKeys and models: {layout.folder / FILE}. Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
