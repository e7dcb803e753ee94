"""`gateway access`: who could use a release at an instant, and why one could or could not."""

from typing import Any

import click

from gateway.cli.asking import SURVEY_S, ask, pages
from gateway.cli.failures import printable
from gateway.cli.paths import release_path
from gateway.cli.showing import (
    ago,
    cell,
    show_facts,
    show_json,
    show_line,
    show_table,
    to_the_second,
    wants_json,
    with_json,
)
from gateway.cli.spans import INSTANT, named

NAMED = 5
"""Organisations named in a table; `--json` and `--component` name more."""

AT = f"As of when: {INSTANT}; now if left out."


@click.group(name="access")
def command() -> None:
    """Access as it was, is and will be: by what was recorded then, or is recorded now."""


@command.command()
@click.argument("release")
@click.option("--at", "instant", type=named, help=AT)
@click.option("--component", help="Name every organisation that could use this one, such as inference.text.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many to name at most.")
@with_json
def who(release: str, instant: str | None, component: str | None, limit: int) -> None:
    """Say who could use which component of RELEASE: how many organisations, by audience, and who.

    Workloads are not counted: what their tokens say of them is not kept.
    """
    path = release_path(release).replace("/releases/", "/access/", 1)
    if component:
        query = {"at": instant, "component": component}
        found = list(pages(f"{path}/organisations", "organisations", query=query, limit=limit))
        if wants_json():
            return show_json(found)
        rows = [(each["organisation"], each["audiences"]) for each in found]
        return show_table(("organisation", "admitted as"), rows, empty="Nobody could use it.")
    told = ask("GET", f"{path}/who", query={"at": instant}, patience_s=SURVEY_S)
    if wants_json():
        return show_json(told)
    return _show_census(told)


def _show_census(told: Any) -> None:
    show_facts(
        [
            ("release", told["release"]),
            ("at", f"{to_the_second(told['at'])} ({_TENSES[told['tense']]})"),
            ("stage", f"{told['stage']} ({told['access']})" if told["stage"] else "none was open"),
            *(
                ("may be open", f"{cell(told['may_be_open'])}, if what it requires is met by then; not counted below")
                for _ in told["may_be_open"][:1]
            ),
            ("strategy", told["strategy"] or "no version was in force"),
            ("policies", told["policy"] or "not asked"),
            ("narrowings", told["narrowings"]),
            ("organisations", told["organisations"]),
        ]
    )
    click.echo()
    show_table(
        ("component", "admitted", "once accepted", "by audience", "such as"),
        [(c["component"], c["admitted"], c["accepting"], c["audiences"], _such_as(c)) for c in told["components"]],
        empty="No stage offers anything.",
    )
    if not told["is_complete"]:
        click.echo("Organisations differ in more ways than are judged: there may be others.", err=True)


def _such_as(count: Any) -> str:
    """Some of the admitted; where there are none, whether anybody would be by accepting the terms."""
    if count["named"]:
        more = ", …" if count["admitted"] > NAMED else ""
        return ", ".join(count["named"][:NAMED]) + more
    return "nobody who has accepted the terms" if count["accepting"] else "nobody"


@command.command()
@click.argument("caller")
@click.argument("release")
@click.argument("component")
@click.option("--at", "instant", type=named, help=AT)
@with_json
def explain(caller: str, release: str, component: str, instant: str | None) -> None:
    """Say whether CALLER could use COMPONENT of RELEASE, by what, until when, and what else it would take.

    CALLER is an organisation, the public id of a key, or `me`, also with a token; COMPONENT such as inference.text.
    """
    path = release_path(release).replace("/releases/", "/access/", 1)
    told = ask("GET", f"{path}/explain", query={"of": caller, "component": component, "at": instant})
    if wants_json():
        return show_json(told)
    show_facts(_facts(told))
    _show_ways(told)
    return None


def _facts(told: Any) -> list[tuple[str, Any]]:
    who = told["organisation"] + (f", key {told['key']}" if told["key"] else "")
    facts = [
        ("caller", f"{who} ({', '.join(told['roles'])})"),
        ("use", f"{told['component']} of {told['release']}"),
        ("at", f"{to_the_second(told['at'])} ({_TENSES[told['tense']]})"),
        ("answer", _answer(told)),
        ("until", "no date changes it" if told["holds_until"] is None else ago(told["holds_until"])),
        ("stage", _stage(told["stage"], "none is open")),
    ]
    if told["coming"]:
        facts.append(("opens next", _stage(told["coming"], "")))
    facts += [(f"audience {each['name']}", each["truth"]) for each in told["audiences"]]
    facts += [(f"fact {each['name']}", _fact(each)) for each in told["facts"]]
    facts.append(("grant", _grant(told)))
    facts += [(f"terms {each['digest'][7:19]}", "accepted" if each["accepted"] else "not accepted")
              for each in told["terms"]]  # fmt: skip
    facts += [(each["verb"].replace("_", " "), _narrowing(each)) for each in told["narrowings"]]
    facts.append(("strategy", told["strategy"] or "no version was in force"))
    facts.append(("policies", told["policy"] or "not asked"))
    return facts


_TENSES = {"past": "by what was recorded then", "now": "now", "future": "to come, by what is recorded now"}


def _answer(told: Any) -> str:
    if told["admitted"]:
        return "admitted"
    return f"not admitted: {', '.join(told['reasons'])}" + (f" ({told['ended']})" if told["ended"] else "")


def _stage(stage: Any, absent: str) -> str:
    if stage is None:
        return absent
    opens = to_the_second(stage["opens_at"]) if stage["opens_at"] else "when its requirements are met"
    begins = f"from {opens}" if stage["opens_at"] else f"not before {to_the_second(stage['not_before'])}, {opens}"
    return f"{stage['name']} ({stage['access']}), {begins}, offers {cell(stage['offers'])}"


def _fact(fact: Any) -> str:
    until = f", until {to_the_second(fact['expires_at'])}" if fact["expires_at"] else ""
    asked = f" ({fact['assurance_asked']} is asked)" if fact["assurance_asked"] > fact["assurance"] else ""
    return f"{cell(fact['value'])}, by {fact['issuer']} with assurance {fact['assurance']}{asked}{until}"


def _grant(told: Any) -> str:
    grant = told["grant"]
    if grant is None:
        return str(told["grant_state"])
    state = "active" if told["grant_state"] == "active" else "to come"
    return (
        f"{state}: {grant['id']} by {grant['authority']},"
        f" from {to_the_second(grant['starts_at'])} until {to_the_second(grant['ends_at'] or 'its revocation')}"
    )


def _narrowing(each: Any) -> str:
    restored = f", restored: {each['restored']}" if each["restored"] != "no" else ""
    return f"{each['id']} for {each['scope'] or 'everybody'}: in it {each['touches']}{restored}"


def _show_ways(told: Any) -> None:
    if told["admitted"] or not told["reasons"]:
        return
    click.echo()
    if not told["ways"]:
        click.echo("No change of up to three facts was found that admits this use.")
        return
    click.echo("It would be admitted, if:")
    for way in told["ways"]:
        for number, step in enumerate(way):
            show_line(f"{'-' if number == 0 else 'and'} {printable(step['says'])}", indent=2)
            for missing in step["missing"]:
                show_line(f"missing: {printable(missing)}", indent=6)
    if not told["all_ways"]:
        click.echo("There may be other ways.")
