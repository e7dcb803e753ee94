"""A commitment binds to content, and without its salt says nothing of it."""

from gateway.ledger.commitments import SALT_BYTES, commit, opens


def test_a_commitment_opens_to_its_content_alone() -> None:
    digest, salt = commit(b"the request")

    assert opens(digest, salt, b"the request")
    assert not opens(digest, salt, b"the request ")
    assert not opens(digest, bytes(SALT_BYTES), b"the request")


def test_the_same_content_is_never_committed_to_alike() -> None:
    assert commit(b"hello").digest != commit(b"hello").digest


def test_a_salt_of_another_length_opens_nothing() -> None:
    digest, salt = commit(b"the request")

    assert not opens(digest, salt + b"the", b" request")


def test_a_commitment_is_64_hexadecimal_digits_under_32_random_bytes() -> None:
    digest, salt = commit(b"")

    assert len(salt) == 32
    assert len(bytes.fromhex(digest)) == 32
