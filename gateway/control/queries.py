"""Query strings taken at their word: a parameter that a route does not know is an error.

A filter mistyped would otherwise be no filter, and show everything.
"""

from typing import Any

from litestar import Request
from litestar.params import QueryParameter

from gateway.errors import Invalid
from gateway.spelling import nearest

OTHERS_TOO = "takes_other_parameters"
"""Declared by a route that must not mind parameters it does not know (RFC 6749, 4.1.2)."""


async def check(request: Request[Any, Any, Any]) -> None:
    """Raise Invalid for a query parameter that is unknown, empty, or given twice."""
    given = request.query_params.multi_items()
    if not given:
        return
    takes_others = request.route_handler.opt.get(OTHERS_TOO) is True
    known = {
        parameter.kwarg_definition.name or name
        for name, parameter in request.route_handler.parsed_fn_signature.parameters.items()
        if isinstance(parameter.kwarg_definition, QueryParameter)
    }
    seen: set[str] = set()
    for name, value in given:
        if name not in known and takes_others:
            continue
        if name not in known:
            raise Invalid(
                f"The query has a parameter that this route does not know.{_meant(name, known)}",
                param=name[:64] if name.isprintable() else None,
                next_step=f"It knows {', '.join(f'`{each}`' for each in sorted(known)) or 'none'}.",
            )
        if name in seen or not value:
            raise Invalid(f"`{name}` must be given once, with a value.", param=name)
        seen.add(name)


def _meant(name: str, known: set[str]) -> str:
    near = nearest(name, known)
    return near if "Did you mean" in near else ""
