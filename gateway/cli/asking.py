"""Asking a running gateway over `/control`, with the caller's key or sign-in: a command has no rights of its own."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.cli.credential import credential, signed_in
from gateway.cli.environment import key_set
from gateway.cli.failures import from_problem
from gateway.cli.paths import absent_at
from gateway.cli.reaching import content_of, no_gateway, send

PAGE = 200


def ask(
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    file: str = "",
    presented: str = "",
) -> Any:
    """The gateway's answer. Raises Failure with the exit code that fits.

    `file` is what a file sent along is called here, for its faults; `presented` is what proves the caller, where it is
    not what always does.
    """
    sent = {"params": {name: value for name, value in (query or {}).items() if value is not None}, "json": body}
    used = presented or credential()
    answer = _send(method, path, sent, used)
    if answer.status_code == 401 and not (presented or key_set()):  # over by another clock than this computer's
        answer = _send(method, path, sent, signed_in(used).access_token)
    content = content_of(answer)
    if answer.is_success and content is not None:
        return content
    if isinstance(content, dict) and "detail" in content:
        raise from_problem(answer.status_code, content, file, absent=absent_at(path))
    raise no_gateway(answer.status_code)


def _send(method: str, path: str, sent: Mapping[str, Any], presented: str) -> Any:
    headers = {"authorization": f"Bearer {presented}", "accept": "application/json"}
    return send(method, f"/control{path}", {**sent, "headers": headers})


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
