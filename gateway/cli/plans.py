"""Showing changes to people: what differs, who gains and loses, what to beware of, and what is still needed."""

from typing import Any

import click

from gateway.cli.showing import ago, cell, show_facts, show_line, show_table

_FACTS = (
    "id",
    "release",
    "state",
    "effect",
    "irreversible",
    "author",
    "planned_at",
    "digest",
    "base_number",
    "grounds",
)
PLANNED_ANEW = ("change_stale", "change_late")
"""What no approval mends."""

_GAINS_COLUMNS = (
    "from", "until", "component", "stage", "gain", "may gain", "lose", "accept anew", "may lose", "by audience",
)  # fmt: skip
_SIGNS = {"widening": "+", "narrowing": "-", "neutral": " "}


def show_plan(plan: dict[str, Any]) -> None:
    """A change, whole."""
    change = plan["change"]
    show_facts((name, change[name]) for name in _FACTS if name != "grounds" or change[name])
    _section("What differs ( + widens, - narrows, ! cannot be undone )")
    for difference in plan["differences"]:
        show_line(_line(difference), indent=2)
    _section("Who gains and who loses (organisations; workloads are not counted)")
    if plan["consequences"]:
        show_table(_GAINS_COLUMNS, [_consequence(step) for step in plan["consequences"]])
    else:  # on standard output, under its heading
        show_line("Nobody, as organisations stand now.", indent=2)
    for step in plan["consequences"]:
        for word in ("gaining", "losing"):
            if step[word]:
                show_line(f"{step['component']} from {step['begins']}, {word}: {cell(step[word])}", indent=2)
    if plan["gates"]:
        _section("Stages that open when their requirements hold")
        for gate in plan["gates"]:
            _show_gate(gate)
    if plan["warnings"]:
        _section("Beware")
        for warning in plan["warnings"]:
            show_line(f"{cell(warning['message'])} ({warning['code']})", indent=2)
    _section("Approvals")
    for approval in change["approvals"]:
        kind = "reviewed" if approval["review"] else "approved"
        void = "; void, the evidence has changed since" if approval["void"] else ""
        show_line(f"{kind} by {approval['key']} as {approval['role']}, {ago(approval['given_at'])}{void}", indent=2)
    _show_next(plan)


def _show_gate(gate: dict[str, Any]) -> None:
    opens = f"not before {gate['not_before']}"
    told = opens if gate["opened_at"] is None else f"{opens}, opened {ago(gate['opened_at'])}"
    click.echo(f"  {cell(gate['stage'])}: {told}")
    for missing in gate["missing"]:
        show_line(f"missing today: {cell(missing)}", indent=4)


def _show_next(plan: dict[str, Any]) -> None:
    change = plan["change"]
    if change["state"] in {"applied", "rejected"}:
        told = f"  {change['state']} by {change['closed_by']}, {ago(change['closed_at'])} {cell(change['cause'])}"
        show_line(told.strip(), indent=2)
        if change["review"] == "done":
            click.echo("  A second person has reviewed it.")
        elif change["review"] != "none":
            show_line(f"A second person's review is {change['review']}, by {ago(change['review_by'])}", indent=2)
        return
    for need in plan["needs"]:
        show_line(f"missing: {need['message']} ({need['code']})", indent=2)
    for difference in plan["differences"]:
        kind, _, name = difference["path"].partition(".")
        if kind == "terms" and difference["after"] is not None:
            show_line(f"Read what it asks people to accept: gateway change show {change['id']} --terms {name}")
    if any(need["code"] in PLANNED_ANEW for need in plan["needs"]):
        click.echo("It cannot be applied any more. Next, with the file as it should be: gateway release plan FILE")
    elif plan["needs"]:
        knowing = " --cannot-be-undone" if change["irreversible"] else ""
        click.echo(f"Next: gateway change approve {change['id']}{knowing}")
    else:
        click.echo(f"Nothing is missing. Next: gateway change apply {change['id']}")


def _line(difference: dict[str, Any]) -> str:
    sign = "!" if difference["irreversible"] else _SIGNS[difference["effect"]]
    before, after = (None if difference[side] is None else cell(difference[side]) for side in ("before", "after"))
    told = after if before is None else f"{before} -> {'(gone)' if after is None else after}"
    return f"{sign} {difference['path']}: {told}"


def _consequence(step: dict[str, Any]) -> tuple[Any, ...]:
    counted = step["organisations"]
    names = [f"{name} ({_tally(tally)})" for name, tally in step["audiences"].items()]
    return (
        step["begins"],
        step["until"],
        step["component"],
        step["stage"] if not step["if_met"] else f"{step['stage']} (if its requirements hold)",
        counted["gain"],
        counted["may_gain"],
        counted["lose"],
        counted["must_accept"],
        counted["may_lose"],
        names,
    )


def _tally(tally: dict[str, int]) -> str:
    gains, loses = tally["gain"] + tally["may_gain"], tally["lose"] + tally["may_lose"]
    return " ".join([f"+{gains}"] * bool(gains) + [f"-{loses}"] * bool(loses))


def _section(title: str) -> None:
    click.echo()
    click.secho(title, bold=True)
