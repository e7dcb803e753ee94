"""Peppers sign with the newest, verify with whichever signed, and live in a file closed to others."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import SettingsInvalid
from gateway.identity.peppers import Peppers, open_peppers

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_first_start_makes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "peppers"

    first, second = open_peppers(path), open_peppers(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.names == second.names
    assert second.verifies("token", *first.sign("token"))
    assert [each.name for each in tmp_path.iterdir()] == ["peppers"]


def test_first_starts_that_race_end_with_one_pepper(tmp_path: Path) -> None:
    path = tmp_path / "peppers"

    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: open_peppers(path).names, range(32)))

    assert len(set(opened)) == 1


def test_the_newest_signs_and_older_ones_still_verify() -> None:
    before, after = Peppers([OLD]), Peppers([OLD, NEW])
    signed_before = before.sign("token")

    signed_after = after.sign("token")

    assert signed_after[0] != signed_before[0]
    assert after.verifies("token", *signed_before)
    assert after.verifies("token", *signed_after)
    assert not before.verifies("token", *signed_after)


def test_a_pepper_that_waits_is_read_and_does_not_sign(tmp_path: Path) -> None:
    path = tmp_path / "peppers"
    path.write_text(f"{OLD.hex()}\nnext {NEW.hex()}\n")
    path.chmod(0o600)
    waiting, signing = open_peppers(path), Peppers([OLD, NEW])

    assert waiting.signs == waiting.names[0] == Peppers([OLD]).signs and waiting.waiting == waiting.names[1:]
    assert waiting.verifies("token", *signing.sign("token"))
    assert waiting.unsealed(signing.seal("sign-in")) == "sign-in" == signing.unsealed(waiting.seal("sign-in"))
    assert waiting.pseudonym("acme", "mia") == signing.pseudonym("acme", "mia")


def test_a_digest_verifies_one_token_under_one_pepper_only() -> None:
    peppers = Peppers([OLD, NEW])
    name, digest = peppers.sign("token")

    other = peppers.names[0]

    assert not peppers.verifies("tokem", name, digest)
    assert not peppers.verifies("token", other, digest)
    assert not peppers.verifies("token", name, digest[:-1])
    assert not peppers.verifies("token", name, b"")


def test_a_pepper_that_is_gone_verifies_nothing() -> None:
    gone = Peppers([OLD])

    left = Peppers([NEW])

    assert not left.verifies("token", *gone.sign("token"))
    assert not left.verifies("token", gone.names[0], left.sign("token")[1])


def test_the_name_of_a_pepper_gives_nothing_of_it_away() -> None:
    peppers = Peppers([OLD])

    assert OLD.hex()[:4] not in peppers.names[0]
    assert "6f6f" not in repr(peppers)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o620, 0o602])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "peppers"
    open_peppers(path)

    path.chmod(mode)

    with pytest.raises(SettingsInvalid, match="open to others"):
        open_peppers(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "ab",
        OLD.hex() + "\n" + OLD.hex(),
        "g" * 64,
        OLD.hex() + "\nshort",
        "\u0661" * 64,
        f"next {OLD.hex()}",
        f"then {OLD.hex()}",
        f"{OLD.hex()} {NEW.hex()}",
        f"{OLD.hex()}\nnext {OLD.hex()}",
    ],
)
def test_a_damaged_file_is_refused_without_repeating_what_is_in_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "peppers"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(SettingsInvalid, match="damaged") as refused:
        open_peppers(path)

    assert OLD.hex() not in refused.value.sentence()


def test_a_file_that_cannot_be_made_or_read_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be created"):
        open_peppers(tmp_path / "nowhere" / "peppers")
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        open_peppers(tmp_path)


@pytest.mark.parametrize("peppers", [[], [b"short"], [OLD, b""]])
def test_peppers_too_short_to_be_secret_are_refused(peppers: list[bytes]) -> None:
    with pytest.raises(SettingsInvalid):
        Peppers(peppers)
