"""`gateway doctor`: looks over an installation where it runs, and says what to do."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.failures import Failure
from gateway.cli.showing import columns_of_terminal, folded, on_terminal, show_json, show_table, wants_json, with_json


@click.command(name="doctor")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The data directory; GATEWAY_DATA.")
@with_json
def command(data: Path | None) -> None:
    """Look over the gateway here: settings, files, database, clock, judge, issuers of tokens, upstreams, traces.

    It has the settings that `gateway serve` would have, makes nothing and changes nothing, and may run beside a
    gateway that serves. It fails where something is wrong; what is only odd does not make it fail.
    """
    from gateway.cli.here import settings_here
    from gateway.errors import GatewayError
    from gateway.examination.findings import State, amiss
    from gateway.examination.whole import examine

    try:
        settings = settings_here(data)
    except GatewayError as error:
        found = [amiss("settings", error)]
    else:
        found = asyncio.run(examine(settings))
    failing = [finding for finding in found if finding.state is State.WRONG]
    if wants_json():
        show_json({"well": not failing, "findings": found})
        raise SystemExit(bool(failing))
    show_table(("part", "state", "what was found"), [(each.part, each.state, each.said) for each in found])
    for finding in found:
        if finding.next_step:
            click.echo(f"\n{finding.part}:")
            for line in folded(finding.next_step, columns_of_terminal() - 2 if on_terminal() else 0):
                click.echo(f"  {line}")
    if failing:
        raise Failure(_sentence(failing), "Do what is said above.")


def _sentence(failing: Sequence[Any]) -> str:
    stopping = [finding.part for finding in failing if not finding.serves]
    if stopping:
        return f"A gateway here would not start, or would refuse calls: {', '.join(stopping)}."
    parts = ", ".join(finding.part for finding in failing)
    return f"A gateway here starts and serves, but for what needs these: {parts}."
