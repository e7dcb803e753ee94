"""One request to the gateway that GATEWAY_URL or `--url` names, whatever is asked of it."""

from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.failures import Unreachable

TIMEOUT_S = 30.0
_BALANCERS = frozenset({502, 503, 504})
"""What a balancer answers of its own accord while nobody behind it does (RFC 9110, 15.6)."""


def gateway_url() -> str:
    """Where the gateway is, without a slash at the end."""
    settings: dict[str, Any] = click.get_current_context().ensure_object(dict)
    return str(settings["url"]).rstrip("/")


def send(method: str, path: str, sent: Mapping[str, Any], patience_s: float = TIMEOUT_S) -> Any:
    """What it answers within `patience_s`. Raises Unreachable."""
    import httpx  # opened late: help and local commands do not wait for it

    settings: dict[str, Any] = click.get_current_context().ensure_object(dict)
    url = gateway_url()
    client = httpx.Client(timeout=patience_s, follow_redirects=False, transport=settings.get("transport"))
    try:
        with client:
            return client.request(method, f"{url}{path}", **sent)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        raise click.UsageError(
            f"{url!r} is not the address of a gateway; it looks like http://127.0.0.1:8080."
        ) from None
    except httpx.ReadTimeout:
        raise Unreachable(
            f"The gateway at {url} has not answered within {patience_s:.0f} s.",
            "It may do what it was asked all the same: look how things stand before you ask again.",
        ) from None
    except httpx.HTTPError as error:
        raise Unreachable(
            f"The gateway at {url} cannot be reached: {type(error).__name__}.",
            "Start one with `gateway serve`, or set GATEWAY_URL to where it is.",
        ) from None


def content_of(answer: Any) -> Any:
    """The JSON that was answered; None where it is none."""
    try:
        return answer.json()
    except ValueError:
        return None


def no_gateway(status: int) -> Unreachable:
    """Something answers there, and it is no gateway: a balancer, say, while the gateways behind it start anew."""
    if status in _BALANCERS:
        return Unreachable(
            f"No gateway answers at {gateway_url()}: what stands before it says {status}.",
            "It may be starting anew: try again shortly. If it persists, tell the gateway's operator.",
        )
    return Unreachable(
        f"What answers at {gateway_url()} is not a gateway (status {status}).",
        "Look at GATEWAY_URL.",
    )
