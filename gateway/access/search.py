"""Every organisation asked one scope: how many answer how, and the first of them, in statements that stay short."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Select, Subquery, exists, select

from gateway.access.compiled import grant_states
from gateway.access.store import grant_table
from gateway.clock import Moment
from gateway.identity.compiled import Answer
from gateway.identity.index import join_by_hashing
from gateway.identity.predicates import Predicate
from gateway.identity.search import SPAN, Asked, counted_by_answer, organisations_answering, spans
from gateway.identity.store import organisation_table

NAMED = 5
"""Organisations named of each answer."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How the organisations that are not disabled answer to a scope."""

    inside: int
    """Surely in it."""
    unknown: int
    """Of whom it is unknown."""
    outside: int
    """Surely not."""
    named: list[str]
    """Ids of the first inside."""
    named_unknown: list[str]
    """Ids of the first of whom it is unknown."""


def reached(
    connection: Connection, scope: Predicate, components: Sequence[str], release: str, moment: Moment
) -> Reached:
    """How every organisation answers, as for a use of one of these components of a release. May take seconds."""
    asked = Asked(tuple(components), _holds_grant(release, moment))
    dialect = connection.dialect.name
    join_by_hashing(connection)
    counts: Counter[bool | None] = Counter()
    named: dict[bool | None, list[str]] = {True: [], None: []}
    for span in spans(connection, SPAN):
        found: Counter[bool | None] = Counter()
        for row in connection.execute(counted_by_answer(scope, asked, moment, dialect, span)):
            found[None if row.answer is None else bool(row.answer)] += row.organisations
        counts += found
        for said in [said for said, ids in named.items() if found[said] and len(ids) < NAMED]:
            answers = organisations_answering(scope, asked, moment, dialect, span).subquery()
            named[said] += connection.execute(_first(answers, said, NAMED - len(named[said]))).scalars()
    return Reached(
        inside=counts[True],
        unknown=counts[None],
        outside=counts[False],
        named=named[True],
        named_unknown=named[None],
    )


def _first(answers: Subquery, said: bool | None, limit: int) -> Select[str]:
    """The first organisations that answer so."""
    says_so = answers.c.answer.is_(None) if said is None else answers.c.answer == said
    return select(answers.c.id).where(says_so).order_by(answers.c.id).limit(limit)


def _holds_grant(release: str, moment: Moment) -> Answer:
    held = grant_table.c
    return exists(
        select(held.id).where(
            held.organisation == organisation_table.c.id,
            held.release == release,
            grant_states(moment)["active"],
        )
    )
