"""`gateway release report`: reports made from the plan and the record, in Markdown or JSON."""

import click

from gateway.cli.asking import ask
from gateway.cli.classify import AT
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import show_json, wants_json, with_json

KINDS = ("sb53", "decision-record", "specialised-access")


@click.command()
@click.argument("release")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="Which report.")
@AT
@with_json
def report(release: str, kind: str, at: str | None) -> None:
    """Write a report about RELEASE, in Markdown, to be kept or filled in.

    \b
    sb53                fields of a transparency report under California SB 53
    decision-record     what was decided, with labels, definitions and the ledger's entries
    specialised-access  organisations that hold a grant, by sector, small counts suppressed

    What neither the plan nor the record knows is marked: not stated.
    """
    told = ask("GET", f"{release_path(release)}/reports/{segment(kind)}", query={"at": at})
    if wants_json():
        return show_json(told)
    import msgspec

    from gateway.releases.reports.documents import Report
    from gateway.releases.reports.markdown import markdown

    return click.echo(markdown(msgspec.convert(told, Report)), nl=False)
