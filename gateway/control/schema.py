"""What the schema at `/schema` says of this door beside its routes: how a key or a session is presented."""

from litestar.openapi.spec import Components, SecurityScheme

from gateway.control.guards import SCHEME, SESSION_SCHEME
from gateway.identity.people.cookies import SESSION

COMPONENTS = Components(
    security_schemes={
        SCHEME: SecurityScheme(
            type="http",
            scheme="bearer",
            bearer_format="rsg_…",
            description="A key of this gateway. `x-api-key` and `api-key` are taken as well.",
        ),
        SESSION_SCHEME: SecurityScheme(
            type="apiKey",
            name=f"__Host-{SESSION}",
            security_scheme_in="cookie",
            description="Kept by a browser once a person has signed in at `/control/session/start`. Whatever changes "
            "something needs `x-csrf-token` besides.",
        ),
    }
)
"""To be handed to the application's OpenAPI configuration."""
