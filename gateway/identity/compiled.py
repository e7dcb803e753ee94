"""A predicate compiled to SQL: the meaning of identity/predicates.py a second time.

SQL's NULL is Kleene's unknown, and its `and`, `or` and `not` are the same logic.
"""

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    LargeBinary,
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

from gateway.identity.predicates import (
    KYC_LEVELS,
    ORDERED,
    Among,
    Every,
    Not,
    Predicate,
    Some,
    Test,
    kind_of,
    rank_of,
    wanted,
)
from gateway.identity.store import organisation_table

Answer = ColumnElement[bool]
"""True, false, or NULL for unknown."""

UNKNOWN: Answer = cast(null(), Boolean)

_ORDERS: Mapping[str, Callable[..., Answer]] = {"<": lt, "<=": le, ">=": ge, ">": gt}
_encode = msgspec.json.encode


class Compiled(msgspec.Struct, frozen=True):
    """One use, and the values that stand for each organisation: JSON as bytes, NULL where nobody asserts it."""

    component: str
    roles: tuple[str, ...]
    has_grant: Answer
    values: Mapping[str, ColumnElement[bytes]]
    dialect: str

    def answer(self, predicate: Predicate) -> Answer:
        """What a predicate answers of it."""
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
