"""`gateway release hold|roll-back|suspend|withdraw|recall|embargo|restore`: shown before it is done, done at once."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gateway.cli.asking import SURVEY_S, ask, pages
from gateway.cli.change import ROLE
from gateway.cli.failures import printable
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import ago, show_json, show_line, show_table, wants_json, with_json
from gateway.cli.spans import coming

F = TypeVar("F", bound=Callable[..., Any])

SCOPE = "Whom it concerns, such as 'not us_person' or 'organisation = acme'; everybody where left out."


def _not_empty(_context: click.Context, _parameter: click.Parameter, scope: str | None) -> str | None:
    """An empty text, as an unset variable leaves it, must never come to mean everybody."""
    if scope is not None and not scope.strip():
        raise click.BadParameter("it is empty, which names nobody: leave it out for everybody.")
    return scope


def _verb(function: F) -> F:
    """What every verb takes."""
    for option in (
        with_json,
        click.option("--yes", is_flag=True, help="Do it without being asked."),
        click.option("--authority", default="", help="On whose word: an order, a ticket, a contract."),
        click.option("--cause", required=True, help="Why; kept in the ledger, never told to callers."),
        click.option("--scope", callback=_not_empty, help=SCOPE),
    ):
        function = option(function)
    return function


def _narrowing(function: F) -> F:
    """What every verb but `restore` takes beside."""
    until = click.option("--until", type=coming, help="From when it is over by itself, such as 24h or 2027-01-01.")
    on_unknown = click.option(
        "--on-unknown",
        type=click.Choice(["deny", "allow"]),
        default="deny",
        show_default=True,
        help="What it amounts to for those of whom the scope's answer is unknown.",
    )
    narrowed: F = until(on_unknown(_verb(function)))
    return narrowed


def _plain(name: str, help_: str) -> click.Command:
    """A verb that takes nothing of its own."""

    @click.command(name=name, help=help_)
    @click.argument("release")
    @_narrowing
    def command(release: str, yes: bool, **given: Any) -> None:
        _take(release, yes, {"verb": name, **given})

    return command


@click.command(name="roll-back")
@click.argument("release")
@click.argument("stage")
@_narrowing
def roll_back(release: str, stage: str, yes: bool, **given: Any) -> None:
    """Go back to STAGE of RELEASE, for those in the scope: they get what both stages give."""
    _take(release, yes, {"verb": "roll_back", "stage": stage, **given})


@click.command()
@click.argument("release")
@click.argument("narrowing", required=False, default="")
@_verb
def restore(release: str, narrowing: str, yes: bool, **given: Any) -> None:
    """Undo a NARROWING of RELEASE, the only one where none is named. With --scope, for those who surely are in it."""
    _take(release, yes, {"verb": "restore", "inverse_of": narrowing, **given})


@click.command(name="narrowings")
@click.argument("release")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@with_json
def list_narrowings(release: str, limit: int) -> None:
    """List what narrows RELEASE, and what did."""
    path = f"{release_path(release)}/narrowings"
    found = list(pages(path, "narrowings", query={}, limit=limit, cursor="before"))
    if wants_json():
        return show_json(found)
    return show_table(
        (
            "id",
            "verb",
            "state",
            "scope",
            "unknown",
            "restored for",
            "until",
            "taken",
            "by",
            "review",
            "authority",
            "cause",
        ),
        [
            (
                n["id"],
                n["verb"] + (f" of {n['inverse_of']}" if n["inverse_of"] else ""),
                n["state"],
                n["scope"] or "everybody",
                n["on_unknown"],
                n["restored_for"],
                ago(n["until"]),
                ago(n["taken_at"]),
                n["taken_by"],
                _reviewed(n),
                n["authority"],
                n["cause"],
            )
            for n in found
        ],
        empty="Nothing narrows this release, and nothing did.",
    )


def _reviewed(narrowing: Any) -> str:
    if narrowing["reviewed_by"]:
        return f"{narrowing['review']} by {narrowing['reviewed_by']}, {ago(narrowing['reviewed_at'])}"
    return f"due {ago(narrowing['review_by'])}" if narrowing["review"] == "due" else str(narrowing["review"])


@click.command(name="review")
@click.argument("release")
@click.argument("narrowing")
@click.argument("verdict", type=click.Choice(["confirm", "undo"]))
@click.option("--cause", required=True, help="Why; kept in the ledger, never told to callers.")
@ROLE
@with_json
def review(*, release: str, narrowing: str, verdict: str, cause: str, role: str | None) -> None:
    """Confirm a NARROWING of RELEASE that somebody else took, or undo it: as a second person."""
    path = f"{release_path(release)}/narrowings/{segment(narrowing)}/review"
    reviewed = ask("POST", path, body={"verdict": verdict, "cause": cause, "role": role})
    if wants_json():
        return show_json(reviewed)
    return click.echo(f"{reviewed['id']}: {reviewed['verb']} of {release} is {reviewed['review']}.")


VERBS = (
    _plain("hold", "Keep RELEASE at the stage that is open: no later one opens for those in the scope."),
    roll_back,
    _plain("suspend", "Take RELEASE away from those in the scope, until it is restored."),
    _plain("withdraw", "Offer RELEASE no longer: no inference, no weights."),
    _plain("recall", "Call RELEASE back: withdrawn, and whoever follows its weights is told so."),
    _plain("embargo", "Hide that RELEASE exists from those in the scope."),
    restore,
    review,
    list_narrowings,
)


def _take(release: str, yes: bool, body: dict[str, Any]) -> None:
    path = f"{release_path(release)}/narrowings"
    if not yes:
        _show_preview(ask("POST", f"{path}/preview", body=body, patience_s=SURVEY_S))
        click.confirm("Do it?", abort=True, err=True)
    taken = ask("POST", path, body=body)
    for warning in taken["warnings"]:
        show_line(f"warning: {printable(warning)}", err=True)
    if wants_json():
        return show_json(taken)
    whom = f"those for whom `{taken['scope']}`" if taken["scope"] else "everybody"
    if taken["inverse_of"]:
        return show_line(f"{taken['id']}: {release} is restored for {whom} ({taken['inverse_of']}).")
    until = f", until {ago(taken['until'])}" if taken["until"] else ""
    show_line(f"{taken['id']}: {taken['verb'].replace('_', ' ')} of {release} is in force for {whom}{until}.")
    show_line(f"A second person must look at it until {ago(taken['review_by'])}.")
    return show_line(f"Next, by somebody else: gateway release review {release} {taken['id']} confirm --cause …")


_STAY = ("stays as it is", "stay as they are")


def _show_preview(preview: Any) -> None:
    """On standard error, so that what is printed stays the answer."""
    gives = preview["verb"] == "restore"
    counts = [
        ("in the scope", preview["inside"], preview["named"]),
        ("unknown", preview["unknown"], preview["named_unknown"]),
        ("outside", preview["outside"], []),
    ]
    lets_in = gives or preview["on_unknown"] == "allow"
    meaning = {
        "in the scope": ("gets access back", "get access back") if gives else ("is narrowed", "are narrowed"),
        "unknown": _STAY if lets_in else ("is narrowed too", "are narrowed too"),
        "outside": _STAY,
    }
    show_line(f"{preview['verb']} {preview['release']}, scope: {preview['scope'] or 'everybody'}", err=True)
    for name, count, named in counts:
        some = f" ({', '.join(named)}{', …' if count > len(named) else ''})" if named else ""
        noun, becomes = ("organisation", meaning[name][0]) if count == 1 else ("organisations", meaning[name][1])
        show_line(f"{count:>9} {noun} {name}: {becomes}{some}", indent=2, err=True)
    show_line(_affected(preview["affected"]), indent=2, err=True)
    for warning in preview["warnings"]:
        show_line(f"warning: {printable(warning)}", err=True)


def _affected(counted: Any) -> str:
    if counted is None:
        return "how many of them have something to lose is not known in time"
    changed, named = counted["losing"] + counted["gaining"], counted["named"]
    some = f" ({', '.join(named)}{', …' if changed > len(named) else ''})" if named else ""
    told = f"as things stand {counted['losing']} lose access and {counted['gaining']} get it back{some}"
    return f"{told}; workloads are not counted"
