"""Which facts about an organisation there are, and what each of them can be.

Read in three places that must never differ: where a fact is asserted, where a release file asks for
it, and where the two meet. A value that a fact cannot have is unknown there, so that no misspelling
is ever taken for the opposite of what is excluded.
"""

import re
from enum import StrEnum

from gateway.identity.countries import fault_of_country, is_country
from gateway.spelling import nearest

Value = str | int | bool | tuple[str, ...]

ASSURANCE_MAX = 4
"""Of an assertion's assurance, which begins with 0: somebody says so of itself."""

KYC_LEVELS = ("K0", "K1", "K2", "K3", "K4", "K5")
"""From nothing known to a contract with named users, in order."""


class Form(StrEnum):
    """What a fact can be, each with what to write."""

    LEVEL = "level"
    COUNTRY = "country"
    WORD = "word"
    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth"
    OWN = "own"
    """A fact of the provider's own: a text, a number, a truth or a list, as it is written."""


FORMS = {
    "age_band": Form.WORD,
    "annual_revenue": Form.NUMBER,
    "beneficial_owner_countries": Form.COUNTRY,
    "citizenships": Form.COUNTRY,
    "hq_country": Form.COUNTRY,
    "kyc": Form.LEVEL,
    "login_country": Form.COUNTRY,
    "mau": Form.NUMBER,
    "reseller_of": Form.TEXT,
    "residence_country": Form.COUNTRY,
    "sanctions_screen": Form.WORD,
    "sector": Form.WORD,
    "us_person": Form.TRUTH,
    "zero_retention": Form.TRUTH,
}
"""The facts that everybody means the same by."""

OWN = "x_"
"""How the name of a fact of the provider's own begins: so that no misspelling is taken for one."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ASKED_AT = re.compile(rf"[1-{ASSURANCE_MAX}]")
_WORD = re.compile(r"[a-z0-9]+(?:[-_.+][a-z0-9]+)*\+?")
_OF_COUNTRIES = ("country", "countries", "citizenship", "citizenships")
_LISTED = frozenset({Form.COUNTRY, Form.WORD, Form.TEXT, Form.OWN})
_WRONG = {
    Form.LEVEL: f"is no level of knowing a customer: write one of {', '.join(KYC_LEVELS)}",
    Form.WORD: "is no word: write lower-case letters and digits joined by `-`, as in critical-infrastructure",
    Form.TEXT: "is no text: write one",
    Form.NUMBER: "is no number: write a whole one, as in 1000000",
    Form.TRUTH: "is neither true nor false: write `true` or `false`, without quotes",
}


def is_name(name: str) -> bool:
    """Whether a fact could be called so."""
    return _NAME.fullmatch(name) is not None


def read_sought(written: str) -> tuple[str, int]:
    """A fact's name as a test may write it, and the least assurance it asks: `kyc`, `kyc@2`.

    Raises ValueError that says what is wrong, as a sentence that goes on from what is written.
    """
    name, at, assurance = written.partition("@")
    if at and not _ASKED_AT.fullmatch(assurance):
        raise ValueError(
            f"asks for no assurance that there is: write a number from 1 to {ASSURANCE_MAX}, as in `us_person@2`"
        )
    return name, int(assurance) if at else 0


def form_of(name: str) -> Form:
    """What the fact can be. One that is not known is as free as one of the provider's own."""
    if name in FORMS:
        return FORMS[name]
    return Form.COUNTRY if name.rsplit("_", maxsplit=1)[-1] in _OF_COUNTRIES else Form.OWN


def fault_of_name(name: str, *others: str) -> str:
    """Why no fact is called so, and what was probably meant; empty for a name there is.

    `others` are words that may stand in the same place.
    """
    if name in FORMS or (name.startswith(OWN) and len(name) > len(OWN)):
        return ""
    return (
        f"is not known.{nearest(name, (*FORMS, *others))} A fact of your own begins with `{OWN}`, as in `{OWN}{name}`"
    )


def fault_of(name: str, value: Value) -> str:
    """What is wrong with a value of this fact and what to write; empty for one that it can have."""
    form = form_of(name)
    if isinstance(value, tuple):
        if form not in _LISTED:
            return _WRONG[form]
        return next((fault for each in value if (fault := fault_of(name, each))), "")
    if _fits(form, value):
        return ""
    return fault_of_country(value) if form is Form.COUNTRY else _WRONG[form]


def _fits(form: Form, value: str | int | bool) -> bool:
    if form is Form.OWN:
        return True
    if form is Form.TRUTH:
        return isinstance(value, bool)
    if form is Form.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if form is Form.LEVEL:
        return value in KYC_LEVELS
    if form is Form.COUNTRY:
        return is_country(value)
    return form is not Form.WORD or _WORD.fullmatch(value) is not None
