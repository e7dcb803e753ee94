"""What `/schema` says of this door is what it does."""

from typing import Any

import pytest
from litestar import Litestar

from tests.fakes.premises import Premises


@pytest.fixture
def schema(house: Premises) -> dict[str, Any]:
    """The schema as it is served."""
    app: Litestar = house.app
    return app.openapi_schema.to_schema()


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation of this door."""
    return [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        if path.startswith("/control")
        for method, operation in methods.items()
        if isinstance(operation, dict) and "responses" in operation
    ]


def test_every_operation_says_what_it_does_needs_a_key_and_fails_with_problems(schema: dict[str, Any]) -> None:
    lacking = [
        (method, path)
        for method, path, operation in operations(schema)
        if operation.get("security") != [{"key": []}]
        or not operation.get("description")
        or {"400", "401", "403", "404", "503"} - operation["responses"].keys()
        or any(
            list(operation["responses"][status]["content"]) != ["application/problem+json"]
            for status in operation["responses"]
            if status >= "400"
        )
    ]

    assert lacking == []
    assert len(operations(schema)) > 20
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_what_is_bounded_in_the_code_is_bounded_in_the_schema(schema: dict[str, Any]) -> None:
    unbounded = [
        (path, parameter["name"])
        for _, path, operation in operations(schema)
        for parameter in operation.get("parameters", ())
        if not ({"pattern", "maximum", "enum", "oneOf", "$ref", "format"} & parameter["schema"].keys())
    ]

    assert unbounded == []
