"""What keeps the gateway from starting is told to whoever starts it: a sentence, what to do, and an exit code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.app import told_by_door
from gateway.errors import GatewayError
from gateway.serving import listening, make_server
from gateway.shipped import shipped
from tests.fakes.gateway import free_port
from tests.fakes.house import open_house

START_S = 30
ALWAYS = """
package access

decision := {"allow": true, "visible": true, "reasons": [], "obligations": {
    "components": ["inference.text"], "log": "metadata", "max_output_tokens": null,
    "requests_per_minute": null, "retain_days": null, "tokens_per_day": null,
}}
"""
CALLS_OUT = """
package access

foo if http.send({"method": "get", "url": "http://127.0.0.1:1"}).status == 200
"""


def start(folder: Path, **settings: str) -> tuple[int, str]:
    """Exit code and standard error of a gateway that does not start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    told = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    ran = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "serve", "--data", str(folder), "--port", str(free_port())],
        env=kept | {"GATEWAY_LOG_FORMAT": "json"} | told,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("file", "source", "sentence", "next_step"),
    [
        ("api.rego", "package access\n\nfoo if {", "cannot compile the policies", "opa check --strict"),
        ("x.rego", CALLS_OUT, "http.send", "Write them without it"),
        ("decision.rego", ALWAYS, "do not say no", "Give `decision` the default"),
    ],
    ids=["that are no Rego", "that call out", "that always allow"],
)
def test_policies_that_cannot_be_judged_by_are_named_to_whoever_starts_the_gateway(
    tmp_path: Path, file: str, source: str, sentence: str, next_step: str
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(shipped("policies"), policies)
    (policies / "access" / file).write_text(source)

    code, said = start(tmp_path / "data", policies=str(policies))

    assert code == 1
    assert sentence in said.partition("error: ")[2]
    assert next_step in said.partition("next: ")[2]
    assert "Traceback" not in said


def test_peppers_of_another_database_are_named_to_whoever_starts_the_gateway(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with open_house(tmp_path / name):
            pass
    shutil.copy(tmp_path / "other" / "peppers", tmp_path / "one" / "peppers")

    code, said = start(tmp_path / "one")

    assert code == 1
    assert "pepper" in said.partition("error: ")[2]
    assert said.partition("next: ")[2].strip()
    assert "Traceback" not in said


class Unforeseen:
    """An application that fails to start as a framework fails that runs tasks together."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        failure = BaseExceptionGroup("tasks", [ExceptionGroup("more", [ArithmeticError("hunter2")])])
        await send({"type": "lifespan.startup.failed", "message": "Traceback: hunter2"})
        raise failure


async def test_what_nobody_foresaw_ends_the_start_and_is_named_without_its_words() -> None:
    server = make_server(Unforeseen(), told_by_door)

    with capture_logs() as logged, pytest.raises(GatewayError) as raised:
        async with listening(server, "127.0.0.1", 0):
            pytest.fail("it started")

    assert "ArithmeticError" in raised.value.message
    assert "hunter2" not in raised.value.sentence()
    assert [(line["event"], line["error"]) for line in logged] == [("start_failed", "ArithmeticError")]
