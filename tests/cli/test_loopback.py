"""The listener that a browser brings a sign-in back to, and whatever else connects to it."""

import http.client
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from gateway.cli.loopback import Listener, listening

STATE = "the state of this sign-in"
ANSWER = {"code": "c", "state": STATE, "iss": "http://gateway"}


def bring(listener: Listener, answer: dict[str, str] | str, path: str = "/signed-in", host: str = "") -> int:
    """Status of what a browser is told that brings this."""
    where = urlsplit(listener.redirect_uri)
    query = answer if isinstance(answer, str) else urlencode(answer)
    connection = http.client.HTTPConnection("127.0.0.1", where.port or 0, timeout=5)
    connection.request("GET", f"{path}?{query}", headers={"host": host or where.netloc})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_answer_is_taken_once_and_the_port_is_let_go() -> None:
    with listening(STATE) as listener:
        told = bring(listener, ANSWER)
        taken = listener.wait(5)
        bring(listener, {**ANSWER, "code": "another"})
        again = listener.wait(5)
        port = urlsplit(listener.redirect_uri).port or 0

    assert (told, taken, again) == (200, ANSWER, ANSWER)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


NO_ANSWERS: dict[str, tuple[dict[str, str] | str, str, str]] = {
    "another state": ({**ANSWER, "state": "another"}, "/signed-in", ""),
    "no state": ({"code": "c"}, "/signed-in", ""),
    "another path": (ANSWER, "/favicon.ico", ""),
    "another host, as after rebinding": (ANSWER, "/signed-in", "evil.example"),
    "another port": (ANSWER, "/signed-in", "127.0.0.1:1"),
    "a code and an error": ({**ANSWER, "error": "access_denied"}, "/signed-in", ""),
    "neither": ({"state": STATE}, "/signed-in", ""),
    "a parameter twice": (urlencode(ANSWER) + "&code=d", "/signed-in", ""),
    "too much": ({**ANSWER, "code": "c" * 5000}, "/signed-in", ""),
    "a state that is no ASCII": ("code=c&state=%ff", "/signed-in", ""),
}


@pytest.mark.parametrize("how", NO_ANSWERS)
def test_what_is_no_answer_to_this_sign_in_is_refused_and_the_wait_goes_on(how: str) -> None:
    with listening(STATE) as listener:
        told = bring(listener, *NO_ANSWERS[how])
        nothing = listener.wait(0.05)
        bring(listener, ANSWER)

        assert (told, nothing, listener.wait(5)) == (400, None, ANSWER)


def test_connections_that_say_nothing_stand_in_nobodys_way() -> None:
    with listening(STATE) as listener:
        where = ("127.0.0.1", urlsplit(listener.redirect_uri).port or 0)
        silent = [socket.create_connection(where, timeout=5) for _ in range(4)]

        assert bring(listener, ANSWER) == 200 and listener.wait(5) == ANSWER
        for each in silent:
            each.close()


def test_it_listens_to_this_computer_alone() -> None:
    with listening(STATE) as listener:
        assert listener.redirect_uri.startswith("http://127.0.0.1:")
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", urlsplit(listener.redirect_uri).port or 0), timeout=1)
