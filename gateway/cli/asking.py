"""Asking a running gateway over `/control`, with the caller's own key: this command has no rights of its own."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click

from gateway.cli.failures import Failure, NotPermitted, Unreachable, from_problem
from gateway.cli.paths import absent_at

TIMEOUT_S = 30.0
SURVEY_S = 300.0
"""What looks at every organisation takes a while where there are millions."""
PAGE = 200


def ask(
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    file: str = "",
    patience_s: float | None = None,
) -> Any:
    """The gateway's answer. Raises Failure with the exit code that fits.

    `file` is what a file sent along is called here, for its faults.
    """
    sent = {
        "params": {name: value for name, value in (query or {}).items() if value is not None},
        "json": body,
        "headers": {"authorization": f"Bearer {_key()}", "accept": "application/json"},
    }
    url, answer = _answer(method, f"/control{path}", sent, patience_s or TIMEOUT_S)
    return _read(answer, url, path, file)


def ask_authority(path: str, client: str, form: Mapping[str, str]) -> Any:
    """The answer to a client that asks for a token by its secret. Raises Failure with the exit code that fits."""
    secret = os.environ.get("GATEWAY_CLIENT_SECRET", "").strip()
    if not secret:
        raise NotPermitted(
            "No client's secret is set.", "Put it into GATEWAY_CLIENT_SECRET: `export GATEWAY_CLIENT_SECRET=rsg_…`."
        )
    url, answer = _answer("POST", path, {"data": form, "auth": (client, secret)}, TIMEOUT_S)
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Unreachable(
            f"What answers at {url} is not a gateway (status {answer.status_code}).", "Look at GATEWAY_URL."
        )
    if answer.is_success:
        return content
    said = str(content.get("error_description") or content.get("error"))
    raise NotPermitted(said) if answer.status_code == 401 else Failure(said)


def _answer(method: str, path: str, sent: Mapping[str, Any], patience_s: float) -> tuple[str, Any]:
    """Where the gateway is, and what it answers. Raises Unreachable."""
    import httpx  # opened late: help and local commands do not wait for it

    settings: dict[str, Any] = click.get_current_context().ensure_object(dict)
    url = str(settings["url"]).rstrip("/")
    client = httpx.Client(timeout=patience_s, follow_redirects=False, transport=settings.get("transport"))
    try:
        with client:
            return url, client.request(method, f"{url}{path}", **sent)
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


def pages(path: str, noun: str, *, query: Mapping[str, Any], limit: int | None, cursor: str = "after") -> Iterator[Any]:
    """Every item of a list, page by page, up to a limit."""
    given = dict(query)
    left = limit
    while left is None or left > 0:
        given["limit"] = PAGE if left is None else min(PAGE, left)
        page = ask("GET", path, query=given)
        yield from page[noun]
        if page["next"] is None:
            return
        given[cursor] = page["next"]
        left = None if left is None else left - len(page[noun])


def _key() -> str:
    key = os.environ.get("GATEWAY_KEY", "").strip()
    if not key:
        raise NotPermitted(
            "No key is set.",
            "Put your key into GATEWAY_KEY: `export GATEWAY_KEY=rsg_…`.",
        )
    if not key.isascii() or not key.isprintable():
        raise NotPermitted("GATEWAY_KEY does not hold a key.", "Look at how it was set.")
    return key


def _read(answer: Any, url: str, path: str, file: str) -> Any:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.is_success and content is not None:
        return content
    if isinstance(content, dict) and "detail" in content:
        raise from_problem(answer.status_code, content, file, absent=absent_at(path))
    raise Unreachable(
        f"What answers at {url} is not a gateway (status {answer.status_code}).",
        "Look at GATEWAY_URL.",
    )
