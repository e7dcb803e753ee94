"""The ledger's key is made once, and kept from others."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import SettingsInvalid
from gateway.ledger.signing import open_signing_key


def test_a_key_is_made_at_first_and_the_same_ever_after(tmp_path: Path) -> None:
    first = open_signing_key(tmp_path / "ledger.pem")

    second = open_signing_key(tmp_path / "ledger.pem")

    assert (second.public, second.id) == (first.public, first.id)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.pem"]


def test_what_it_signs_verifies_under_its_public_half(tmp_path: Path) -> None:
    key = open_signing_key(tmp_path / "ledger.pem")

    signature = key.sign(b"size 5")

    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, b"size 5")


def test_nobody_but_its_owner_may_read_a_new_key(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        open_signing_key(tmp_path / "ledger.pem")
    finally:
        os.umask(mask)

    assert (tmp_path / "ledger.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o660, 0o666])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ledger.pem"
    open_signing_key(path)
    path.chmod(mode)

    with pytest.raises(SettingsInvalid, match="Others"):
        open_signing_key(path)


def test_a_key_that_is_mounted_for_the_processs_group_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "ledger.pem"
    made = open_signing_key(path)
    path.chmod(0o440)

    assert open_signing_key(path).public == made.public


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.pem"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(SettingsInvalid, match="Ed25519"):
        open_signing_key(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("arranged", "told"),
    [
        (lambda private, public: private + private, "twice"),
        (lambda private, public: public + private, "twice"),
        (lambda private, public: private + public, "ends with a public key"),
        (lambda private, public: public, "ends with a public key"),
        (lambda private, public: private + b"note: the old one\n", "no Ed25519 key"),
        (
            lambda private, public: b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" + private,
            "no Ed25519",
        ),
    ],
)
def test_keys_in_an_order_that_means_nothing_are_refused(
    tmp_path: Path, arranged: Callable[[bytes, bytes], bytes], told: str
) -> None:
    path = tmp_path / "ledger.pem"
    open_signing_key(path)
    private = path.read_bytes()
    key = serialization.load_pem_private_key(private, None).public_key()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(arranged(private, key.public_bytes(*form)))

    with pytest.raises(SettingsInvalid, match=told):
        open_signing_key(path)


def test_a_folder_that_is_missing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be made"):
        open_signing_key(tmp_path / "missing" / "ledger.pem")


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starters:
        keys = list(starters.map(lambda _: open_signing_key(tmp_path / "ledger.pem"), range(16)))

    assert len({key.public for key in keys}) == 1
