"""Filters as SCIM writes them: `userName eq "ada" and not (active eq false)`, `members[value eq "person_…"]`.

RFC 7644, section 3.4.2.2. `not` binds closest, then `and`, then `or`; operators and names of attributes have no case.
Values are JSON's.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from gateway.errors import Invalid
from gateway.identity.provisioning.conditions import Comparison, Condition, Every, Not, Some, Value, Within

LENGTH_MAX = 2_000
DEPTH_MAX = 10
"""Of brackets and `not`."""
PARTS_MAX = 64
"""Comparisons in one filter."""

OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[()\[\]])"
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:$-]))"
    r"|(?P<word>[A-Za-z$][A-Za-z0-9_$.:-]*))"
)
_SCHEMA = re.compile(r"urn:[A-Za-z0-9_.:-]+:", re.IGNORECASE)


class _Token(NamedTuple):
    kind: str
    """mark, text, number or word; empty at the end."""
    text: str


def read_filter(text: str) -> Condition:
    """The condition that a filter says. Raises Invalid (`invalidFilter`)."""
    reader = _Reader(text)
    condition = reader.some(0)
    reader.end()
    return condition


def without_schema(path: str) -> str:
    """A path without the schema that may stand before it: `urn:…:User:userName` is `userName`."""
    return _SCHEMA.sub("", path, count=1)


def invalid_filter(message: str) -> Invalid:
    """What whoever sent a filter is told of it."""
    return Invalid(message, code="invalidFilter")


class _Reader:
    """Goes through a filter once, from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LENGTH_MAX:
            raise invalid_filter(f"A filter is at most {LENGTH_MAX} characters long.")
        self._tokens = _tokens(text)
        self._at = 0
        self._comparisons = 0

    def some(self, depth: int) -> Condition:
        parts = self._joined("or", lambda: self._joined("and", lambda: [self._one(depth)], Every), Some)
        return parts[0]

    def end(self) -> None:
        if self._next.kind:
            raise invalid_filter("The filter goes on after its end: join its parts by `and` or `or`.")

    def _joined(
        self, word: str, part: Callable[[], list[Condition]], whole: type[Every] | type[Some]
    ) -> list[Condition]:
        parts = part()
        while self._next.kind == "word" and self._next.text.lower() == word:
            self._at += 1
            parts += part()
        return parts if len(parts) == 1 else [whole(tuple(parts))]

    def _one(self, depth: int) -> Condition:
        if depth > DEPTH_MAX:
            raise invalid_filter(f"A filter is nested at most {DEPTH_MAX} deep.")
        token = self._take()
        if token == ("mark", "("):
            return self._closed(")", depth)
        if token.kind != "word":
            raise invalid_filter("The name of an attribute is expected in the filter.")
        if token.text.lower() == "not" and self._next == ("mark", "("):
            self._at += 1
            return Not(self._closed(")", depth))
        path = without_schema(token.text).lower()
        if self._next == ("mark", "["):
            self._at += 1
            return Within(path, self._closed("]", depth))
        return self._compared(path)

    def _closed(self, mark: str, depth: int) -> Condition:
        inner = self.some(depth + 1)
        if self._take() != ("mark", mark):
            raise invalid_filter(f"A `{mark}` is missing in the filter.")
        return inner

    def _compared(self, path: str) -> Condition:
        self._comparisons += 1
        if self._comparisons > PARTS_MAX:
            raise invalid_filter(f"A filter has at most {PARTS_MAX} comparisons.")
        operator = self._take()
        named = operator.text.lower()
        if operator.kind == "word" and named == "pr":
            return Comparison(path, "pr")
        if operator.kind != "word" or named not in OPERATORS:
            raise invalid_filter(f"An operator is expected after an attribute: pr, {', '.join(sorted(OPERATORS))}.")
        return Comparison(path, named, _value(self._take()))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        if not token.kind:
            raise invalid_filter("The filter ends too early.")
        self._at += 1
        return token


def _tokens(text: str) -> list[_Token]:
    tokens, place, end = [], 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise invalid_filter("The filter has a character that means nothing in it, or a text without an end.")
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return [*tokens, _Token("", "")]


def _value(token: _Token) -> Value:
    if token.kind == "word":
        named = {"true": True, "false": False, "null": None}
        if token.text.lower() in named:
            return named[token.text.lower()]
    elif token.kind in {"text", "number"}:
        try:
            value = msgspec.json.decode(token.text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            value = None
        if isinstance(value, str) and _is_text(value):
            return value
        if isinstance(value, int | float):
            return value
    raise invalid_filter('A value in a filter is a text in quotes ("…"), a number, true, false or null.')


def _is_text(value: str) -> bool:
    """Whether it can be asked of a database: no surrogates, no NUL."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
