"""Pages for people in a browser: plain, without a script, and framed by nobody (Content Security Policy, Level 3).

Every value is escaped where it is put in, and what a stranger could have written is put in nowhere. Pure.
"""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

Page = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 0; } code { font-size: 1.1em; letter-spacing: .05em; }
input[type=text] { font-size: 1.5rem; letter-spacing: .1em; padding: .3rem .5rem; text-transform: uppercase; }
button { font-size: 1rem; padding: .5rem 1.25rem; margin: 1rem .75rem 0 0; }
"""
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""


def is_wanted(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether whoever asks is a browser with somebody before it, and no program."""
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def page(status: int, title: str, body: str, request_id: str, *, leads_to: str = "") -> Page:
    """A page of this title; `body` is HTML, and `leads_to` where a form's answer may lead besides this gateway."""
    text = _PAGE.format(title=escape(title), style=_STYLE, body=body).encode()
    # Browsers hold the redirect that answers a form to `form-action` too.
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {leads_to}".rstrip()
    )
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"content-security-policy", policy.encode("ascii")),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    return status, headers, text


def failure(status: int, title: str, sentence: str, name: str, request_id: str, *, more: str = "") -> Page:
    """What went wrong and what to do, with what to quote of it; `more` is HTML that follows."""
    body = f"<p>{escape(sentence)}</p>{more}<p><small>{escape(name)} · {escape(request_id)}</small></p>"
    return page(status, title, body, request_id)
