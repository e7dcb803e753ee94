"""`gateway audit`: search, tail, show; checkpoint and verify (checkpoints.py)."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from gateway.cli.asking import PAGE, ask
from gateway.cli.checkpoints import checkpoint, verify
from gateway.cli.failures import printable
from gateway.cli.paths import segment
from gateway.cli.showing import cell, show_facts, show_json, show_table, wants_json, with_json
from gateway.cli.spans import gone

F = TypeVar("F", bound=Callable[..., Any])

POLL_S = 1.0
COLUMNS = ("index", "at", "event", "organisation", "release", "what")


def filters(function: F) -> F:
    """The ways to narrow a search."""
    options = (
        click.option("--organisation", help="Only this organisation."),
        click.option("--key", help="Only this key, by its public id."),
        click.option("--release", help="Only this release."),
        click.option("--event", help="Only this event, such as key:revoked."),
        click.option("--decision", type=click.Choice(("admitted", "refused")), help="Only calls so decided."),
        click.option("--reason", help="Only refusals for this reason, such as grant_required."),
        click.option("--endpoint", help="Only calls of this endpoint, such as /v1/chat/completions."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(name="audit")
def command() -> None:
    """The ledger: who could use what, when, on whose authority."""


command.add_command(checkpoint)
command.add_command(verify)


@command.command()
@filters
@click.option("--since", type=gone, help="From this instant on: 2026-03-01, 2026-03-01T12:00:00Z, or 24h ago.")
@click.option("--until", type=gone, help="Before this instant.")
@click.option("--oldest", is_flag=True, help="The oldest first; the newest where left out.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@with_json
def search(limit: int, oldest: bool, **query: str | None) -> None:
    """Search the ledger, the newest entry first."""
    entries = list(_entries({**query, "order": "oldest" if oldest else "newest"}, limit))
    if wants_json():
        return show_json(entries)
    return show_table(COLUMNS, [_row(entry) for entry in entries], empty="No entries.")


@command.command()
@filters
@click.option("--since", type=gone, default="10m", show_default=True, help="Where to begin.")
@click.option("--follow/--no-follow", "-f", default=True, show_default=True, help="Go on as entries are recorded.")
@with_json
def tail(since: str, follow: bool, **query: str | None) -> None:
    """Show entries as they are recorded, a line each; with --json, an object each."""
    import msgspec

    for entry in _entries({**query, "since": since, "order": "oldest"}, follow=follow):
        if wants_json():
            click.echo(msgspec.json.encode(entry).decode())
        else:
            click.echo("  ".join(cell(value) for value in _row(entry)))


@command.command()
@click.argument("entry")
@with_json
def show(entry: str) -> None:
    """Show one ENTRY, by its index or by the `x-request-id` of a call."""
    found = ask("GET", f"/ledger/{segment(entry)}")
    if wants_json():
        return show_json(found)
    for each in (found["entry"], found["ended"]):
        if each is not None:
            body, canonical = each.pop("body"), each.pop("canonical", None)
            show_facts([*each.items(), *((f"  {name}", value) for name, value in body.items())])
            click.echo(f"  hashed text: {cell(canonical)}\n")
    return None


def _entries(query: dict[str, Any], limit: int | None = None, *, follow: bool = False) -> Iterator[Any]:
    """Entries, page by page, up to a limit; for ever where they are followed."""
    asked, left = dict(query), limit
    while left is None or left > 0:
        asked["limit"] = PAGE if left is None else min(PAGE, left)
        page = ask("GET", "/ledger", query=asked)
        for note in page["notes"]:
            click.echo(f"note: {printable(note)}", err=True)
        yield from page["entries"]
        left = None if left is None else left - len(page["entries"])
        asked["after"] = page["next"]
        if page["is_last"]:
            if not follow:
                return
            time.sleep(POLL_S)


def _row(entry: Any) -> tuple[Any, ...]:
    body = entry["body"]
    return (
        entry["index"],
        entry["at"],
        entry["event"],
        body.get("organisation"),
        body.get("release"),
        _what(entry, body),
    )


def _what(entry: Any, body: Any) -> str:
    """What an entry is about, in few words; of a call with the `x-request-id` that its caller got."""
    event = entry["event"]
    if event == "access:refused":
        return f"{cell(body.get('reasons'))}, request {entry['id']}"
    if event == "access:finished":
        return f"{_ending(body)}, request {body.get('admitted')}"
    if event == "access:admitted":
        return f"{body.get('component')} by {body.get('stage')}, key {body.get('key')}, request {entry['id']}"
    return f"{body.get('subject', '')} by {body.get('actor_key') or 'the operator'}"


def _ending(body: Any) -> str:
    """How a call ended, and what it came to; where nobody reported that, what its limits were charged for it."""
    reasons = f" ({cell(body['reasons'])})" if body.get("reasons") else ""
    return f"{body.get('outcome')}{reasons}, {_cost(body)}"


def _cost(body: Any) -> str:
    basis, settled, least = body.get("usage_basis"), body.get("tokens_settled", 0), body.get("tokens_out", 0)
    at_least = f", {least} out at least" if least else ""
    if basis == "unknown":
        return f"tokens not known{at_least}"
    if basis == "reserved":
        return f"tokens not known{at_least}, {settled} settled"
    if body.get("outcome") == "complete":
        return f"{body.get('tokens_in', 0)}+{least} tokens"
    return f"{settled} settled"
