"""PKCE: the example of RFC 7636, and everything that is none."""

import pytest

from gateway.identity.logins.challenges import challenge_of, fits, is_challenge, new_verifier

VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_example_of_the_specification_fits_and_nothing_else_does() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE and fits(VERIFIER, CHALLENGE)
    assert not fits(new_verifier(), CHALLENGE) and not fits(VERIFIER, challenge_of(new_verifier()))
    assert not fits(CHALLENGE, CHALLENGE)  # as the plain method would have it


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "=", "a" * 42 + "é", "a" * 43 + "\n"])
def test_a_verifier_out_of_form_fits_nothing(verifier: str) -> None:
    assert not fits(verifier, challenge_of("a" * 43))


def test_a_new_verifier_is_in_form_and_another_each_time() -> None:
    made = {new_verifier() for _ in range(100)}

    assert len(made) == 100 and all(fits(each, challenge_of(each)) for each in made)
    assert all(is_challenge(challenge_of(each)) for each in made)
    assert not is_challenge("") and not is_challenge(CHALLENGE + "=") and not is_challenge(CHALLENGE + "\n")
