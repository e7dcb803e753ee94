"""Asking the gateway for tokens, as a client does or as the command line of a person who signs in."""

from collections.abc import Mapping
from typing import Any

from gateway.cli.environment import client_secret
from gateway.cli.failures import Failure, NotPermitted
from gateway.cli.reaching import content_of, no_gateway, send

COMMAND_LINE = "gateway-cli"
"""What this command is called at every gateway: a public client, which has no secret."""


class Declined(NotPermitted):
    """The gateway said no, with a code of OAuth's (RFC 6749, 5.2; RFC 8628, 3.5)."""

    def __init__(self, error: str, message: str, next_step: str = "") -> None:
        super().__init__(message, next_step, problem={"code": error, "detail": message, "next_step": next_step})
        self.error = error


class Unwell(Failure):
    """A gateway is there, and cannot do it now."""


def metadata() -> dict[str, Any]:
    """What the gateway says of itself as an authorization server (RFC 8414)."""
    answer = send("GET", "/.well-known/oauth-authorization-server", {})
    content = content_of(answer)
    if not answer.is_success or not isinstance(content, dict) or not isinstance(content.get("issuer"), str):
        raise no_gateway(answer.status_code)
    return content


def ask_authority(path: str, client: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a client that asks for a token by its secret. Raises Failure with the exit code that fits."""
    try:
        return _answered(send("POST", path, {"data": form, "auth": (client, client_secret())}))
    except Declined as declined:
        raise (NotPermitted if declined.error == "invalid_client" else Failure)(declined.message) from None


def ask_as_command_line(path: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The answer to this command, which proves itself by what the form has. Raises Declined with OAuth's code."""
    return _answered(send("POST", path, {"data": {"client_id": COMMAND_LINE, **form}}))


def _answered(answer: Any) -> dict[str, Any]:
    content = content_of(answer)
    if not isinstance(content, dict):
        raise no_gateway(answer.status_code)
    if answer.is_success:
        return content
    error = str(content.get("error"))
    said = str(content.get("error_description") or error)
    if answer.status_code >= 500:
        raise Unwell(said)
    raise Declined(error, said)
