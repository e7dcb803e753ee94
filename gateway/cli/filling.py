"""Forms at a terminal: shown before they are filled in, and filled in by options, a file, or question by question."""

from collections.abc import Iterable
from typing import Any

import click

from gateway.cli.failures import printable
from gateway.cli.showing import show_facts, show_table
from gateway.spelling import counted

YES = ("yes", "true", "y")
NO = ("no", "false", "n")


def show_form(form: Any) -> None:
    """What is asked, and what becomes of a request."""
    show_table(
        ("field", "kind", "required", "question", "help"),
        [(f["name"], _kind(f), f["required"], f["question"], f["help"] or None) for f in form["fields"]],
    )
    click.echo()
    show_facts(
        [
            ("reviewed by", form["reviewers"]),
            ("approvals", 2 if form["second_approval"] else 1),
            ("must concur", form["concurrence"]),
            ("reviewed within", f"{counted(form['review_within_days'], 'day')}"),
            ("over by itself", f"after {counted(form['expires_after_days'], 'day')} in which nothing is done"),
            ("a grant lasts", f"{counted(form['grant_days'], 'day')}"),
            ("looked at again", _every(form["recertify_every_days"])),
            ("answers are kept", f"{counted(form['retain_days'], 'day')} after the request is closed"),
        ]
    )


def told_briefly(form: Any) -> str:
    """How access is asked for, on one line."""
    people = f"{'two of' if form['second_approval'] else 'one of'} {', '.join(form['reviewers'])}"
    concurs = f", then {form['concurrence']}" if form["concurrence"] else ""
    again = (
        f", looked at again every {counted(form['recertify_every_days'], 'day')}"
        if form["recertify_every_days"]
        else ""
    )
    asked, lasts = counted(len(form["fields"]), "question"), counted(form["grant_days"], "day")
    return f"{asked}; approved by {people}{concurs}; for {lasts}{again}"


def answers_of(form: Any, given: Iterable[str], file: Any = None, *, prompting: bool = False) -> dict[str, Any]:
    """Answers by name of the field: those of the file, then those given, then those asked for here."""
    answers: dict[str, Any] = _read(file) if file is not None else {}
    fields = {field["name"]: field for field in form["fields"]}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"{each!r} is no answer: write FIELD=VALUE.")
        if name not in fields:
            raise click.UsageError(f"There is no field {name!r}; there are {', '.join(fields) or 'none'}.")
        answers[name] = _value(fields[name], value)
    for field in form["fields"] if prompting else ():
        if field["name"] not in answers and (answer := _prompt(field)) != "":
            answers[field["name"]] = _value(field, answer)
    return answers


def _read(file: Any) -> dict[str, Any]:
    import msgspec

    try:
        return msgspec.json.decode(file.read(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise click.UsageError('The file does not hold answers as JSON: {"FIELD": VALUE, …}.') from None


def _value(field: Any, text: str) -> str | int | bool:
    """The answer as the form wants it; what does not fit is left to the gateway to refuse."""
    if field["kind"] == "yes-no" and text.lower() in YES + NO:
        return text.lower() in YES
    if field["kind"] == "number" and text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    return text


def _prompt(field: Any) -> str:
    hint = f" ({field['help']})" if field["help"] else ""
    choices = f" [{', '.join(field['choices'])}]" if field["choices"] else ""
    question = printable(f"{field['question']}{hint}{choices}{' [yes, no]' if field['kind'] == 'yes-no' else ''}")
    default = None if field["required"] else ""
    return str(click.prompt(question, default=default, show_default=False, err=True))


def _kind(field: Any) -> str:
    if field["kind"] == "choice":
        return f"one of {', '.join(field['choices'])}"
    if field["kind"] != "number":
        return str(field["kind"])
    bounds = [
        f"{word} {field[bound]}"
        for word, bound in (("from", "at_least"), ("to", "at_most"))
        if field[bound] is not None
    ]
    return " ".join(["number", *bounds])


def _every(days: int | None) -> str:
    return "never" if days is None else f"every {counted(days, 'day')}, or it admits nobody"
