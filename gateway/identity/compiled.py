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
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects import postgresql

from gateway.identity.countries import COUNTRIES
from gateway.identity.facts import KYC_LEVELS, Form, form_of
from gateway.identity.predicates import (
    ORDERED,
    Among,
    Every,
    Not,
    Predicate,
    Some,
    Sought,
    Test,
    kind_of,
    rank_of,
    wanted,
)

Answer = ColumnElement[bool]
"""True, false, or NULL for unknown."""

UNKNOWN: Answer = cast(null(), Boolean)

_ORDERS: Mapping[str, Callable[..., Answer]] = {"<": lt, "<=": le, ">=": ge, ">": gt}
_ANY_COUNTRY = any_(literal_column(f"'{{{','.join(COUNTRIES)}}}'::text[]"))
"""For PostgreSQL, which looks up a constant by hashing: asked of a million organisations, a pattern takes seconds."""
_A_WORD = r"^[a-z0-9]+([-_.+][a-z0-9]+)*\+?$"
_encode = msgspec.json.encode


class Compiled(msgspec.Struct, frozen=True):
    """One use, and the values that stand for each organisation: JSON as bytes, NULL where none is so sure."""

    component: str
    roles: tuple[str, ...]
    organisation: ColumnElement[str]
    has_grant: Answer
    values: Mapping[Sought, ColumnElement[bytes]]
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
                return self.organisation.in_(names)
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
        matches = self._matches(self.values[test.sought], test, kinds.pop())
        return matches if test.op in ("=", "in") else not_(matches)

    def _matches(self, value: ColumnElement[bytes], test: Test, kind: str) -> Answer:
        """Whether any value held is wanted; unknown where they cannot be compared."""
        same = value.in_([_encode(each) for each in wanted(test)])
        none_held = (value == _encode(()), false())
        if kind == "bool":
            return case(none_held, (value.in_([b"true", b"false"]), same), else_=UNKNOWN)
        if kind == "int":
            return case(none_held, (_is_whole(value), same), else_=UNKNOWN)
        form = form_of(test.attribute)
        # Nobody holds a text with a NUL, and PostgreSQL takes none: a file or an older scope may ask for one.
        texts = [str(each) for each in wanted(test) if "\0" not in str(each)]
        is_text, is_list = _begins(value) == b'"', _begins(value) == b"["
        encoded = self._text(value)
        fits = self._fits(func.substr(encoded, 2, func.length(encoded) - 2), form)
        return case(
            (is_text, case((fits, same), else_=UNKNOWN)),
            (is_list, case((self._all_fit(value, form), self._holds_any(value, texts)), else_=UNKNOWN)),
            else_=UNKNOWN,
        )

    def _fits(self, text: ColumnElement[str], form: Form) -> Answer:
        """Whether a text is one that an attribute of this form can have, as identity/facts.py has it."""
        if form is Form.LEVEL:
            return text.in_(KYC_LEVELS)
        if form not in (Form.COUNTRY, Form.WORD):
            return true()
        if self.dialect == "postgresql":
            return text == _ANY_COUNTRY if form is Form.COUNTRY else text.collate("C").regexp_match(_A_WORD)
        if form is Form.COUNTRY:
            # One value to bind, where a list of them would bind hundreds for each test of a scope.
            return and_(_like(text, "[A-Z][A-Z]"), func.instr(" ".join(COUNTRIES), text) > 0)
        # Its letters only, one first, never two joiners in a row, and at the end a letter or `+`.
        return and_(
            not_(_like(text, "*[^-a-z0-9_.+]*")),
            _like(text, "[a-z0-9]*"),
            not_(_like(text, "*[-_.+][-_.+]*")),
            _like(text, "*[a-z0-9+]"),
        )

    def _all_fit(self, value: ColumnElement[bytes], form: Form) -> Answer:
        if self.dialect == "postgresql":
            document = cast(self._text(value), postgresql.JSONB)
            each = func.jsonb_array_elements_text(document).table_valued("value")
        else:
            each = func.json_each(self._text(value)).table_valued("value")
        return not_(exists(select(1).select_from(each).where(not_(self._fits(each.c.value, form)))))

    def _ordered(self, test: Test) -> Answer:
        rank, value, order = rank_of(test.attribute, test.value), self.values[test.sought], _ORDERS[test.op]
        if rank is None:
            return UNKNOWN
        if test.attribute == "kyc":
            reached = [_encode(level) for place, level in enumerate(KYC_LEVELS) if order(place, rank)]
            return case((value.in_([_encode(level) for level in KYC_LEVELS]), value.in_(reached)), else_=UNKNOWN)
        return case((_is_whole(value), order(cast(self._text(value), BigInteger), rank)), else_=UNKNOWN)

    def _holds_any(self, value: ColumnElement[bytes], texts: list[str]) -> Answer:
        if not texts:
            return false()
        if self.dialect == "postgresql":
            return type_coerce(cast(self._text(value), postgresql.JSONB).has_any(postgresql.array(texts)), Boolean)
        each = func.json_each(self._text(value)).table_valued("value")
        return exists(select(1).select_from(each).where(each.c.value.in_(texts)))

    def _text(self, value: ColumnElement[bytes]) -> ColumnElement[str]:
        return func.convert_from(value, "UTF8") if self.dialect == "postgresql" else cast(value, Text)


def _begins(value: ColumnElement[bytes]) -> ColumnElement[bytes]:
    return func.substr(value, 1, 1, type_=LargeBinary)


def _like(text: ColumnElement[str], pattern: str) -> Answer:
    return text.op("GLOB", return_type=Boolean())(pattern)


def _is_whole(value: ColumnElement[bytes]) -> Answer:
    return or_(_begins(value) == b"-", _begins(value).between(b"0", b"9"))


def _always(holds: bool) -> Answer:
    return true() if holds else false()
