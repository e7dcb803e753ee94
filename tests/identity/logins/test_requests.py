"""Authorization requests: what is one, what is told to the redirect, and what is carried nowhere."""

import pytest

from gateway.errors import Invalid
from gateway.identity.logins.challenges import challenge_of
from gateway.identity.logins.requests import AuthorizationRequest, redirect_in, request_in

ASKED = {
    "response_type": "code",
    "client_id": "gateway-cli",
    "redirect_uri": "http://127.0.0.1:49152/signed-in",
    "code_challenge": challenge_of("v" * 43),
    "code_challenge_method": "S256",
    "state": "s",
}


def test_a_request_is_carried_on_as_it_was_asked() -> None:
    request = request_in(ASKED)

    assert isinstance(request, AuthorizationRequest)
    assert request.fields == {**ASKED, "scope": "control"} and request_in(request.fields) == request


@pytest.mark.parametrize("asked", ["weights control inference", "control inference weights", "control control"])
def test_scopes_are_named_in_order_and_once(asked: str) -> None:
    request = request_in({**ASKED, "scope": asked})

    assert request.scope == " ".join(sorted(set(asked.split())))
    assert request_in(request.fields) == request


NOWHERE = {
    "no client": {"client_id": None},
    "another client": {"client_id": "gateway"},
    "no redirect": {"redirect_uri": None},
    "a redirect elsewhere": {"redirect_uri": "https://evil.example/"},
}


@pytest.mark.parametrize("how", NOWHERE)
def test_an_unknown_client_and_redirect_are_told_of_before_all_else(how: str) -> None:
    asked = {name: value for name, value in {**ASKED, "state": "", **NOWHERE[how]}.items() if value is not None}

    with pytest.raises(Invalid):
        redirect_in(asked)


TO_THE_REDIRECT = {
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "no method, which is plain": ({"code_challenge_method": None}, "invalid_request"),
    "the plain method": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a challenge out of form": ({"code_challenge": "short"}, "invalid_request"),
    "no state": ({"state": None}, "invalid_request"),
    "a state of two lines": ({"state": "a\nb"}, "invalid_request"),
    "a state too long": ({"state": "a" * 129}, "invalid_request"),
    "a token at once": ({"response_type": "token"}, "unsupported_response_type"),
    "no response type": ({"response_type": None}, "unsupported_response_type"),
    "a scope that is no person's": ({"scope": "scim"}, "invalid_scope"),
    "a scope of one release": ({"scope": "inference:acme/atlas-1"}, "invalid_scope"),
    "two that say one thing differently": ({"scope": "control control:read"}, "invalid_scope"),
    "no scope": ({"scope": ""}, "invalid_scope"),
    "two spaces": ({"scope": "control  inference"}, "invalid_scope"),
    "a request object": ({"request": "ey.ey.x"}, "invalid_request"),
    "a prompt that is no sign-in": ({"prompt": "none"}, "invalid_request"),
    "a mode": ({"response_mode": "fragment"}, "invalid_request"),
}


@pytest.mark.parametrize("how", TO_THE_REDIRECT)
def test_what_is_wrong_beyond_them_has_oauths_own_code(how: str) -> None:
    changed, code = TO_THE_REDIRECT[how]
    asked = {name: value for name, value in {**ASKED, **changed}.items() if value is not None}

    redirect_in(asked)
    with pytest.raises(Invalid) as refused:
        request_in(asked)
    assert refused.value.code == code
