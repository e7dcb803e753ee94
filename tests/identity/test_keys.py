"""A key says of itself whether it was mistyped, and never shows itself."""

import copy
import json
import logging
import pickle
import re
import string
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.identity.callers import Role
from gateway.identity.keys import KINDS, Secret, is_key_id, key_id_of, kind_of, mint

ALPHABET = string.digits + string.ascii_letters
KEY = mint("dev").reveal()


def test_every_kind_of_key_has_one_length_and_says_its_id() -> None:
    tokens = [mint(kind).reveal() for kind in KINDS.values()]

    ids = [key_id_of(token) for token in tokens]

    assert {len(token) for token in tokens} == {70}
    assert ids == [token.split("_")[2] for token in tokens]
    assert all(is_key_id(key_id or "") for key_id in ids)
    assert all(re.fullmatch(r"rsg_[a-z]{3}_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", token) for token in tokens)


def test_the_check_of_a_published_example_stays_what_it_is() -> None:
    """Scanners of leaked keys compute it too: it may never change."""
    body = "rsg_dev_000000000000_" + "0" * 43

    assert key_id_of(body + "1ISoFe") == "000000000000"


@given(place=st.integers(0, len(KEY) - 1), letter=st.sampled_from(ALPHABET + "_-. "))
def test_one_letter_mistyped_is_always_noticed(place: int, letter: str) -> None:
    mistyped = KEY[:place] + letter + KEY[place + 1 :]

    assert (key_id_of(mistyped) is None) == (mistyped != KEY)


@given(place=st.integers(0, len(KEY) - 2))
def test_two_letters_swapped_are_always_noticed(place: int) -> None:
    swapped = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]

    assert (key_id_of(swapped) is None) == (swapped != KEY)


@given(cut=st.integers(0, len(KEY) - 1))
def test_a_key_cut_short_or_run_on_is_noticed(cut: int) -> None:
    assert key_id_of(KEY[:cut]) is None
    assert key_id_of(KEY + KEY[cut]) is None
    assert key_id_of(KEY[cut + 1 :]) is None


@pytest.mark.parametrize("around", ["{}\n", " {}", "{} ", "{}\x00", "\ufeff{}", "{}\r\n", "Bearer {}"])
def test_nothing_may_stand_around_a_key(around: str) -> None:
    assert key_id_of(around.format(KEY)) is None


@given(st.text(max_size=200))
def test_any_text_is_answered_without_an_error(text: str) -> None:
    assert key_id_of(text) is None


def test_digits_of_other_scripts_are_no_digits() -> None:
    assert key_id_of(KEY[:8] + "\u0661" * 12 + KEY[20:]) is None
    assert not is_key_id("\u0661" * 12)
    assert not is_key_id("a" * 12 + "\n")


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_minted_keys_share_neither_id_nor_secret(_: int) -> None:
    tokens = {mint("dev").reveal() for _ in range(50)}

    assert len({token.split("_")[2] for token in tokens}) == 50
    assert len({token.split("_")[3][:43] for token in tokens}) == 50


def test_a_secret_shows_itself_nowhere_but_where_it_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    secret = mint("pro")
    hidden = secret.reveal().split("_")[3][:20]

    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>90}",
        repr([secret]),
        repr({"key": secret}),
    ]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("issued %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        shown.append(traceback.format_exc())

    assert all(hidden not in text for text in [*shown, caplog.text])
    assert hidden in secret.reveal()


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy, json.dumps, vars])
def test_a_secret_cannot_be_written_down_by_accident(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret("x"))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("roles", "kind"),
    [
        ((), "dev"),
        ((Role.DEVELOPER,), "dev"),
        ((Role.DEVELOPER, Role.STAFF), "stf"),
        ((Role.ANALYST, Role.PROVIDER), "pro"),
        ((Role.AUDITOR,), "aud"),
    ],
)
def test_the_kind_names_the_weightiest_role(roles: tuple[Role, ...], kind: str) -> None:
    assert kind_of(roles) == kind
