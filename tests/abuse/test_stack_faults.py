"""Faults of the parts this is built of, and of its neighbours: each stays out by a test that names it."""

import ast
import gc
import re
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.access.judges.embedded import EmbeddedJudge
from gateway.access.judges.policies import read_policy_set
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped
from tests.abuse.logs import captured_logs
from tests.abuse.routes import routes
from tests.fakes.house import House, eventually, open_house

SOURCE = Path(__file__).parents[2] / "gateway"


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the gateway."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "_shipped" not in path.parts:
            yield path, ast.parse(path.read_text())


def calls_of(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module, by the last part of the name called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


# Litestar


def test_no_exclude_list_of_paths_is_used_anywhere() -> None:
    excluding = [
        (path.name, keyword.arg)
        for path, tree in modules()
        for name, call in calls_of(tree)
        for keyword in call.keywords
        if keyword.arg in {"exclude", "exclude_opt_key", "exclude_from_auth", "exclude_http_methods"}
    ]

    assert excluding == []


def test_the_frameworks_limiter_sessions_stores_and_allow_lists_are_not_used() -> None:
    unwanted = re.compile(
        r"litestar\.(middleware\.(rate_limit|session|authentication)|stores|static_files|template|config\.(cors|csrf|allowed_hosts))"
    )
    used = [
        (path.name, match[0]) for path in sorted(SOURCE.rglob("*.py")) if (match := unwanted.search(path.read_text()))
    ]

    assert used == []


@pytest.mark.parametrize("path", ["/control/me", "/v1/models", "/hub/demo/open-1/resolve/main/README.md"])
def test_options_needs_a_key_like_every_method(house: House, path: str) -> None:
    preflight = {"origin": "https://example.com", "access-control-request-method": "GET"}

    answer = house.ask("OPTIONS", path, headers=preflight)

    assert answer.status_code == 401
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_no_answer_gives_another_origin_leave(house: House) -> None:
    for path in ("/healthz", "/v1/models", "/control/me", "/schema"):
        for origin in ("https://example.com", "null", "http://127.0.0.1"):
            answer = house.ask("GET", path, "developer", headers={"origin": origin})
            assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("suffix", ["/health", "/healthz", "/healthy", "/metrics", "/schema", "/readyz"])
def test_a_path_that_contains_an_open_one_is_not_open(house: House, suffix: str) -> None:
    for before in ("/v1/models/x", "/control/me", "/hub/demo/open-1/resolve/main", "/control/keys", "/v1"):
        assert house.ask("GET", before + suffix).status_code in {401, 404}


def test_a_rotated_forwarded_address_passes_no_limit(house: House) -> None:
    house.apply(
        "release: demo/three\nserves: {inference: {upstream: simulated, model: x}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public],"
        " conditions: {requests_per_minute: 3}}]\n"
    )

    told = [
        house.chat("demo/three", headers={name: f"192.0.2.{number}"}).status_code
        for number in range(4)
        for name in ("x-forwarded-for", "x-real-ip", "forwarded")
    ]

    assert told.count(200) == 3


def test_a_stream_whose_reader_vanished_is_finished_without_the_garbage_collector(house: House) -> None:
    house.upstream.interval_s = 0.02
    body = b'{"model":"demo/general-1","stream":true,"user":"gone","messages":[{"role":"user","content":"x"}]}'
    key = house.tokens["developer"].encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-length: %d\r\n\r\n"
    before = house.newest()
    gc.disable()
    try:
        with socket.create_connection(("127.0.0.1", house.port)) as connection:
            connection.sendall(head % (key, len(body)) + body)
            connection.recv(100)
        eventually(lambda: house.newest() >= before + 2)
    finally:
        gc.enable()
        house.upstream.interval_s = 0.0

    end = house.entries(event="access:finished", limit=1)[0]["body"]
    assert (end["outcome"], end["usage_basis"]) == ("client_gone", "reported")


def test_the_schemas_pages_load_no_script_from_anywhere(house: House) -> None:
    for path in (
        "/schema",
        "/schema/",
        "/schema/swagger",
        "/schema/redoc",
        "/schema/elements",
        "/schema/scalar",
        "/schema/nothing",
    ):
        answer = house.ask("GET", path)
        assert "<script" not in answer.text
        assert not re.search(
            r"https?://(?!(127\.0\.0\.1|json-schema\.org|example\.com))[\w.-]*(cdn|unpkg|jsdelivr)", answer.text
        )


# The policy engine


def test_no_text_of_a_caller_reaches_a_path_of_the_policy_server() -> None:
    source = (SOURCE / "access" / "judges" / "opa.py").read_text()

    assert "upload" not in source and "put_policy" not in source and "rego_compat" not in source
    assert not re.search(r"package_path\s*=\s*f\"", source)


def undefined_policies(folder: Path, otherwise: str) -> Path:
    """Our policies, but that no decision is defined for any release there is; `otherwise` stands for the default."""
    policies = folder / "policies"
    shutil.copytree(shipped("policies"), policies)
    rule = policies / "access" / "decision.rego"
    text, defaults = re.subn(r"default (decision := \{.*?\n\})\n", otherwise, rule.read_text(), flags=re.DOTALL)
    text, rules = re.subn("if question_is_well_formed", 'if input.release == "none"', text)
    assert (defaults, rules) == (1, 1)
    rule.write_text(text)
    return policies


async def test_policies_that_decide_nothing_are_not_judged_by(tmp_path: Path) -> None:
    policies = read_policy_set(undefined_policies(tmp_path, ""))

    with pytest.raises(SettingsInvalid):
        await EmbeddedJudge(policies).start()


def test_a_rule_that_is_not_defined_is_a_denial(tmp_path: Path) -> None:
    policies = undefined_policies(tmp_path, r"\1 if not input.release\n")

    with open_house(tmp_path, policies=policies) as house:
        told = {level: house.chat(model, "staff").status_code for level, model in house.models.items()}
        listed = house.ask("GET", "/v1/models", "staff").status_code

        assert (set(told.values()), listed) == ({503}, 503)
        assert house.upstream.requests == []


# Databases


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("access_grant", "/v1/models"),
        ("access_grant", "/v1/chat/completions"),
        ("access_grant", "/hub/demo/open-1/resolve/main/README.md"),
        ("access_grant", "/control/grants"),
        ("access_grant", "/control/me"),
        ("limit_use", "/control/me"),
        ("ledger_entry", "/control/ledger"),
    ],
)
def test_what_cannot_be_read_is_told_as_that_and_not_as_a_crash(own_house: House, table: str, path: str) -> None:
    with sqlite3.connect(own_house.installation.settings.data / "gateway.sqlite") as database:
        database.execute(f"ALTER TABLE {table} RENAME TO gone")
    own_house.loop.call_soon_threadsafe(own_house.installation.holdings.drop, "acme")

    answer = own_house.chat(own_house.models["api"]) if "chat" in path else own_house.ask("GET", path, "developer")

    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1")
    assert "gone" not in answer.text and table not in answer.text


# What none of the neighbours should have had


def test_no_route_tests_renders_runs_or_fetches_anything(house: House) -> None:
    words = re.compile(
        r"test|debug|exec|run|eval|render|template|fetch|proxy|config|update|import|webhook|callback|sso|admin"
    )

    found = {route.path for route in routes(house.app) if words.search(route.path)}
    assert found == {"/control/session/callback", "/control/session/callback/{provider:str}"}, (
        "where an identity provider sends people back: it fetches nothing named"
    )


def test_nothing_of_ours_runs_code_or_a_program_or_unpickles() -> None:
    unwanted = {
        "eval",
        "exec",
        "compile",
        "system",
        "popen",
        "Popen",
        "check_output",
        "loads_pickle",
        "create_subprocess_exec",
    }
    imported = {"pickle", "marshal", "subprocess", "shelve", "jinja2"}
    found: list[tuple[str, str]] = []
    for path, tree in modules():
        found += [
            (path.name, name)
            for name, call in calls_of(tree)
            if name in unwanted and not (isinstance(call.func, ast.Attribute) and name == "compile")
        ]
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [(path.name, name) for name in names if name.split(".")[0] in imported]

    assert found == []


def test_yaml_is_never_read_with_a_loader_that_makes_objects() -> None:
    loaders = [
        (path.name, ast.unparse(argument))
        for path, tree in modules()
        for name, call in calls_of(tree)
        if name in {"load", "load_all", "compose", "unsafe_load", "full_load"}
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "yaml"
        for argument in [*call.args[1:], *[keyword.value for keyword in call.keywords]]
        if "Safe" not in ast.unparse(argument)
    ]

    assert loaders == []


def test_an_unforeseen_failure_is_told_in_each_doors_own_shape(own_house: House) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise TypeError("canary-in-the-message")

    own_house.installation.gate.admit = fail  # type: ignore[method-assign]
    own_house.installation.weighing.weigh = fail  # type: ignore[method-assign]

    with captured_logs() as log:
        v1 = own_house.chat(own_house.models["api"])
        hub = own_house.ask("GET", "/hub/demo/open-1/resolve/main/README.md", "developer")
        control = own_house.ask("GET", "/control/me", "developer")

    assert (v1.status_code, v1.json()["error"]["code"]) == (500, "internal_error")
    assert (hub.status_code, "x-error-message" in hub.headers) == (500, True)
    assert (control.status_code, control.headers["content-type"]) == (500, "application/problem+json")
    assert all("canary" not in text for text in (v1.text, hub.text, control.text, log.getvalue()))
