"""`gateway …`: one file per noun, opened only when it is asked for, so that help is there at once."""

from importlib import import_module
from typing import Any

import click

from gateway import __version__

NOUNS: dict[str, str] = {
    "serve": "Run the gateway here.",
    "doctor": "Look over the gateway here, and say what to do.",
    "login": "Sign in as yourself, in a browser or by a code on another device.",
    "logout": "End the sign-in here.",
    "whoami": "Who I am, what I may use now and from when, what I have used.",
    "model": "Models that I may use.",
    "key": "API keys: issue, list, show, rotate, revoke, recover.",
    "client": "Machines that sign in: create, list, and by which keys.",
    "token": "Access tokens: get, revoke; the keys that sign them: rotate-key, keys.",
    "person": "People who sign in: list, show, disable, enable, end-session.",
    "organisation": "Organisations and what is asserted of them.",
    "release": "Release files: validate, plan, apply, list, show, label; presets; approve, concur; hold, suspend …",
    "change": "Changes: list, show, approve, reject, apply.",
    "evidence": "Evidence that stages require: add, list, withdraw.",
    "incident": "Incidents that keep stages shut: open, list, close.",
    "request": "Access: read the form, ask, answer, withdraw; review: approve, reject, needs-info, concur.",
    "grant": "Grants: give, list, pause, resume, recertify, revoke.",
    "concurrence": "Authorities that agree to single organisations: give, list, withdraw.",
    "access": "Access at any instant: who could use a release, and why one could or could not.",
    "terms": "Terms of a release: show, accept.",
    "audit": "The ledger: search, tail, show; checkpoint; verify offline.",
    "policy": "The policies that judge: show, build.",
    "db": "The database: upgrade, current; backup of SQLite.",
}
"""Each noun with its line of help, so that help needs no noun to be opened."""


class Nouns(click.Group):
    """Opens `gateway.cli.<noun>` when the noun is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The nouns, in the order of their table."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of the noun's module."""
        if cmd_name not in NOUNS:
            return None
        command: click.Command = import_module(f"gateway.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table, without opening any noun."""
        with formatter.section("Nouns"):
            formatter.write_dl(list(NOUNS.items()))


@click.group(
    cls=Nouns,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the gateway cannot be reached, 4 not permitted,"
    " 75 `serve` ended by itself and is to be started again.",
)
@click.option(
    "--url", envvar="GATEWAY_URL", default="http://127.0.0.1:8080", show_default=True, help="Where the gateway is."
)
@click.version_option(__version__, prog_name="gateway")
@click.pass_context
def gateway(context: click.Context, url: str) -> None:
    """Make a model's release strategy come true, and keep the record of it.

    You act as whoever signed in with `gateway login`, or by the key in GATEWAY_KEY, which goes before that and is
    never taken from the command line, where others could read it.
    """
    context.ensure_object(dict)["url"] = url


def main(args: list[str] | None = None, **options: Any) -> None:
    """The `gateway` command."""
    gateway.main(args=args, prog_name="gateway", **options)


if __name__ == "__main__":
    main()
