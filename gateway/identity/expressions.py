"""Predicates as people write them: `not us_person and (residence_country in [CN, RU] or kyc < K3)`.

`not` binds closest, then `and`, then `or`. An attribute by itself means `= true`, `grant` by itself
that a grant is held. `kyc@2` is `kyc` where it was established at least so surely (identity/predicates.py).
What is written differs from an audience in a release file in form only.

NOTE: narrowings are kept as text. The grammar may grow; what can be read today must mean the same for ever.
"""

import json
import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import msgspec

from gateway.errors import Invalid
from gateway.identity.callers import Role
from gateway.identity.facts import Form, fault_of, fault_of_name, form_of, read_sought
from gateway.identity.organisations import is_id
from gateway.identity.predicates import ORDERED, Among, Every, Fact, Not, Predicate, Some, Test

LENGTH_MAX = 1_000
DEPTH_MAX = 20
"""Of parentheses and `not`."""

_TOKEN = re.compile(r'\s*(?:(>=|<=|!=|[=<>()\[\],])|("(?:[^"\\]|\\.)*")|([A-Za-z0-9_.:/@+-]+))')
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,63}")
WHOLE = re.compile(r"-?[0-9]{1,15}")
_WRITTEN = frozenset({Form.NUMBER, Form.TRUTH, Form.OWN})
"""Forms of which how a value is written decides whether it is a text."""
WORDS = ("and", "in", "not", "or")
_KNOWN = ("component", "grant", "organisation", "role")
"""What is never unknown, and asserted by nobody."""


class _Token(NamedTuple):
    text: str
    """What it says: of a quoted text, without the quotes."""
    kind: str
    """mark, text or word; empty at the end."""
    place: int


def read_predicate(text: str, *, kept: bool = False) -> Predicate:
    """The predicate that a text says. Raises Invalid with the place of the first mistake and what to write.

    `kept`: it was taken before, when a value could be written that none can have any more. The test that compares with
    it is unknown then, as everywhere.
    """
    if len(text) > LENGTH_MAX:
        raise Invalid(f"A scope is at most {LENGTH_MAX} characters long.", param="scope")
    reader = _Reader(text, kept)
    predicate = reader.some(0)
    reader.end()
    return predicate


def read_value(name: str, text: str, *, bare: bool, kept: bool = False) -> Fact:
    """An operand as what its attribute can be; where that leaves it open, as it is written.

    Raises ValueError that says what is wrong with it, as a sentence that goes on from it; not for what was `kept`.
    """
    value: Fact = text
    if bare and form_of(name) in _WRITTEN:
        value = text == "true" if text in ("true", "false") else int(text) if WHOLE.fullmatch(text) else text
    if not kept and (fault := fault_of(name, value)):
        raise ValueError(fault)
    return value


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, kept: bool) -> None:
        self._text = text
        self._kept = kept
        self._place = 0
        self._next = self._token()

    def some(self, depth: int) -> Predicate:
        parts = [self._every(depth)]
        while self._take("word", "or"):
            parts.append(self._every(depth))
        return Some(tuple(parts)) if parts[1:] else parts[0]

    def end(self) -> None:
        if self._next.kind:
            self._fail("`and`, `or` or the end must stand here")

    def _every(self, depth: int) -> Predicate:
        parts = [self._term(depth)]
        while self._take("word", "and"):
            parts.append(self._term(depth))
        return Every(tuple(parts)) if parts[1:] else parts[0]

    def _term(self, depth: int) -> Predicate:
        if depth > DEPTH_MAX:
            self._fail(f"it is nested more than {DEPTH_MAX} deep")
        if self._take("word", "not"):
            return Not(self._term(depth + 1))
        if self._take("mark", "("):
            inner = self.some(depth + 1)
            if not self._take("mark", ")"):
                self._fail("a `)` is missing here")
            return inner
        name, assurance = self._sought()
        self._advance()
        test = self._test(name)
        return msgspec.structs.replace(test, assurance=assurance) if isinstance(test, Test) else test

    def _test(self, name: _Token) -> Predicate:
        for op in ("=", "!=", *ORDERED):
            if self._take("mark", op):
                return self._compared(name, op, (self._value(name.text),))
        if self._take("word", "in"):
            return self._compared(name, "in", self._values(name.text))
        if self._take("word", "not"):
            if not self._take("word", "in"):
                self._fail("`in` must stand here, as in `not in [CN, RU]`")
            return self._compared(name, "not_in", self._values(name.text))
        bare: Fact = "required" if name.text == "grant" else True
        if name.text not in _KNOWN and fault_of(name.text, bare):
            self._fail("it is not true or false: compare it, as in `kyc >= K3`", name.place)
        return self._compared(name, "=", (bare,))

    def _sought(self) -> tuple[_Token, int]:
        """What is asked for, and the least assurance of it."""
        token = self._next
        text = token.text.partition("@")[0]
        if token.kind != "word" or text in WORDS or not _ATTRIBUTE.fullmatch(text):
            self._fail("an attribute, `organisation`, `component`, `role` or `grant` must stand here")
        try:
            text, assurance = read_sought(token.text)
        except ValueError as error:
            self._fail(f"this {error}")
        if text in _KNOWN and assurance:
            self._fail(f"`{text}` is always known, at no assurance: write it without `@{assurance}`")
        if text not in _KNOWN and (fault := fault_of_name(text, *_KNOWN)):
            self._fail(f"this {fault}")
        return token._replace(text=text), assurance

    def _compared(self, name: _Token, op: str, values: tuple[Fact, ...]) -> Predicate:
        refuse: Callable[[str], NoReturn] = lambda what: self._fail(what, name.place)  # noqa: E731
        if name.text in ("organisation", "component", "role"):
            return _always_known(name.text, op, values, refuse)
        if name.text == "grant":
            if (op, values) != ("=", ("required",)):
                refuse("write `grant` or `not grant`")
            return Test(attribute="grant", op="=", value="required")
        if op in ORDERED and name.text != "kyc" and (isinstance(values[0], bool) or not isinstance(values[0], int)):
            refuse("only whole numbers and `kyc` have an order")
        if op in ("in", "not_in"):
            if not all(isinstance(value, str) for value in values):
                refuse("a list may only hold texts: compare a number or true and false by itself")
            if values[1:]:
                return Test(attribute=name.text, op=op, value=tuple(sorted({str(value) for value in values})))
            op = "=" if op == "in" else "!="
        return Test(attribute=name.text, op=op, value=values[0])

    def _values(self, name: str) -> tuple[Fact, ...]:
        if not self._take("mark", "["):
            self._fail("a list must stand here, as in `in [CN, RU]`")
        values = [self._value(name)]
        while self._take("mark", ","):
            values.append(self._value(name))
        if not self._take("mark", "]"):
            self._fail("a `]` or `,` is missing here")
        return tuple(dict.fromkeys(values))

    def _value(self, name: str) -> Fact:
        token = self._next
        if token.kind not in ("word", "text"):
            self._fail("a value must stand here")
        bare = token.kind == "word"
        if bare and "@" in token.text:
            self._fail(f'write an assurance behind what is asked for, as in `{name}@2`, and a text with `@` as "…"')
        try:
            value = token.text if name in _KNOWN else read_value(name, token.text, bare=bare, kept=self._kept)
        except ValueError as error:
            self._fail(f"`{token.text[:40]}` {error}")
        self._advance()
        return value

    def _take(self, kind: str, text: str) -> bool:
        if (self._next.kind, self._next.text) != (kind, text):
            return False
        self._advance()
        return True

    def _advance(self) -> None:
        self._next = self._token()

    def _token(self) -> _Token:
        found = _TOKEN.match(self._text, self._place)
        if found is None:
            start = len(self._text) - len(self._text[self._place :].lstrip())
            if start < len(self._text):
                self._fail('this cannot be read: write texts with other characters as "…"', start)
            return _Token("", "", start)
        self._place = found.end()
        mark, quoted, word = found.groups()
        if quoted is not None:
            return _Token(self._quoted(quoted, found.start(2)), "text", found.start(2))
        return _Token(mark, "mark", found.start(1)) if mark is not None else _Token(word, "word", found.start(3))

    def _quoted(self, quoted: str, place: int) -> str:
        try:
            text = str(json.loads(quoted))
        except ValueError:
            self._fail("this text is not written as JSON writes texts", place)
        if not (self._kept or text.isprintable()):
            self._fail("no fact has a text with characters that cannot be printed", place)
        return text

    def _fail(self, what: str, place: int | None = None) -> NoReturn:
        at = (self._next.place if place is None else place) + 1
        raise Invalid(
            f"The scope cannot be understood at character {at}: {what}.",
            param="scope",
            next_step="Write it as in `not us_person`, `organisation = acme`, `citizenships in [CN, RU] and kyc < K3`.",
        )


def _always_known(name: str, op: str, values: tuple[Fact, ...], refuse: Callable[[str], NoReturn]) -> Predicate:
    """Organisation, component and role: what is always known, so that the opposite is `not`."""
    names = tuple(sorted({str(value) for value in values}))
    if op in ORDERED or True in values:
        refuse(f"write `{name} = …` or `{name} in […]`")
    if name == "role" and not set(names) <= set(Role):
        refuse(f"there are these roles only: {', '.join(Role)}")
    if name == "organisation" and not all(map(is_id, names)):
        refuse("an organisation is named by its id, such as `acme`")
    found: Predicate = Among(name, names)
    if name == "role":
        found = (
            Test(attribute="role", op="in", value=names)
            if names[1:]
            else Test(attribute="role", op="=", value=names[0])
        )
    return Not(found) if op in ("!=", "not_in") else found
