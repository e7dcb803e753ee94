"""Words in messages: the one that was probably meant where another is not known, and nouns as they are counted."""

import difflib
from collections.abc import Iterable

KNOWN_MAX = 20


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, or what is known where nothing is near."""
    names = sorted(known)
    return meant(word, names) or _listed(names)


def meant(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?`; empty where nothing is near."""
    close = difflib.get_close_matches(word[:64], sorted(known), 1, 0.6)
    return f" Did you mean `{close[0]}`?" if close else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - KNOWN_MAX} more" if len(names) > KNOWN_MAX else ""
    return f" Known here: {', '.join(names[:KNOWN_MAX])}{more}." if names else ""


def counted(number: int, noun: str) -> str:
    """`1 organisation`, `2 organisations`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
