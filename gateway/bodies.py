"""What every door asks of a JSON text before it takes a word of it: each name of an object is given once (RFC 8259, 4).

Of a name given twice one reader takes the first value and another the last: what was reviewed would not be
what is done, so such a text is refused and neither is taken.
"""

import json
from typing import Any

from gateway.errors import Invalid


def given_twice() -> Invalid:
    """The refusal of a name that is given twice."""
    return Invalid("A field is given twice.", next_step="Give each field once.")


def check_names(text: bytes) -> None:
    """Raise Invalid where an object at any depth gives a name twice, and where the text is no JSON in UTF-8."""
    try:
        json.loads(
            text.decode("utf-8"), object_pairs_hook=_check_object, parse_int=_as_written, parse_float=_as_written
        )
    except UnicodeDecodeError:
        raise Invalid("The body is not text in UTF-8.", next_step="Send JSON.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Invalid(f"The body is not JSON: {error.msg}, at {where}.", next_step="Send JSON.") from None
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None


def _check_object(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise given_twice()


def _as_written(number: str) -> str:
    """A number is not looked at: reading one of many digits takes long, and Python refuses the longest."""
    return number
