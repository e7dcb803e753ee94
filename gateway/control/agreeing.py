"""The roles in which something is agreed to, and the one of them that a caller acts in."""

from typing import Literal

from gateway.errors import Invalid
from gateway.identity.callers import Caller, Role

Agreeing = Literal["provider", "approver", "analyst"]
"""Roles in which a change is agreed to, and a narrowing reviewed."""
AGREEING = (Role.PROVIDER, Role.APPROVER, Role.ANALYST)


def role_of(caller: Caller, named: Agreeing | None) -> str:
    """The role that somebody acts in. Raises Invalid where the key holds several and none was named."""
    if named is not None:
        return named
    held = [role for role in AGREEING if role in caller.roles]
    if len(held) == 1:
        return held[0].value
    raise Invalid(
        f"Your key holds several roles that could do this: {', '.join(held)}.",
        param="role",
        next_step="Say in which of them you act.",
    )
