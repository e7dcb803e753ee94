"""Many organisations at once: what is asserted under one name, and what each answers to a predicate.

An organisation is asked as one use of it would be: by a role, for a component, with or without a grant.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    true,
)

from gateway.clock import Moment
from gateway.identity.compiled import Answer, Compiled
from gateway.identity.index import strongest, with_facts
from gateway.identity.organisations import PROVIDER
from gateway.identity.predicates import (
    Among,
    Predicate,
    Sought,
    attributes_in,
    tests_in,
)
from gateway.identity.store import assertion_table, organisation_table
from gateway.spelling import meant

_decode = msgspec.json.Decoder(str | int | bool | tuple[str, ...]).decode
SPAN = 25_000
"""Organisations a statement: however many there are, none comes near to how long a statement may take."""
_TRUE = b"true"
"""As a value that is true is stored."""
ALIKE = 1_000
"""Ids looked through for the one that was meant: help, which must not cost more than the answer."""

_columns = assertion_table.c


def fault_of_names(connection: Connection, names: Sequence[str]) -> str:
    """Which of these ids no organisation has, and which was probably meant; empty where all are known."""
    ids = select(organisation_table.c.id)
    known = set(connection.execute(ids.where(organisation_table.c.id.in_(names))).scalars())
    missing = next((name for name in names if name not in known), None)
    if missing is None:
        return ""
    alike = ids.where(organisation_table.c.id.startswith(missing[:1], autoescape=True)).limit(ALIKE)
    near = {*connection.execute(alike).scalars(), *connection.execute(ids.limit(ALIKE)).scalars()}
    return f"There is no organisation `{missing}`.{meant(missing, near)}"


class Asked(msgspec.Struct, frozen=True):
    """As what use an organisation is asked, beside what is asserted of it."""

    components: tuple[str, ...]
    """It answers yes where it does for any of them, and no where it does for all."""
    has_grant: Answer
    """Over the columns of `organisation_table`."""
    customers: tuple[str, ...] = ("developer",)
    """Roles of a customer's caller."""
    own: tuple[str, ...] = ("staff",)
    """Roles of a caller of the provider's own organisation."""


class Span(NamedTuple):
    """Organisations after one id and up to another, in the database's own order."""

    after: str
    upto: str


def spans(connection: Connection, size: int) -> Iterator[Span]:
    """All organisations in spans of so many, so that no statement over them takes long, however many there are."""
    after = ""
    ids = select(organisation_table.c.id).order_by(organisation_table.c.id)
    while True:
        ahead = ids.where(organisation_table.c.id > after) if after else ids
        last = connection.execute(ahead.offset(size - 1).limit(1)).scalar_one_or_none()
        if last is None:
            last = connection.execute(select(func.max(organisation_table.c.id))).scalar_one()
        if last is None or last == after:
            return
        yield Span(after, last)
        after = last


def holding(connection: Connection, name: str, moment: Moment, limit: int) -> tuple[int, list[str]]:
    """Of how many organisations this fact stands as true, and the first of them in order of id."""
    count, first = 0, list[str]()
    for span in spans(connection, SPAN):
        held = strongest(name, moment, connection.dialect.name, _in(span, _columns.organisation)).subquery()
        true = select(held.c.organisation).where(held.c.value == _TRUE).subquery()
        count += connection.execute(select(func.count()).select_from(true)).scalar_one()
        if count > len(first) < limit:
            named = select(true.c.organisation).order_by(true.c.organisation).limit(limit - len(first))
            first += connection.execute(named).scalars()
    return count, first


def organisations_answering(
    predicate: Predicate, asked: Asked, moment: Moment, dialect: str, span: Span | None = None
) -> Select[str, bool | None]:
    """`id` and `answer` of every organisation that is not disabled. `dialect`: sqlite or postgresql."""
    facts = _facts(predicate, asked, moment, dialect, span).subquery()
    return select(facts.c.id, _answer(predicate, asked, facts, dialect).label("answer"))


def counted_by_answer(
    predicate: Predicate, asked: Asked, moment: Moment, dialect: str, span: Span | None = None
) -> Select[bool | None, int]:
    """`answer`, and how many of those organisations give it: worked out once for all of which the same is so."""
    facts = _facts(predicate, asked, moment, dialect, span).subquery()
    alike = [column for column in facts.c if column.name != "id"]
    kinds = select(*alike, func.count().label("organisations")).select_from(facts).group_by(*alike).subquery()
    answer = _answer(predicate, asked, kinds, dialect).label("answer")
    answers = select(answer, kinds.c.organisations).subquery()
    counted = cast(func.sum(answers.c.organisations), BigInteger).label("organisations")
    return select(answers.c.answer, counted).group_by(answers.c.answer)


def _facts(predicate: Predicate, asked: Asked, moment: Moment, dialect: str, span: Span | None) -> Select[Any]:
    """The `id` of every organisation that is not disabled, and all that a predicate asks of it."""
    joined, held = with_facts(_sought(predicate), moment, dialect, _in(span, _columns.organisation))
    own = organisation_table.c.id
    columns: list[ColumnElement[Any]] = [value.label(f"held_{place}") for place, value in enumerate(held.values())]
    what = _what(predicate)
    if "organisation" in what:
        among = [test for test in tests_in(predicate) if isinstance(test, Among) and test.what == "organisation"]
        names = [name for test in among for name in test.names]
        columns.append(case((own.in_(names), own), else_="").label("itself"))
    if "grant" in what:
        columns.append(asked.has_grant.label("has_grant"))
    if "role" in what:
        columns.append((own == PROVIDER).label("is_provider"))
    query = select(own, *columns).select_from(joined)
    return query.where(organisation_table.c.disabled_at.is_(None), _in(span, own))


def _answer(predicate: Predicate, asked: Asked, facts: Subquery, dialect: str) -> Answer:
    """What organisations answer of which this is so: rows of `_facts`, one by one or together."""
    what, held = _what(predicate), {each: facts.c[f"held_{place}"] for place, each in enumerate(_sought(predicate))}
    itself = facts.c.itself if "organisation" in what else cast(null(), String)
    has_grant = facts.c.has_grant if "grant" in what else false()
    components = asked.components if "component" in what else asked.components[:1]

    def by(roles: tuple[str, ...]) -> Answer:
        uses = [Compiled(component, roles, itself, has_grant, held, dialect) for component in components]
        return or_(false(), *[use.answer(predicate) for use in uses])

    answer = by(asked.customers)
    return case((facts.c.is_provider, by(asked.own)), else_=answer) if "role" in what else answer


def _sought(predicate: Predicate) -> list[Sought]:
    return sorted(attributes_in(predicate))


def _what(predicate: Predicate) -> set[str]:
    """Everything that a predicate asks about, facts and others."""
    return {test.what if isinstance(test, Among) else test.attribute for test in tests_in(predicate)}


def _in(span: Span | None, organisation: ColumnElement[str]) -> ColumnElement[bool]:
    if span is None:
        return true()
    return and_(organisation <= span.upto, organisation > span.after) if span.after else organisation <= span.upto
