"""`gateway policy`: which policies judge, and the bundle that an OPA server serves them from."""

from pathlib import Path

import click

from gateway.access.judges.policies import PolicySet, read_policy_set
from gateway.cli.asking import ask
from gateway.cli.failures import Failure, told
from gateway.cli.showing import show_facts, show_json, wants_json, with_json
from gateway.shipped import shipped

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
POLICIES = click.option("--policies", type=FOLDER, help="Folder of policies; those that came with the gateway.")


@click.group(name="policy")
def command() -> None:
    """The policies: the only place where it is decided whether a use may pass."""


@command.command()
@click.option("--local", is_flag=True, help="Of the policies here, without asking a gateway.")
@POLICIES
@with_json
def show(local: bool, policies: Path | None) -> None:
    """Show the digest of the policies in force at the gateway, or of those here."""
    found = {"digest": _here(policies).digest} if local or policies else ask("GET", "/policy")
    if wants_json():
        return show_json(found)
    return show_facts(found.items())


@command.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default="bundle.tar.gz", show_default=True)
@POLICIES
@with_json
def build(output: Path, policies: Path | None) -> None:
    """Write the OPA bundle, with the digest of the policies as its revision."""
    found = _here(policies)
    try:
        output.write_bytes(found.bundle())
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}.", "Name another file with --output.") from None
    if wants_json():
        return show_json({"digest": found.digest, "output": str(output)})
    return click.echo(f"{output}: {len(found.policies)} policies as {found.digest}")


def _here(folder: Path | None) -> PolicySet:
    with told():
        return read_policy_set(folder or shipped("policies"))
