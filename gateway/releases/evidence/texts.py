"""A results file's text before a word of it is taken: each name of an object is given once (bodies.py)."""

from gateway.bodies import check_names
from gateway.errors import Invalid

GIVEN_TWICE = "The file gives a name twice in one object: which of the two was meant is anybody's guess."


def checked(content: bytes) -> bytes:
    """The same text. Raises Invalid where an object in it gives a name twice."""
    try:
        check_names(content)
    except Invalid:
        raise Invalid(GIVEN_TWICE, code="evidence_unreadable", param="files", next_step="Give each once.") from None
    return content
