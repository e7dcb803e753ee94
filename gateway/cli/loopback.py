"""The listener to which the browser brings a sign-in back: on this computer alone, for one answer (RFC 8252, 7.3).

Anybody on this computer can connect to it, and any page can make a browser do so: what does not name this listener
and the state of this very sign-in is refused, and the wait goes on.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

PATH = "/signed-in"
CONNECTION_S = 5.0
LINE_MAX = 4096

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>gateway</title>\
<body style="font-family: system-ui, sans-serif; margin: 4em auto; max-width: 34em"><h1>{title}</h1><p>{text}</p>"""
_TITLES = {True: "Go back to your terminal", False: "You were not signed in"}
_CLOSE = "You may close this page."
_HEADERS = (
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("connection", "close"),
)


class Listener:
    """Waits for the answer that carries one state."""

    def __init__(self, server: "_Server") -> None:
        self._server = server

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to bring the answer."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def wait(self, timeout_s: float) -> Mapping[str, str] | None:
        """The answer's parameters; None where none came in time."""
        return self._server.answer if self._server.answered.wait(timeout_s) else None


@contextmanager
def listening(state: str) -> Iterator[Listener]:
    """A listener on a port that was free, for as long as the block lasts."""
    server = _Server(state)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Listener(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(CONNECTION_S)


class _Server(ThreadingHTTPServer):
    """A thread a connection: browsers open some that they never use, and those may not stand in the way."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.answer: dict[str, str] = {}
        self.answered = threading.Event()
        self._lock = threading.Lock()

    def take(self, answer: dict[str, str]) -> bool:
        """Take an answer, once."""
        with self._lock:
            if self.answered.is_set():
                return False
            self.answer = answer
            self.answered.set()
            return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that broke: this is somebody's terminal."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CONNECTION_S
    server_version = "gateway"
    sys_version = ""

    def do_GET(self) -> None:
        """The browser brings something."""
        answer = self._answer()
        if answer is None:
            return self._tell(400, "This is no answer to the sign-in under way", "Go back to your terminal.")
        signed_in = "code" in answer
        self._tell(200, _TITLES[signed_in], f"{escape(answer.get('error_description', ''))} {_CLOSE}".strip())
        self.server.take(answer)
        return None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library names it
        """Log nothing: a line would have the code in it."""

    def _answer(self) -> dict[str, str] | None:
        path, _, query = self.path.partition("?")
        if path != PATH or len(query) > LINE_MAX or self.headers.get_all("host") != [self._host]:
            return None
        try:
            listed = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=16)
        except ValueError:
            return None
        answer = dict(listed)
        if len(answer) < len(listed) or ("code" in answer) == ("error" in answer):
            return None
        return answer if compare_digest(answer.get("state", "").encode(), self.server.state.encode()) else None

    @property
    def _host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def _tell(self, status: int, title: str, text: str) -> None:
        page = _PAGE.format(title=title, text=text).encode()
        self.send_response(status)
        for name, value in (*_HEADERS, ("content-length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
        self.wfile.flush()
