"""Many organisations at once: what is asserted under one name, and what each answers to a predicate.

The second is the meaning of identity/predicates.py once more, in SQL, where NULL is Kleene's unknown and `and`,
`or` and `not` are the same logic. An organisation is asked as one use of it would be: by a role, for a component,
with or without a grant.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    LargeBinary,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    not_,
    null,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects import postgresql

from gateway.clock import Moment
from gateway.identity.attributes import standing
from gateway.identity.callers import Assertion
from gateway.identity.organisations import PROVIDER
from gateway.identity.predicates import (
    KYC_LEVELS,
    ORDERED,
    Among,
    Every,
    Not,
    Predicate,
    Some,
    Test,
    attributes_in,
    kind_of,
    rank_of,
    tests_in,
    wanted,
)
from gateway.identity.store import assertion_table, organisation_table

BATCH = 500
"""Organisations a statement: both databases bound how many values one may name."""

Answer = ColumnElement[bool]
"""True, false, or NULL for unknown."""

UNKNOWN: Answer = cast(null(), Boolean)

_ORDERS: Mapping[str, Callable[..., Answer]] = {"<": lt, "<=": le, ">=": ge, ">": gt}
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(str | int | bool | tuple[str, ...]).decode
_columns = assertion_table.c


def asserted(connection: Connection, name: str, organisations: Sequence[str], moment: Moment) -> dict[str, Assertion]:
    """The assertion of this name that stands, by organisation; absent where none does.

    What was withdrawn after the moment stood then.
    """
    found: dict[str, list[Assertion]] = {}
    for first in range(0, len(organisations), BATCH):
        query = select(_columns.organisation, *(_columns[field] for field in Assertion.__struct_fields__)).where(
            _columns.organisation.in_(organisations[first : first + BATCH]),
            _columns.name == name,
            or_(_columns.withdrawn_at.is_(None), _columns.withdrawn_at > moment.latest),
        )
        for organisation, id_, name_, value, *rest in connection.execute(query):
            found.setdefault(organisation, []).append(Assertion(id_, name_, _decode(value), *rest))
    stood = {organisation: standing(assertions, moment) for organisation, assertions in found.items()}
    return {organisation: by_name[name] for organisation, by_name in stood.items() if name in by_name}


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


def organisations_answering(
    predicate: Predicate, asked: Asked, moment: Moment, dialect: str
) -> Select[tuple[str, bool | None]]:
    """`id` and `answer` of every organisation that is not disabled. `dialect`: sqlite or postgresql."""
    joined: FromClause = organisation_table
    values: dict[str, ColumnElement[bytes]] = {}
    for name in sorted(attributes_in(predicate)):
        strongest = _strongest(name, moment, dialect).subquery()
        values[name] = strongest.c.value
        joined = joined.outerjoin(strongest, strongest.c.organisation == organisation_table.c.id)

    def by(roles: tuple[str, ...]) -> Answer:
        uses = [_Use(component, roles, asked.has_grant, values, dialect) for component in components]
        return or_(false(), *[use.answer(predicate) for use in uses])

    of_what = {test.what if isinstance(test, Among) else test.attribute for test in tests_in(predicate)}
    components = asked.components if "component" in of_what else asked.components[:1]
    answer = by(asked.customers)
    if "role" in of_what:
        answer = case((organisation_table.c.id == PROVIDER, by(asked.own)), else_=answer)
    return (
        select(organisation_table.c.id, answer.label("answer"))
        .select_from(joined)
        .where(organisation_table.c.disabled_at.is_(None))
    )


def _strongest(name: str, moment: Moment, dialect: str) -> Select[tuple[str, bytes]]:
    """`organisation` and `value` of the strongest assertion that surely holds; of equals, the latest."""
    held = _columns
    last = held.id.collate("C") if dialect == "postgresql" else held.id
    place = func.row_number().over(
        partition_by=held.organisation, order_by=(held.assurance.desc(), held.asserted_at.desc(), last.desc())
    )
    ranked = (
        select(held.organisation, held.value, place.label("place"))
        .where(
            held.name == name,
            held.withdrawn_at.is_(None),
            held.asserted_at <= moment.earliest,
            held.expires_at > moment.latest,
        )
        .subquery()
    )
    return select(ranked.c.organisation, ranked.c.value).where(ranked.c.place == 1)


class _Use(msgspec.Struct, frozen=True):
    """One use, and the values that stand for each organisation: JSON as bytes, NULL where nobody asserts it."""

    component: str
    roles: tuple[str, ...]
    has_grant: Answer
    values: Mapping[str, ColumnElement[bytes]]
    dialect: str

    def answer(self, predicate: Predicate) -> Answer:
        match predicate:
            case Not(of):
                return not_(self.answer(of))
            case Every(parts):
                return and_(true(), *[self.answer(part) for part in parts])
            case Some(parts):
                return or_(false(), *[self.answer(part) for part in parts])
            case Among("organisation", names):
                return organisation_table.c.id.in_(names)
            case Among("component", names):
                return _always(self.component in names)
            case Among():
                return UNKNOWN
            case Test(attribute="grant", op="=", value="required"):
                return self.has_grant
            case Test(attribute="grant"):
                return false()
            case Test(attribute="role", op=op):
                return _always(op in ("=", "in") and any(role in wanted(predicate) for role in self.roles))
            case Test(op=op) if op in ORDERED:
                return self._ordered(predicate)
            case Test():
                return self._compared(predicate)

    def _compared(self, test: Test) -> Answer:
        kinds = {kind_of(test.attribute, value) for value in wanted(test)}
        if len(kinds) != 1 or "" in kinds or test.op not in ("=", "in", "!=", "not_in"):
            return UNKNOWN
        matches = self._matches(self.values[test.attribute], test, kinds.pop())
        return matches if test.op in ("=", "in") else not_(matches)

    def _matches(self, value: ColumnElement[bytes], test: Test, kind: str) -> Answer:
        """Whether any value held is wanted; unknown where they cannot be compared."""
        same = value.in_([_encode(each) for each in wanted(test)])
        none_held = (value == _encode(()), false())
        if kind == "bool":
            return case(none_held, (value.in_([b"true", b"false"]), same), else_=UNKNOWN)
        if kind == "int":
            return case(none_held, (_is_whole(value), same), else_=UNKNOWN)
        is_text, is_list = _begins(value) == b'"', _begins(value) == b"["
        if test.attribute == "kyc":
            is_text = value.in_([_encode(level) for level in KYC_LEVELS])
            is_list = case((is_list, self._holds_only(value, KYC_LEVELS)), else_=false())
        texts = [str(each) for each in wanted(test)]
        return case((is_text, same), (is_list, self._holds_any(value, texts)), else_=UNKNOWN)

    def _ordered(self, test: Test) -> Answer:
        rank, value, order = rank_of(test.attribute, test.value), self.values[test.attribute], _ORDERS[test.op]
        if rank is None:
            return UNKNOWN
        if test.attribute == "kyc":
            reached = [_encode(level) for place, level in enumerate(KYC_LEVELS) if order(place, rank)]
            return case((value.in_([_encode(level) for level in KYC_LEVELS]), value.in_(reached)), else_=UNKNOWN)
        return case((_is_whole(value), order(cast(self._text(value), BigInteger), rank)), else_=UNKNOWN)

    def _holds_any(self, value: ColumnElement[bytes], texts: list[str]) -> Answer:
        if self.dialect == "postgresql":
            return type_coerce(cast(self._text(value), postgresql.JSONB).has_any(postgresql.array(texts)), Boolean)
        each = func.json_each(self._text(value)).table_valued("value")
        return exists(select(1).select_from(each).where(each.c.value.in_(texts)))

    def _holds_only(self, value: ColumnElement[bytes], texts: tuple[str, ...]) -> Answer:
        if self.dialect == "postgresql":
            return type_coerce(cast(self._text(value), postgresql.JSONB).contained_by(list(texts)), Boolean)
        each = func.json_each(self._text(value)).table_valued("value")
        return not_(exists(select(1).select_from(each).where(each.c.value.not_in(texts))))

    def _text(self, value: ColumnElement[bytes]) -> ColumnElement[str]:
        return func.convert_from(value, "UTF8") if self.dialect == "postgresql" else cast(value, Text)


def _begins(value: ColumnElement[bytes]) -> ColumnElement[bytes]:
    return func.substr(value, 1, 1, type_=LargeBinary)


def _is_whole(value: ColumnElement[bytes]) -> Answer:
    return or_(_begins(value) == b"-", _begins(value).between(b"0", b"9"))


def _always(holds: bool) -> Answer:
    return true() if holds else false()
