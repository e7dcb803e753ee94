"""Where a browser may be sent with a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.logins.redirects import redirect_at


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://127.0.0.1:49152/signed-in", "http://127.0.0.1:49152"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://[::1]:65535/signed-in", "http:"),
    ],
)
def test_a_listener_on_this_computer_is_known_by_its_address(uri: str, source: str) -> None:
    redirect = redirect_at(uri)

    assert redirect is not None and redirect.source == source
    assert redirect.with_answer({"code": "a b", "state": "&"}) == f"{uri}?code=a+b&state=%26"


ELSEWHERE = [
    "",
    "http://localhost:8000/",
    "https://127.0.0.1:8000/",
    "http://127.0.0.1/",
    "http://127.0.0.1:/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:080/",
    "http://127.0.0.1:8000",
    "http://127.0.0.1:8000.evil.example/",
    "http://127.0.0.1:8000@evil.example/",
    "http://127.0.0.1:8000:evil@evil.example/",
    "http://user@127.0.0.1:8000/",
    "http://127.0.0.1.evil.example:8000/",
    "http://evil.example/127.0.0.1:8000/",
    "http://evil.example#127.0.0.1:8000/",
    "http://evil.example:8000/",
    "http://127.1:8000/",
    "http://2130706433:8000/",
    "http://0x7f.0.0.1:8000/",
    "http://127.0.0.2:8000/",
    "http://0.0.0.0:8000/",
    "http://[::ffff:127.0.0.1]:8000/",
    "http://[::]:8000/",
    "http://[0:0:0:0:0:0:0:1]:8000/",
    "HTTP://127.0.0.1:8000/",
    "//127.0.0.1:8000/",
    "http:/127.0.0.1:8000/",
    "http:\\\\127.0.0.1:8000/",
    "javascript:alert(1)//127.0.0.1:8000/",
    "http://127.0.0.1:8000/?next=https://evil.example",
    "http://127.0.0.1:8000/#fragment",
    "http://127.0.0.1:8000/a/b",
    "http://127.0.0.1:8000//evil.example",
    "http://127.0.0.1:8000/../x",
    "http://127.0.0.1:8000/%2e",
    "http://127.0.0.1:8000/\\evil.example",
    "http://127.0.0.1:8000/a\r\nlocation: https://evil.example",
    "http://127.0.0.1:8000/a\n",
    " http://127.0.0.1:8000/",
    "http://127.0.0.1:8000/ ",
    "http://127.0.0.1:８０００/",
    "http://127。0。0。1:8000/",
]


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_everything_else_is_elsewhere_however_alike_it_looks(uri: str) -> None:
    assert redirect_at(uri) is None


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["http://127.0.0.1:8000/", "http://[::1]:8000/"]))
def test_nothing_put_before_or_after_leads_away(before: str, after: str, uri: str) -> None:
    redirect = redirect_at(before + uri + after)

    assert redirect is None or (before == "" and redirect.uri.startswith(uri[:-1]))
