"""What `/schema` says of this door is what it does."""

from typing import Any

import pytest
from litestar import Litestar

from gateway.control import wording
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


SIGN_IN = {"/control/session/start", "/control/session/callback", "/control/session/callback/{provider}"}


def test_every_operation_says_what_it_does_needs_a_key_and_fails_with_problems(schema: dict[str, Any]) -> None:
    lacking = [
        (method, path)
        for method, path, operation in operations(schema)
        if (operation.get("security") or []) != ([] if path in SIGN_IN else [{"key": []}, {"session": []}])
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


def test_every_pattern_and_every_list_of_words_has_its_sentence(schema: dict[str, Any]) -> None:
    patterns, choices = set(), set()

    def walk(node: Any, name: str) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each, name)
        elif isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                patterns.add(node["pattern"])
            reference = str(node.get("$ref", "")).rpartition("/")[2]
            if "enum" in node or "enum" in schema["components"]["schemas"].get(reference, {}):
                choices.add(name)
            for key, value in node.items():
                walk(value, node.get("name", name) if key == "schema" else key if key not in _INSIDE else name)

    for _, path, operation in operations(schema):
        walk(operation.get("parameters", []), path)
    walk({name: part for name, part in schema["components"]["schemas"].items() if name in _bodies(schema)}, "")

    assert patterns and choices
    assert [pattern for pattern in patterns if not wording.words_of(pattern)] == []
    assert choices - wording.CHOICES.keys() == set()


_INSIDE = {"items", "oneOf", "anyOf", "allOf", "schema"}


def _bodies(schema: dict[str, Any]) -> set[str]:
    found = set()
    for _, _, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            found.add(str(content["schema"].get("$ref", "")).rpartition("/")[2])
    return found - {""}
