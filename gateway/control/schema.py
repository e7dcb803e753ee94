"""What the schema at `/schema` says of this door beside its routes: how a key is presented."""

from litestar.openapi.spec import Components, SecurityScheme

from gateway.control.guards import SCHEME

COMPONENTS = Components(
    security_schemes={
        SCHEME: SecurityScheme(
            type="http",
            scheme="bearer",
            bearer_format="rsg_…",
            description="A key of this gateway. `x-api-key` and `api-key` are taken as well.",
        )
    }
)
"""To be handed to the application's OpenAPI configuration."""
