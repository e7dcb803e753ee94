"""`GET /v1/models`: the models a caller can call, in the dialect's own shape."""

from typing import Any

from gateway.access.passages import Standing
from gateway.clock import SECOND


def listing(usable: list[Standing]) -> dict[str, Any]:
    """All of them, in order of names."""
    return {"object": "list", "data": [model_object(standing) for standing in usable]}


def model_object(standing: Standing) -> dict[str, Any]:
    """One model. `created` is when the stage opened by which the caller has it, in seconds."""
    release = standing.in_force.strategy.release
    stage = standing.gathered.stage
    return {
        "id": release,
        "object": "model",
        "created": stage.opens // SECOND if stage is not None else 0,
        "owned_by": release.partition("/")[0],
    }
