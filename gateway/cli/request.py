"""`gateway request`: form, ask, list, show, answer, withdraw; needs-info, approve, concur, reject."""

import sys
from typing import Any

import click

from gateway.cli.asking import ask as ask_gateway
from gateway.cli.asking import pages
from gateway.cli.filling import answers_of, show_form
from gateway.cli.paths import release_path, segment
from gateway.cli.showing import Told, ago, show_facts, show_json, show_table, wants_json, with_json
from gateway.cli.spans import coming

STATES = (
    "open", "pending_review", "needs_info", "awaiting_second_approval", "awaiting_external_concurrence",
    "granted", "rejected", "withdrawn", "expired_unreviewed",
)  # fmt: skip

_VERBS = {"need_info": "needs-info"}
"""What can be done, as it is typed here where that differs."""
_OF_THE_ASKER = ("answer", "withdraw")
"""What only whoever asked does."""
_BY_ITSELF = ("screen", "expire")
"""What the gateway does alone."""

ANSWER = click.option("--answer", "given", multiple=True, metavar="FIELD=VALUE", help="One answer; may be repeated.")


@click.group(name="request")
def command() -> None:
    """Requests for access to a limited release: asked by an organisation, reviewed by the provider."""


@command.command()
@click.argument("release")
@with_json
def form(release: str) -> None:
    """Show what RELEASE asks of whoever wants access, and what becomes of a request."""
    asked = ask_gateway("GET", f"{release_path(release)}/request-form")
    return show_json(asked) if wants_json() else show_form(asked)


@command.command()
@click.argument("release")
@ANSWER
@click.option("--file", type=click.File("r"), help="Answers as JSON, by name of the field; `-` reads them from here.")
@with_json
def ask(release: str, given: tuple[str, ...], file: Any) -> None:
    """Ask for access to RELEASE for your organisation; on a terminal, what is missing is asked for."""
    asked = ask_gateway("GET", f"{release_path(release)}/request-form")
    answers = answers_of(asked, given, file, prompting=sys.stdin.isatty() and file is None)
    request = ask_gateway("POST", "/requests", body={"release": release, "answers": answers})
    if wants_json():
        return show_json(request)
    click.echo(f"{request['id']}: your organisation has asked for {release}.")
    return click.echo(
        f"It is to be reviewed until {ago(request['review_by'])}. See: gateway request show {request['id']}"
    )


@command.command(name="list")
@click.option("--organisation", help="Only of this organisation.")
@click.option("--release", help="Only for this release.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state; open: all under way.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@with_json
def list_requests(organisation: str | None, release: str | None, state: str | None, limit: int) -> None:
    """List requests, from the newest backwards: your organisation's, or all for those who oversee."""
    query = {"organisation": organisation, "release": release, "only": state}
    found = list(pages("/requests", "requests", query=query, limit=limit))
    if wants_json():
        return show_json(found)
    return show_table(
        ("id", "organisation", "release", "state", "asked", "review by", "reason"),
        [
            (r["id"], r["organisation"], r["release"], _state(r), ago(r["asked_at"]), ago(r["review_by"]), r["reason"])
            for r in found
        ],
        empty="No requests.",
    )


@command.command()
@click.argument("request")
@with_json
def show(request: str) -> None:
    """Show REQUEST as it stands; what was answered is shown to who asked and to who reviews."""
    whole = ask_gateway("GET", f"/requests/{segment(request)}")
    return show_json(whole) if wants_json() else _show(whole)


@command.command()
@click.argument("request")
@click.option("--reply", required=True, help="What you answer to the reviewer's question.")
@ANSWER
@with_json
def answer(request: str, reply: str, given: tuple[str, ...]) -> None:
    """Answer what a reviewer wants to know of REQUEST; answers not given stay as they were."""
    path = f"/requests/{segment(request)}"
    release = ask_gateway("GET", path)["request"]["release"] if given else ""
    form = ask_gateway("GET", f"{release_path(release)}/request-form") if given else {"fields": []}
    return _done(ask_gateway("POST", f"{path}/answer", body={"reply": reply, "answers": answers_of(form, given)}))


@command.command()
@click.argument("request")
@with_json
def withdraw(request: str) -> None:
    """Take REQUEST of your organisation back."""
    return _done(ask_gateway("POST", f"/requests/{segment(request)}/withdraw"))


@command.command(name="needs-info")
@click.argument("request")
@click.option("--question", required=True, help="What you want to know; the asker reads it.")
@with_json
def needs_info(request: str, question: str) -> None:
    """Ask something back about REQUEST before deciding."""
    return _done(ask_gateway("POST", f"/requests/{segment(request)}/need-info", body={"question": question}))


@command.command()
@click.argument("request")
@click.option("--commitment", help="That of the request as you saw it; that of now where left out.")
@with_json
def approve(request: str, commitment: str | None) -> None:
    """Approve REQUEST; once nothing is missing the grant is given."""
    path = f"/requests/{segment(request)}"
    seen = commitment or ask_gateway("GET", path)["commitment"]
    return _done(ask_gateway("POST", f"{path}/approve", body={"commitment": seen}))


@command.command()
@click.argument("request")
@click.option("--reference", required=True, help="Of the authority's letter or decision; kept in the ledger.")
@click.option("--expires", type=coming, help="When its word ends, and the grant with it.")
@with_json
def concur(request: str, reference: str, expires: str | None) -> None:
    """Record that the authority outside concurs with REQUEST."""
    body = {"reference": reference, "expires_at": expires}
    return _done(ask_gateway("POST", f"/requests/{segment(request)}/concur", body=body))


@command.command()
@click.argument("request")
@click.option("--reason", required=True, help="Why, in 200 characters; the asker reads it, and the ledger keeps it.")
@click.option("--final", is_flag=True, help="For good: the organisation may never ask for this release again.")
@with_json
def reject(request: str, reason: str, final: bool) -> None:
    """Reject REQUEST; unless --final, it may be asked for again."""
    body = {"reason": reason, "final": final}
    return _done(ask_gateway("POST", f"/requests/{segment(request)}/reject", body=body))


def _done(request: Any) -> None:
    if wants_json():
        return show_json(request)
    grant = f": {request['grant']} is given" if request["grant"] else ""
    return click.echo(f"{request['id']} of {request['organisation']} is {request['state']}{grant}.")


def _state(request: Any) -> str:
    if request["state"] == "rejected":
        return "rejected, final" if request["final"] else "rejected, appealable"
    return Told.of(f"{request['state']}, late", f"{request['state']}!") if request["late"] else str(request["state"])


def _acts(request: Any, *, of_asker: bool) -> list[str] | None:
    """What can be done by whoever asked, or by those who review; None where that is nothing."""
    acts = [act for act in request["possible"] if act not in _BY_ITSELF and (act in _OF_THE_ASKER) is of_asker]
    return [_VERBS.get(act, act) for act in acts] or None


def _show(whole: Any) -> None:
    request, known = whole["request"], whole["known"]
    facts = [
        ("request", request["id"]),
        ("organisation", request["organisation"]),
        ("release", request["release"]),
        ("state", _state(request)),
        ("asked", ago(request["asked_at"])),
        ("review by", ago(request["review_by"])),
        ("over by itself", ago(request["expires_at"])),
        ("approved by", [f"{r['key']} as {r['role']}{'' if r['counts'] else ' (before)'}" for r in whole["reviews"]]),
        ("must concur", whole["authority"]),
        ("concurrence", whole["concurrence"]),
        ("reason", request["reason"] or None),
        ("grant", request["grant"]),
        ("asked back", whole["asked_back"]),
        ("reply", whole["reply"]),
        ("commitment", whole["commitment"]),
        ("reviewers can", _acts(request, of_asker=False)),
        ("who asked can", _acts(request, of_asker=True)),
    ]
    show_facts((name, value) for name, value in facts if value is not None and value != "-")
    if whole["answers"] is None:
        click.echo("\nThe answers are not shown: they are for the reviewers alone, or were dropped.")
    else:
        click.echo()
        show_facts((answer["question"], answer["answer"]) for answer in whole["answers"])
    if known is not None:
        click.echo()
        show_facts(
            [
                ("would belong to", [f"{name}: {truth}" for name, truth in known["audiences"].items()]),
                ("nobody asserted", known["unknown"]),
                ("earlier requests", [f"{each['id']} {_state(each)}" for each in known["earlier"]]),
            ]
        )
