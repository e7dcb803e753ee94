"""Signed notes: a short text that names its signer, with an Ed25519 signature below it.

C2SP signed-note, https://c2sp.org/signed-note. A note is read strictly: what another reader could take for something
else is no note.
"""

import binascii
import re
from base64 import b64decode, b64encode
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import Invalid
from gateway.ledger.signing import SigningKey

NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 16
"""Others may sign beside the ledger, such as witnesses; more than this is no note of ours."""

_ED25519 = b"\1"
_NAME = re.compile(r"[!-*,-~]{1,200}")
"""Printable ASCII without spaces and without `+`, which separates the parts of a verifier's key."""
_SIGNATURE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")


class Verifier(msgspec.Struct, frozen=True):
    """Whose signatures are believed: a name and a public key, shown as `name+hash+key`."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """Four bytes by which a signature says whose it is."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{b64encode(_ED25519 + self.public).decode()}"


def verifier_from(text: str) -> Verifier:
    """The verifier that a line such as `name+hash+key` shows. Raises Invalid."""
    name, _, rest = text.strip().partition("+")
    hashed, _, encoded = rest.partition("+")
    key = _decoded(encoded) or b""
    verifier = Verifier(name, key[1:])
    if not _NAME.fullmatch(name) or key[:1] != _ED25519 or len(key) != 33 or verifier.key_hash.hex() != hashed:
        raise Invalid(
            "That is no verifier's key.",
            next_step="It is one line, `name+hash+key`, as `gateway audit checkpoint --key` shows it.",
        )
    return verifier


def verifiers_from(text: str) -> list[Verifier]:
    """The verifiers of one ledger, a line for each key that it has had. Raises Invalid."""
    verifiers = [verifier_from(line) for line in text.splitlines() if line.strip()]
    if not verifiers or len({each.name for each in verifiers}) > 1:
        raise Invalid(
            "Those are no verifier's keys of one ledger.",
            next_step="Each is one line, `name+hash+key`, and all have one name: see `gateway audit checkpoint --key`.",
        )
    return verifiers


def signed(text: str, name: str, key: SigningKey) -> str:
    """The text as a note, signed under this name by each key that signs. The text ends with a line's end and has no
    empty line."""
    lines = [
        f"— {name} {b64encode(Verifier(name, public).key_hash + signature).decode()}\n"
        for public, signature in key.signatures(text.encode())
    ]
    return f"{text}\n{''.join(lines)}"


def opened(note: bytes, *verifiers: Verifier) -> str:
    """The text of a note, once a signature of one of the verifiers was found good, and none of theirs bad.

    Raises Invalid.
    """
    text, signatures = _parts(note)
    is_signed = False
    for verifier in verifiers:
        for name, signature in signatures:
            if name == verifier.name and signature[:4] == verifier.key_hash:
                _check(text, signature[4:], verifier)
                is_signed = True
    if not is_signed:
        raise Invalid(
            f"It is not signed by `{verifiers[0].name}`.",
            next_step="It belongs to another ledger, or that one has another key: name the key it was kept with.",
        )
    return text


def _check(text: str, signature: bytes, verifier: Verifier) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, text.encode())
    except InvalidSignature:
        raise Invalid("The signature is not that of its text: it was changed after it was signed.") from None


def _parts(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > NOTE_BYTES_MAX:
        raise Invalid("It is no signed note: it is too large.")
    try:
        text, separator, below = note.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError:
        raise Invalid("It is no signed note: it is not UTF-8.") from None
    lines = below.split("\n")
    if not separator or not text or lines.pop() or not 0 < len(lines) <= SIGNATURES_MAX:
        raise Invalid("It is no signed note: text, an empty line, and lines with signatures.")
    if any(ord(character) < 0x20 and character != "\n" for character in text):
        raise Invalid("It is no signed note: it has control characters.")
    signatures = []
    for line in lines:
        matched = _SIGNATURE.fullmatch(line)
        signature = _decoded(matched[2]) if matched else None
        if matched is None or signature is None or not _NAME.fullmatch(matched[1]) or len(signature) < 5:
            raise Invalid("It is no signed note: a line below the empty one is no signature.")
        signatures.append((matched[1], signature))
    return text + "\n", signatures


def _decoded(encoded: str) -> bytes | None:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
