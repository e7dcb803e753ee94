"""What is wrong with a request, in words: the framework speaks of types and regular expressions.

Every pattern and every list of words of this door has its sentence here; a test walks the schema and
finds what has none.
"""

import ast
import re
from collections.abc import Iterable, Mapping

from gateway.access.reasons import Reason
from gateway.control.wire import PATTERNS, Order
from gateway.identity.callers import Role
from gateway.ledger.events import Event
from gateway.releases.components import Component
from gateway.releases.narrowings import OnUnknown, Verb
from gateway.releases.reviews.review import Verdict
from gateway.spelling import nearest

CHOICES: Mapping[str, Iterable[str]] = {
    "component": Component,
    "event": Event,
    "on_unknown": OnUnknown,
    "only": ("planned", "approved", "applied", "rejected"),
    "order": Order,
    "reason": Reason,
    "role": (Role.PROVIDER, Role.APPROVER, Role.ANALYST),
    "roles": Role,
    "verb": Verb,
    "verdict": Verdict,
}
"""The words there are, by the parameter or field that takes one."""

_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a date with time and time zone, such as 2026-03-01T00:00:00Z",
}
_PATTERN = re.compile(r"Expected `str` matching regex (.+)", re.DOTALL)
_CHOICE = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)")
_BOUND = re.compile(r"Expected `int` (>=|<=) (-?\d+)")
_KIND = re.compile(r"Expected `([a-z |]+)`, got `(\w+)`")
_ALTERNATIVES = re.compile(r"\^\(\?:([a-z0-9|-]+)\)\$\(\?!\\n\)")
"""A pattern that is nothing but the words there are."""
_PLACE = re.compile(r" - at `[^`]*`$")
"""Where it is inside the part that the framework names already."""
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_DATES = ("Expected `datetime` with a timezone component", "Invalid RFC3339 encoded datetime")
_MANY = {"str": "characters", "array": "items", "object": "entries"}


def told(key: str, message: str) -> tuple[str, str, str]:
    """The sentence for one fault, the part of the request it is about, and a next step where there is a better one."""
    message = _PLACE.sub("", message)
    if form := _MISSING.fullmatch(message):
        return f"`{form[1]}` is missing", form[1], ""
    if form := _UNKNOWN.fullmatch(message):
        return f"there is no field `{form[1]}` here", form[1], ""
    if form := _CHOICE.fullmatch(message):
        return _chosen(key, form[1])
    return f"{_named(key)} {_must(message)}", key, ""


def _named(key: str) -> str:
    return "the body" if key == "data" else f"`{key}`" if key else "the request"


def _chosen(key: str, word: str) -> tuple[str, str, str]:
    choices = CHOICES.get(key.partition("[")[0])
    if choices is None:
        return f"`{key}` cannot be `{word}`", key, ""
    known = sorted(choices)
    near = nearest(word, known)
    next_step = near.strip() if "Did you mean" in near else ""
    return f"`{key}` cannot be `{word}`: it is one of {', '.join(known)}", key, next_step


def _must(message: str) -> str:
    """What must be so, said of the part that is at fault."""
    if message in _DATES:
        return f"must be {_KINDS['datetime']}"
    if form := _PATTERN.fullmatch(message):
        return f"must be {words_of(_read(form[1])) or 'written as /schema says'}"
    if form := _LENGTH.fullmatch(message):
        if form[2] == ">=" and form[3] == "1":
            return "must not be empty"
        return f"must have {'at least' if form[2] == '>=' else 'at most'} {form[3]} {_MANY.get(form[1], 'parts')}"
    if form := _BOUND.fullmatch(message):
        return f"must be a whole number, {form[2]} {'or more' if form[1] == '>=' else 'at most'}"
    if form := _KIND.fullmatch(message):
        kinds = [_KINDS.get(kind.strip(), kind.strip()) for kind in form[1].split("|")]
        return f"must be {' or '.join(kinds)}, and is {_KINDS.get(form[2], form[2]).partition(' with ')[0]}"
    return f"is not understood: {message}"


def words_of(pattern: str) -> str:
    """What to write where a pattern holds it; empty for a pattern that has no words here."""
    if form := _ALTERNATIVES.fullmatch(pattern):
        return f"one of {', '.join(form[1].split('|'))}"
    return PATTERNS.get(pattern, "")


def _read(shown: str) -> str:
    """The pattern as it was, from how the framework shows it."""
    try:
        return str(ast.literal_eval(shown))
    except (ValueError, SyntaxError):
        return ""
