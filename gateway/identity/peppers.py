"""Server peppers: what a stolen table of keys lacks.

A peppers file (0600) has one pepper a line, 64 hexadecimal digits. All of them verify, and the last one signs
that does not have the word `next` before it. So a pepper is rotated in two steps: a line with `next` is read by every
gateway before it signs for any, and signs once that word is taken away; once every key signed under an old one has
ended, its line may go. A pepper's name is derived from it, so that a file of another installation is noticed.
"""

import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import SettingsInvalid
from gateway.secret_files import make_secret_file, read_secret_file

PEPPER_LENGTH = 32
WAITING = b"next"
"""Before a pepper that does not sign yet."""

_WHAT = "peppers"
_KEY_PURPOSE = b"release-gateway api key 1\x00"
_PERSON_PURPOSE = b"release-gateway end user 1\x00"
_SEAL_PURPOSE = b"release-gateway seal 1\x00"
_NAME_PURPOSE = b"release-gateway pepper name 1\x00"
_NO_DIGEST = bytes(32)


class Peppers:
    """Signs keys with the newest pepper and verifies them with the one that signed."""

    def __init__(self, peppers: Sequence[bytes], waiting: Sequence[bytes] = ()) -> None:
        """The peppers that sign or have signed, oldest first, and those that will, which only verify."""
        if not peppers or any(len(pepper) != PEPPER_LENGTH for pepper in peppers):
            raise SettingsInvalid(f"Peppers must be {PEPPER_LENGTH} bytes each, and at least one.")
        everyone = (*peppers, *waiting)
        # Each kept with key and purpose already absorbed: a copy costs half of a new HMAC.
        self._begun = {_name(pepper): hmac.new(pepper, _KEY_PURPOSE, "sha256") for pepper in everyone}
        self._newest = _name(peppers[-1])
        self._waiting = tuple(_name(pepper) for pepper in waiting)
        self._seals = {_name(pepper): hmac.new(pepper, _SEAL_PURPOSE, "sha256") for pepper in everyone}
        self._people = hmac.new(peppers[0], _PERSON_PURPOSE, "sha256")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all peppers, oldest first."""
        return tuple(self._begun)

    @property
    def signs(self) -> str:
        """Name of the one that signs."""
        return self._newest

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of those that are yet to sign."""
        return self._waiting

    def sign(self, token: str) -> tuple[str, bytes]:
        """The name of the newest pepper, and the key's digest under it."""
        return self._newest, self._digest(self._newest, token)

    def verifies(self, token: str, pepper: str, digest: bytes) -> bool:
        """Whether this very key was signed under this pepper; at the same cost whatever the answer."""
        known = pepper in self._begun
        return hmac.compare_digest(self._digest(pepper if known else self._newest, token), digest) and known

    def verifies_nothing(self, token: str) -> None:
        """The work of verifying, for a key that nobody issued."""
        self.verifies(token, self._newest, _NO_DIGEST)

    def pseudonym(self, organisation: str, person: str) -> str:
        """A name for one organisation's end user that only this file can tie to the person.

        Made under the oldest pepper, so that it stays the same while newer ones are added.
        """
        running = self._people.copy()
        running.update(f"{organisation}\0{person}".encode())
        return f"eu_{running.hexdigest()[:32]}"

    def seal(self, content: str) -> str:
        """A text of this installation's own, to be handed to somebody and known again."""
        return f"{self._newest}.{self._seal(self._newest, content)}.{content}"

    def unsealed(self, sealed: str) -> str | None:
        """The text, where this installation sealed it and nobody has changed it since."""
        pepper, _, rest = sealed.partition(".")
        seal, _, content = rest.partition(".")
        if pepper not in self._seals or not sealed.isascii():
            return None
        return content if hmac.compare_digest(self._seal(pepper, content), seal) else None

    def _seal(self, pepper: str, content: str) -> str:
        running = self._seals[pepper].copy()
        running.update(content.encode("utf-8", "surrogateescape"))
        return running.hexdigest()

    def _digest(self, pepper: str, token: str) -> bytes:
        running = self._begun[pepper].copy()
        running.update(token.encode())
        return running.digest()


def open_peppers(path: Path) -> Peppers:
    """The peppers in a file. Where there is no file, one is made with a new pepper; first starts may race."""
    if not path.exists():
        _create(path)
    return Peppers(*_read(path))


def _create(path: Path) -> None:
    make_secret_file(path, f"{secrets.token_hex(PEPPER_LENGTH)}\n".encode(), _WHAT)


def _read(path: Path) -> tuple[list[bytes], list[bytes]]:
    """The peppers that sign or have signed, and those that wait."""
    signing: list[bytes] = []
    waiting: list[bytes] = []
    try:
        for words in filter(None, map(bytes.split, read_secret_file(path, _WHAT).splitlines())):
            (waiting if words[0] == WAITING else signing).append(bytes.fromhex(words[-1].decode("ascii")))
            if words[:-1] not in ([], [WAITING]):
                raise ValueError
    except ValueError:
        signing = []
    peppers = [*signing, *waiting]
    if not signing or any(len(pepper) != PEPPER_LENGTH for pepper in peppers) or len(set(peppers)) < len(peppers):
        raise SettingsInvalid(
            f"The peppers file {path} is damaged.",
            next_step=f"It must have one pepper a line, each {2 * PEPPER_LENGTH} hexadecimal digits, none twice. Those"
            " that are to sign only later have the word `next` before them, and one at least has not.",
        )
    return signing, waiting


def _name(pepper: bytes) -> str:
    return hmac.digest(pepper, _NAME_PURPOSE, "sha256").hex()[:16]
