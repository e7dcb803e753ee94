"""The few pages of this door, for people who sign the command line in.

Every value is escaped where it is put in, and what a stranger could have written is put in nowhere.
"""

from collections.abc import Iterable, Mapping
from html import escape

from gateway.errors import GatewayError
from gateway.oauth.answers import Answer, when_to_come_back
from gateway.pages import failure, page


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
    return page(200, "Sign in with", f"<ul>{listed}</ul>", request_id)


def consent(person: Person, fields: Mapping[str, str], source: str, scope: str, request_id: str) -> Answer:
    """Whether the command line on this computer may sign in. The answer of the form leads on to `source`."""
    body = (
        _facts([*person.facts, _reach(scope)])
        + "<p>Go on only if you have just typed <code>gateway login</code> on this computer.</p>"
        + _form("/oauth/authorize", fields, _DECIDE)
    )
    title = f"Sign in gateway CLI on this computer as {person.name}?"
    return page(200, title, body, request_id, leads_to=source)


def entry(fields: Mapping[str, str], request_id: str, fault: str = "") -> Answer:
    """Where a code is entered; after one that was wrong, with what to do."""
    told = f"<p><strong>{escape(fault)}</strong></p>" if fault else ""
    field = _CODE + '<button name="decision" value="look">Go on</button>'
    return page(400 if fault else 200, "Sign in gateway CLI", told + _form("/oauth/device", fields, field), request_id)


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
    return page(200, f"Sign in gateway CLI as {person.name}?", body, request_id)


def done(is_allowed: bool, request_id: str) -> Answer:
    """What follows a decision about a device."""
    title = "Signed in" if is_allowed else "Not signed in"
    text = "Go back to your terminal" if is_allowed else "The command line was told that you said no"
    return page(200, title, f"<p>{text}. You may close this page.</p>", request_id)


def stopped(request_id: str) -> Answer:
    """What follows when a command line was told of a sign-in that came to nothing."""
    return page(200, "Not signed in", "<p>The command line was told. You may close this page.</p>", request_id)


def turned_away(told: str, fields: Mapping[str, str], request_id: str, fault: str = "") -> Answer:
    """Why somebody may not sign in here. Where there are fields: the command line that waits is to be told, too."""
    body = f"<p>{escape(told)}</p>"
    if fields:
        body += "<p>Your terminal waits still. Enter the code that it shows, and it will not.</p>"
        body += (f"<p><strong>{escape(fault)}</strong></p>" if fault else "") + _form(
            "/oauth/device", fields, _CODE + '<button name="decision" value="deny">Stop waiting</button>'
        )
    return page(400 if fault else 403, "You are not signed in", body, request_id)


def refusal(error: GatewayError, status: int, name: str, request_id: str) -> Answer:
    """What went wrong, where nothing may be carried on to anywhere."""
    status, headers, text = failure(status, "That did not work", error.sentence(), name, request_id)
    return status, headers + when_to_come_back(error), text


_CODE = (
    '<p><label>The code that your terminal shows:<br><input type="text" name="user_code" maxlength="16" '
    'autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus required></label></p>'
)
_DECIDE = '<button name="decision" value="allow">Sign in</button><button name="decision" value="deny">Cancel</button>'


_REACH = {
    "control": "do all that you may do with `gateway`",
    "control:read": "see what you may see",
    "inference": "call models as you",
    "weights": "download weights as you",
}


def _reach(scope: str) -> tuple[str, str]:
    return "It may", ", ".join(_REACH[each] for each in scope.split(" "))


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts) + "</dl>"


def _form(action: str, fields: Mapping[str, str], inside: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    return f'<form method="post" action="{action}">{hidden}{inside}</form>'
