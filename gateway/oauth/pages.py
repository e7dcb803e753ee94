"""The few pages of this door, for people who sign the command line in: plain, without a script, and framed by nobody.

Every value is escaped where it is put in, and what a stranger could have written is put in nowhere.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from gateway.errors import GatewayError
from gateway.oauth.answers import Answer, when_to_come_back

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


class Person:
    """Whom a page speaks to, as it names them."""

    def __init__(self, name: str, organisation: str, roles: Iterable[str]) -> None:
        self.name = name
        self.organisation = organisation
        self.roles = ", ".join(roles) or "none"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Who would sign in."""
        return [("As", self.name), ("Of", self.organisation), ("With the roles", self.roles)]


def choice(ways: Mapping[str, str], request_id: str) -> Answer:
    """By which provider to sign in, where several were declared."""
    listed = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in ways.items())
    return _answer(200, "Sign in with", f"<ul>{listed}</ul>", request_id)


def consent(person: Person, fields: Mapping[str, str], source: str, scope: str, request_id: str) -> Answer:
    """Whether the command line on this computer may sign in. The answer of the form leads on to `source`."""
    body = (
        _facts([*person.facts, _reach(scope)])
        + "<p>Go on only if you have just typed <code>gateway login</code> on this computer.</p>"
        + _form("/oauth/authorize", fields, _DECIDE)
    )
    title = f"Sign in gateway CLI on this computer as {person.name}?"
    return _answer(200, title, body, request_id, leads_to=source)


def entry(fields: Mapping[str, str], request_id: str, fault: str = "") -> Answer:
    """Where a code is entered; after one that was wrong, with what to do."""
    told = f"<p><strong>{escape(fault)}</strong></p>" if fault else ""
    field = (
        '<p><label>The code that your terminal shows:<br><input type="text" name="user_code" maxlength="16" '
        'autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus required></label></p>'
        '<button name="decision" value="look">Go on</button>'
    )
    return _answer(
        400 if fault else 200, "Sign in gateway CLI", told + _form("/oauth/device", fields, field), request_id
    )


def confirmation(
    person: Person, fields: Mapping[str, str], waits: Mapping[str, str], scope: str, request_id: str
) -> Answer:
    """Whether the command line that waits for a code may sign in; `waits` is what the gateway knows of it by itself."""
    body = (
        _facts([*waits.items(), *person.facts, _reach(scope)])
        + "<p>Go on only if you started this yourself, just now, and your own terminal shows this very code. "
        "<strong>Nobody else has a reason to give you a code</strong>: whoever does would sign in as you.</p>"
        + _form("/oauth/device", fields, _DECIDE)
    )
    return _answer(200, f"Sign in gateway CLI as {person.name}?", body, request_id)


def done(is_allowed: bool, request_id: str) -> Answer:
    """What follows a decision about a device."""
    title = "Signed in" if is_allowed else "Not signed in"
    text = "Go back to your terminal" if is_allowed else "The command line was told that you said no"
    return _answer(200, title, f"<p>{text}. You may close this page.</p>", request_id)


def refusal(error: GatewayError, status: int, name: str, request_id: str) -> Answer:
    """What went wrong, where nothing may be carried on to anywhere."""
    body = f"<p>{escape(error.sentence())}</p><p><small>{escape(name)} · {escape(request_id)}</small></p>"
    status, headers, text = _answer(status, "That did not work", body, request_id)
    return status, headers + when_to_come_back(error), text


_DECIDE = '<button name="decision" value="allow">Sign in</button><button name="decision" value="deny">Cancel</button>'


def _reach(scope: str) -> tuple[str, str]:
    return "It may", "see what you may see" if scope == "control:read" else "do all that you may do with `gateway`"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts) + "</dl>"


def _form(action: str, fields: Mapping[str, str], inside: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    return f'<form method="post" action="{action}">{hidden}{inside}</form>'


def _answer(status: int, title: str, body: str, request_id: str, *, leads_to: str = "") -> Answer:
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
