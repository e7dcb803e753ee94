"""`gateway model`: what I may use."""

import click

from gateway.cli.asking import ask
from gateway.cli.showing import ago, show_json, show_table, wants_json, with_json


@click.group(name="model")
def command() -> None:
    """Models that you may use, now or later."""


@command.command(name="list")
@with_json
def list_models() -> None:
    """List the models that you may know of: what you may use now, what is missing, what opens when."""
    releases = ask("GET", "/me")["releases"]
    if wants_json():
        return show_json(releases)
    return show_table(
        ("model", "access", "opens", "closes", "missing", "usable now"),
        [
            (
                release["release"],
                release["access"],
                ago(min((m["opens_at"] for m in release["missing"] if m["opens_at"]), default=None)),
                ago(release["closes_at"]),
                sorted({missing["code"] for missing in release["missing"]}),
                release["components"],
            )
            for release in releases
        ],
        empty="There is no model that you may know of.",
    )
