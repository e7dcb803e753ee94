"""Where a browser may be sent with a code: to a listener on the same computer, and nowhere else (RFC 8252, 7.3). Pure.

By address, never by the name `localhost`, which a resolver may point elsewhere (8.3). The port is whatever was free.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

_FORM = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\]):(?P<port>[1-9][0-9]{0,4})/(?P<path>[A-Za-z0-9_-]{0,64})")
_PORT_MAX = 65_535


class Redirect(msgspec.Struct, frozen=True):
    """A listener on the computer where the browser runs."""

    uri: str
    host: str
    port: int

    @property
    def source(self) -> str:
        """What a page may let its form lead to (CSP, `form-action`), which has no way to write an IPv6 address."""
        return "http:" if self.host == "[::1]" else f"http://{self.host}:{self.port}"

    def with_answer(self, answer: Mapping[str, str]) -> str:
        """The address that carries an answer there."""
        return f"{self.uri}?{urlencode(answer)}"


def redirect_at(uri: str) -> Redirect | None:
    """The listener that this address is; None for every other address, however alike it looks."""
    found = _FORM.fullmatch(uri)
    if found is None or int(found["port"]) > _PORT_MAX:
        return None
    return Redirect(uri, found["host"], int(found["port"]))
