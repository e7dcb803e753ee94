"""Where somebody is sent once they have signed in: a path of this gateway, however a browser reads it."""

import re

from gateway.errors import Invalid

DEFAULT = "/control/session"
LENGTH_MAX = 1024
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
"""One slash and then no other, no backslash, no fragment, no control and nothing beyond ASCII."""


def checked_return_path(path: str) -> str:
    """The path, if it stays on this gateway. Raises Invalid."""
    if len(path) > LENGTH_MAX or _PATH.fullmatch(path) is None or "//" in path.partition("?")[0]:
        raise Invalid("`return` must be a path of this gateway, such as `/control/session`.", param="return")
    return path
