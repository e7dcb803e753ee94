"""Signed notes: read as the specification says, and no other way."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.ledger.checkpoints.notes import Verifier, opened, signed, verifier_from
from gateway.ledger.signing import SigningKey, open_signing_key

# The example of the package that notes come from, https://pkg.go.dev/golang.org/x/mod/sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
WISDOM = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
TEXT = "origin\n7\nroot\n"


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "signing.key")


def test_a_note_of_the_specification_s_own_is_opened() -> None:
    verifier = verifier_from(NEUMANN)

    assert str(verifier) == NEUMANN
    assert opened(WISDOM.encode(), verifier) == WISDOM.partition("\n\n")[0] + "\n"


def test_what_was_signed_is_opened_beside_the_signatures_of_others(key: SigningKey) -> None:
    verifier = Verifier("a/ledger", key.public)
    note = signed(TEXT, verifier.name, key)

    assert opened(note.encode(), verifier) == TEXT
    assert opened((note + WISDOM.splitlines()[-1] + "\n").encode(), verifier) == TEXT
    assert verifier_from(f" {verifier}\n") == verifier


def test_another_s_note_and_another_s_key_are_refused(key: SigningKey, tmp_path: Path) -> None:
    note = signed(TEXT, "a/ledger", key).encode()
    other = open_signing_key(tmp_path / "other.key")

    for verifier in (Verifier("a/ledger", other.public), Verifier("b/ledger", key.public), verifier_from(NEUMANN)):
        with pytest.raises(Invalid, match="not signed by"):
            opened(note, verifier)


@given(st.data())
def test_a_note_changed_anywhere_is_refused(data: st.DataObject) -> None:
    note, verifier = WISDOM.encode(), verifier_from(NEUMANN)
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != note[place]))

    with pytest.raises(Invalid):
        opened(note[:place] + bytes([other]) + note[place + 1 :], verifier)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n\n",
        WISDOM.encode()[:-1],
        WISDOM.encode() + b"\n",
        WISDOM.encode() + b"not a signature\n",
        WISDOM.encode().replace(b"\n", b"\r\n"),
        WISDOM.replace("— ", "- ").encode(),
        b"\0" + WISDOM.encode(),
        WISDOM.encode("utf-16"),
        WISDOM.encode() + WISDOM.splitlines()[-1].encode() * 1000,
        b"a" * 70_000,
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(Invalid):
        opened(note, verifier_from(NEUMANN))


@pytest.mark.parametrize(
    "text", ["", "a", "a+b+c", NEUMANN[:-4], NEUMANN.replace("c74f", "c74e"), "a b" + NEUMANN[12:]]
)
def test_what_is_no_verifier_s_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        verifier_from(text)
