"""`/control/tokens`: ending an access token by the id that the ledger names it by, whoever issued it."""

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from gateway.control.areas import Asking, InAreas, Now
from gateway.control.guards import open_to
from gateway.control.wire import Cause, TokenInPath
from gateway.identity.callers import Role


class EndedToken(msgspec.Struct, frozen=True):
    """A token that opens nothing any more."""

    id: str


class Tokens(Controller):
    """Access tokens."""

    path = "/tokens"
    tags = ("clients",)

    @post("/{token:str}/revoke", status_code=200, **open_to(Role.PROVIDER))
    async def revoke(
        self, token: TokenInPath, data: JSONBody[Cause], areas: InAreas, caller: Asking, moment: Now
    ) -> EndedToken:
        """End a token at once: everywhere within a second, answers under way included. Again it changes nothing."""
        await areas.authority.revoke_by_id(caller, token, data.cause, moment)
        return EndedToken(token)
