"""Whether answers fit a form: each mistake is told by the field it is in, never by what was written there. Pure."""

from collections.abc import Callable
from unicodedata import category
from urllib.parse import urlsplit

from gateway.access.requests.request import Answers
from gateway.errors import Invalid
from gateway.releases.forms import FieldKind, FormField, RequestForm
from gateway.releases.values import is_word

BYTES_MAX = 65_536
"""Of all answers together."""
URL_LENGTH_MAX = 500
NUMBER_MAX = 2**53 - 1

_UNREADABLE = frozenset({"Cc", "Cs", "Co", "Cn"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_SEE = "Read the form: `gateway request form RELEASE`."


def check_answers(form: RequestForm, answers: Answers) -> Answers:
    """The answers, where they fit the form. Raises Invalid naming every field that does not fit."""
    asked = {field.name: field for field in form.fields}
    strange = sorted(name for name in answers.keys() - asked.keys() if is_word(name))
    faults = [f"there is no field `{name}`" for name in strange[:10]]
    if not faults and answers.keys() - asked.keys():
        faults = ["there is an answer to nothing that is asked"]
    for field in form.fields:
        answer = answers.get(field.name)
        if answer is None or answer == "":
            if field.required:
                faults.append(f"`{field.name}` must be answered")
        elif fault := _CHECKS[field.kind](field, answer):
            faults.append(f"`{field.name}` {fault}")
    if faults:
        raise Invalid(
            f"The form is not filled in as it should be: {'; '.join(faults)}.", param="answers", next_step=_SEE
        )
    given = {name: answer for name, answer in answers.items() if answer != ""}
    size = sum(len(str(answer).encode("utf-8", "surrogatepass")) for answer in given.values())
    if size > BYTES_MAX:
        raise Invalid(f"The answers come to {size} bytes; at most {BYTES_MAX} are taken.", param="answers")
    return given


def is_text(text: str) -> bool:
    """Whether people can read it: Unicode, and nothing in it that turns the text after it or commands a terminal."""
    return all(each in "\n\t" or (category(each) not in _UNREADABLE and each not in _TURNING) for each in text)


def _text(field: FormField, answer: str | int | bool) -> str:
    if not isinstance(answer, str) or not answer.strip():
        return "is a text"
    if len(answer) > field.longest:
        return f"has {len(answer)} characters; at most {field.longest} are taken"
    return "" if is_text(answer) else "has characters that nobody can read"


def _choice(field: FormField, answer: str | int | bool) -> str:
    return "" if answer in field.choices and isinstance(answer, str) else f"is one of {', '.join(field.choices)}"


def _number(field: FormField, answer: str | int | bool) -> str:
    low, high = field.at_least or 0, NUMBER_MAX if field.at_most is None else field.at_most
    fits = isinstance(answer, int) and not isinstance(answer, bool) and low <= answer <= high
    return "" if fits else f"is a whole number from {low} to {high}"


def _yes_no(_field: FormField, answer: str | int | bool) -> str:
    return "" if isinstance(answer, bool) else "is true or false"


def _url(_field: FormField, answer: str | int | bool) -> str:
    """Only looked at: nothing here ever connects to it."""
    fault = "is an address such as https://example.com"
    if not isinstance(answer, str) or len(answer) > URL_LENGTH_MAX or not (answer.isascii() and answer.isprintable()):
        return fault
    try:
        parts = urlsplit(answer)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return fault
    fits = parts.scheme in {"http", "https"} and has_host and parts.username is None and " " not in answer
    return "" if fits else fault


_CHECKS: dict[FieldKind, Callable[[FormField, str | int | bool], str]] = {
    FieldKind.TEXT: _text,
    FieldKind.CHOICE: _choice,
    FieldKind.NUMBER: _number,
    FieldKind.YES_NO: _yes_no,
    FieldKind.URL: _url,
}
