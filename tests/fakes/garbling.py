"""What is hostile, made of what is good: tokens with something changed in them, and forms with fields out of place."""

import json
import random
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

LETTERS = string.ascii_letters + string.digits + "-_."

NASTY = [
    "",
    " ",
    "\0",
    "\r\nset-cookie: a=b",
    "%",
    "%00",
    "ü",
    "\u202e",
    "😀" * 50,
    "'\"><script>alert(1)</script>",
    "../../etc/passwd",
    "gateway-cli\0",
    "http://127.0.0.1:1/../x",
    "http://[::1]:1/",
    "null",
    "-1",
    "[]",
    "a" * 3_000,
    "code",
    "S256",
    "allow",
    "look",
    "control",
]


def decoded(part: str) -> bytes:
    """A part of a token, as it was before."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(value: Any) -> str:
    """A part of a token."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def mutated(chance: random.Random, token: str) -> str:
    """The token with something changed in it: letters, parts, or a claim or header in its JSON."""
    kind = chance.randrange(7)
    if kind < 5 or token.count(".") != 2:
        return respelt(chance, token, kind % 5)
    header, claims, signature = token.split(".")
    said = json.loads(decoded(claims if kind == 5 else header))
    name = chance.choice([*said, "crit", "jku", "cnf", "admin"])
    said[name] = chance.choice([None, True, 0, -1, 2**63, "", "none", [], {}, [said.get(name)], "x" * 300])
    text = encoded(said)
    return f"{header}.{text}.{signature}" if kind == 5 else f"{text}.{claims}.{signature}"


def respelt(chance: random.Random, text: str, kind: int) -> str:
    """A text in which letters were changed, left out, added or cut off."""
    place = chance.randrange(len(text))
    if kind == 0:
        return text[:place] + chance.choice(LETTERS) + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place + 1 :]
    if kind == 2:
        return text[:place] + chance.choice(LETTERS) + text[place:]
    if kind == 3:
        other = chance.randrange(len(text))
        return text[: min(place, other)] + text[max(place, other) :]
    letters = list(text)
    for _ in range(chance.randrange(1, 8)):
        letters[chance.randrange(len(letters))] = chance.choice(LETTERS)
    return "".join(letters)


def garbled(fields: dict[str, str], chance: random.Random) -> str:
    """A form with some of its fields changed, left out, given twice or put in others' places."""
    listed = list(fields.items())
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(listed)) if listed else 0
        how = chance.randrange(6)
        if how == 0 and listed:
            del listed[place]
        elif how == 1 and listed:
            listed.append(listed[place])
        elif how == 2 and listed:
            listed[place] = (listed[place][0], chance.choice(NASTY))
        elif how == 3 and listed:
            listed[place] = (listed[place][0], chance.choice(listed)[1])
        elif how == 4:
            listed.append((chance.choice(NASTY), chance.choice(NASTY)))
        elif listed:
            text = listed[place][1]
            cut = chance.randint(0, len(text))
            listed[place] = (listed[place][0], text[:cut] + chance.choice(NASTY) + text[cut + 1 :])
    text = urlencode(listed, errors="replace")
    return text if chance.random() < 0.9 else text.replace("%", chance.choice(["%%", "", "%zz"]))
