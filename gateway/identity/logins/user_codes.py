"""The code that a person reads off one screen and types into another (RFC 8628, 6.1). Pure.

Eight consonants: no word comes of them, none is taken for a digit, and 34 bits cannot be guessed in the minutes
for which a code stands, at the rate at which guesses are taken.
"""

import secrets

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8

_TYPED_MAX = 32
_BETWEEN = str.maketrans("", "", "- \t.")


def new_user_code() -> str:
    """A code that nobody can foresee."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """As it is easiest to read and to type: `WDJB-MJHT`."""
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> str | None:
    """The code that somebody typed, in whatever case and however divided; None where it can be none."""
    if len(text) > _TYPED_MAX:
        return None
    code = text.translate(_BETWEEN).upper()
    return code if len(code) == LENGTH and all(letter in ALPHABET for letter in code) else None
