"""Tables of what a preset must answer, and the replay of them through what decides in production.

A table is a text: a line of callers, then lines of an instant, a component and what each caller is answered.
`<2023-07-06` is the last microsecond before that day. A caller is a role, and after each `+` what it holds:
`grant`, `lapsed` (a grant that was revoked), `terms` (every text), `terms:NAME`, `concurrence` (of every authority that
a stage asks), `ended_concurrence` (the same, withdrawn), or an attribute as `name=value`.
An answer is `admitted`, `hidden`, or the first reason of a refusal.
"""

from pathlib import Path
from typing import NamedTuple

from gateway.access.concurrences.records import OwnConcurrence
from gateway.access.grants import Holdings
from gateway.access.judging import Judging
from gateway.access.standing import Use, gather
from gateway.clock import Instant, at, text_from
from gateway.identity.callers import Caller, Role
from gateway.releases.components import Component
from gateway.releases.strategies import Strategy
from tests.builders import a_caller, a_concurrence, a_grant, an_acceptance, an_assertion, in_force
from tests.releases.builders import an_instant

TABLES = Path(__file__).with_name("presets")
LONG_AGO: Instant = 0


class Row(NamedTuple):
    """One question of a table, and the answer that history gave."""

    instant: Instant
    caller: str
    component: Component
    expected: str


class Answered(NamedTuple):
    """A row, and what the gateway answers."""

    row: Row
    got: str


def table(name: str) -> list[Row]:
    """The table of one preset, a row for each cell."""
    lines = [line.split() for line in (TABLES / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    (instant, component, *callers), *rows = lines
    assert (instant, component) == ("instant", "component")
    return [
        Row(instant_of(when), caller, Component(asked), expected)
        for when, asked, *answers in rows
        for caller, expected in zip(callers, answers, strict=True)
    ]


def instant_of(text: str) -> Instant:
    """A day's first instant or an instant; with `<` before it, the last microsecond before."""
    written = text.removeprefix("<")
    return an_instant(written if "T" in written else f"{written}T00:00:00Z") - text.startswith("<")


async def replay(strategy: Strategy, rows: list[Row], judging: Judging) -> list[Answered]:
    """Every row, gathered and judged at its instant."""
    return [Answered(row, await _answer(strategy, row, judging)) for row in rows]


def differences(answered: list[Answered]) -> str:
    """Nothing, or the whole table with what differs marked."""
    if all(got == row.expected for row, got in answered):
        return ""
    lines = [("", "instant", "caller", "component", "expected", "got")]
    lines += [
        ("≠" if got != row.expected else " ", text_from(row.instant), row.caller, row.component, row.expected, got)
        for row, got in answered
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    shown = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n" + "\n".join(shown)


async def _answer(strategy: Strategy, row: Row, judging: Judging) -> str:
    role, *held = row.caller.split("+")
    organisation = "acme"
    grants = [a_grant(release=strategy.release, starts_at=LONG_AGO)] if "grant" in held else []
    if "lapsed" in held:
        grants.append(
            a_grant(release=strategy.release, starts_at=LONG_AGO, revoked_at=LONG_AGO, revoked_cause="breach")
        )
    accepted = [
        an_acceptance(release=strategy.release, name=name, digest=digest, organisation=organisation)
        for name, digest in strategy.terms.items()
        if "terms" in held or f"terms:{name}" in held
    ]
    holds = Holdings.of(organisation, grants, accepted, _concurrences(strategy, held))
    use = Use(_caller(role, held), row.component, in_force(strategy), holds)
    question = gather(use, at(row.instant)).question
    decision = await judging.decide(question, question.hash())
    if decision.allow:
        return "admitted"
    return decision.reasons[0].value if decision.visible else "hidden"


def _concurrences(strategy: Strategy, held: list[str]) -> list[OwnConcurrence]:
    withdrawn = {"concurrence": None, "ended_concurrence": LONG_AGO}
    authorities = {stage.conditions.concurrence for stage in strategy.stages} - {""}
    return [
        a_concurrence(release=strategy.release, authority=authority, withdrawn_at=withdrawn[each])
        for authority in sorted(authorities)
        for each in held
        if each in withdrawn
    ]


def _caller(role: str, held: list[str]) -> Caller:
    asserted = [each.split("=") for each in held if "=" in each]
    return a_caller(
        roles=(Role(role),),
        attributes=tuple(an_assertion(name, _fact(value), asserted_at=LONG_AGO) for name, value in asserted),
    )


def _fact(text: str) -> str | int | bool:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text
