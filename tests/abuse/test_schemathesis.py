"""Requests made from the doors' own descriptions, and against them: no 5xx, and no answer that was not described."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.fakes.house import House, open_house

EXAMPLES = 2_500 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 8
"""For each operation, mode and role."""

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]

MODELS = Path(__file__).with_name("v1.openapi.yaml")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway that whatever is asked here may change."""
    with open_house(tmp_path_factory.mktemp("described")) as house:
        yield house


def ask_all(house: House, schema: Any, by: str, mode: GenerationMode) -> Counter[int]:
    """Ask every operation of a description, and hold every answer against it."""
    met: Counter[int] = Counter()
    with requests.Session() as session:
        session.trust_env = False
        for found in schema.get_all_operations():
            operation = found.ok()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=EXAMPLES < 100,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )
            @given(operation.as_strategy(mode))
            def answers_as_described(case: Any) -> None:
                answer = case.call(base_url=house.url, session=session, headers=house.headers(by))
                met[answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)

            answers_as_described()
    return met


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("by", ["provider", "developer"])
def test_the_door_for_providers_answers_as_its_schema_says(alone: House, by: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{alone.url}/schema/openapi.json")

    met = ask_all(alone, schema, by, mode)

    assert sum(met.values()) >= 20 * EXAMPLES // 2
    assert 200 in met or mode is GenerationMode.NEGATIVE
    assert alone.answers()


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("by", ["provider", "developer", "staff"])
def test_the_door_for_models_answers_as_it_is_described(alone: House, by: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_path(MODELS)

    met = ask_all(alone, schema, by, mode)

    assert met[200] > 0
    assert alone.answers()


def test_the_schema_names_every_route_of_the_door(alone: House) -> None:
    paths = alone.ask("GET", "/schema/openapi.json").json()["paths"]
    declared = {
        (route.path.replace(":str", ""), method.lower())
        for route in alone.app.routes
        if route.path.startswith("/control")
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    }

    assert {(path, method) for path, methods in paths.items() for method in methods} == declared
