"""Predicates as text, in the one form in which they are kept: what identity/expressions.py reads back as the same."""

import json
import re

from gateway.identity.expressions import WHOLE, WORDS
from gateway.identity.predicates import Among, Every, Not, Predicate, Some, Test, wanted

_BARE = re.compile(r"[A-Za-z0-9_.:/+-]+")


def text_of(predicate: Predicate) -> str:
    """The predicate as text: reading it back gives the same predicate."""
    match predicate:
        case Not(of):
            return f"not {_closed(of)}"
        case Every(of):
            return " and ".join(_closed(part) for part in of)
        case Some(of):
            return " or ".join(_closed(part) for part in of)
        case Among(what, names):
            return f"{what} in [{', '.join(map(_operand, names))}]" if names[1:] else f"{what} = {_operand(names[0])}"
        case Test(op="=", value=True):
            return predicate.sought.written
        case Test(op=op):
            name = predicate.sought.written
            values = [_operand(value) for value in wanted(predicate)]
            listed = isinstance(predicate.value, tuple)
            return f"{name} {op.replace('_', ' ')} {'[' + ', '.join(values) + ']' if listed else values[0]}"


def _closed(predicate: Predicate) -> str:
    text = text_of(predicate)
    return f"({text})" if isinstance(predicate, Every | Some) else text


def _operand(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    plain = _BARE.fullmatch(value) and value not in (*WORDS, "true", "false") and not WHOLE.fullmatch(value)
    return value if plain else json.dumps(value, ensure_ascii=False)
