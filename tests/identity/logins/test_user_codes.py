"""Codes that people read and type."""

import pytest

from gateway.identity.logins.user_codes import ALPHABET, LENGTH, new_user_code, shown, typed


def test_a_code_is_read_back_however_it_is_typed() -> None:
    for _ in range(200):
        code = new_user_code()
        assert len(code) == LENGTH and set(code) <= set(ALPHABET)
        for text in (code, shown(code), shown(code).lower(), f" {code[:2]} {code[2:]} ", "-".join(code)):
            assert typed(text) == code


@pytest.mark.parametrize(
    "text",
    ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH0", "ＷDJB-MJHT", "ẞDJB-MJHT", "W" + " " * 40 + "DJBMJHT"],
)
def test_what_can_be_no_code_is_none(text: str) -> None:
    assert typed(text) is None


def test_codes_hold_no_vowel_and_are_not_to_be_foreseen() -> None:
    assert not set(ALPHABET) & set("AEIOUY") and len(ALPHABET) ** LENGTH > 2**34
    assert len({new_user_code() for _ in range(1000)}) == 1000
