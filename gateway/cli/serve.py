"""`gateway serve`: the gateway itself, here."""

from pathlib import Path

import click

from gateway.cli.failures import told


@click.command(name="serve")
@click.option("--demo", is_flag=True, help="Add demonstration releases, one per access level, and keys for each role.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Directory of everything that is kept.")
@click.option("--host", help="Address to listen on; 127.0.0.1 where left out.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 8080 where left out, 0: any free one.")
@click.option(
    "--upstream", metavar="URL", help="With --demo: an OpenAI-speaking server in place of the simulated model."
)
def command(demo: bool, data: Path | None, host: str | None, port: int | None, upstream: str | None) -> None:
    """Run the gateway here. Every setting is a variable GATEWAY_…; these options come before them."""
    if upstream and not demo:
        raise click.UsageError("--upstream goes with --demo; otherwise declare upstreams in GATEWAY_UPSTREAMS.")
    with told():
        from gateway.running import serve
        from gateway.settings import Settings

        settings = Settings.from_environment(
            data=None if data is None else str(data), host=host, port=None if port is None else str(port)
        )
        serve(settings, demo=demo, upstream=upstream)
