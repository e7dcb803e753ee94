"""What the command line asks the browser to bring: an authorization request, read with distrust (RFC 6749, 4.1.1).

Pure. Whether the client and its redirect are known is told before anything else: until they are, no error may be
carried anywhere (RFC 6749, 4.1.2.1; RFC 9700, 4.11).
"""

from collections.abc import Mapping

import msgspec

from gateway.errors import Invalid
from gateway.identity.logins.challenges import METHOD, is_challenge
from gateway.identity.logins.redirects import Redirect, redirect_at

COMMAND_LINE = "gateway-cli"
"""The one client that people sign in by. It is public: nothing that is installed everywhere can keep a secret."""

SCOPES = ("control", "control:read", "inference", "weights")
"""What a person's token may reach, as far as the person may; where nothing is said, the first alone."""

STATE_MAX = 128
"""So that the whole request fits into the path to come back to after a sign-in."""

PROMPT = "login"
"""Asks that people prove themselves anew, however lately they have (OpenID Connect Core, 3.1.2.1)."""
_PARAMETERS = frozenset(
    {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "prompt",
    }
)


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """That a command line on this computer would sign in as whoever sits before the browser."""

    redirect: Redirect
    challenge: str
    state: str
    scope: str
    is_fresh: bool = False
    """Whether the person is to prove themselves anew for this."""

    @property
    def fields(self) -> dict[str, str]:
        """The same as it was asked, which is how a form carries it on."""
        fresh = {"prompt": PROMPT} if self.is_fresh else {}
        return {
            **fresh,
            "response_type": "code",
            "client_id": COMMAND_LINE,
            "redirect_uri": self.redirect.uri,
            "code_challenge": self.challenge,
            "code_challenge_method": METHOD,
            "state": self.state,
            "scope": self.scope,
        }


def check_client(fields: Mapping[str, str]) -> None:
    """Raise Invalid where this is not the client that people sign in by."""
    if fields.get("client_id") != COMMAND_LINE:
        raise Invalid(f"People sign in by one client here: `client_id` is `{COMMAND_LINE}`.", code="invalid_client")


def redirect_in(fields: Mapping[str, str]) -> Redirect:
    """Where the answer goes. Raises Invalid, which is to be told here and carried nowhere."""
    check_client(fields)
    redirect = redirect_at(fields.get("redirect_uri", ""))
    if redirect is None:
        raise Invalid(
            "The `redirect_uri` is not that of a listener on this computer.",
            next_step="It is `http://127.0.0.1:PORT/…` or `http://[::1]:PORT/…`. Start again with `gateway login`.",
        )
    return redirect


def request_in(fields: Mapping[str, str]) -> AuthorizationRequest:
    """What is asked. Raises Invalid with OAuth's own code, which is carried to the redirect."""
    redirect = redirect_in(fields)
    if fields.get("response_type") != "code":
        raise Invalid("The one `response_type` here is `code`.", code="unsupported_response_type")
    unknown = sorted(fields.keys() - _PARAMETERS)
    if unknown:
        raise Invalid("The request has a parameter that is not read here.")
    if fields.get("code_challenge_method") != METHOD or not is_challenge(fields.get("code_challenge", "")):
        raise Invalid(f"A code is given only for a `code_challenge` by `{METHOD}` (RFC 7636).")
    state = fields.get("state", "")
    if not 1 <= len(state) <= STATE_MAX or not state.isprintable() or not state.isascii():
        raise Invalid(f"The `state` is missing, or is not one line of at most {STATE_MAX} characters.")
    if fields.get("prompt", PROMPT) != PROMPT:
        raise Invalid(f"The one `prompt` here is `{PROMPT}`.")
    return AuthorizationRequest(redirect, fields["code_challenge"], state, scope_in(fields), "prompt" in fields)


def scope_in(fields: Mapping[str, str]) -> str:
    """What is asked for, in order, each once. Raises Invalid."""
    scopes = set(fields.get("scope", SCOPES[0]).split(" "))
    if not scopes <= set(SCOPES) or {"control", "control:read"} <= scopes:
        raise Invalid(
            "A person's token reaches `control` or `control:read`, `inference` and `weights`.",
            code="invalid_scope",
            next_step="Name one or more of them, with a space between; of the first two, one.",
        )
    return " ".join(sorted(scopes))
