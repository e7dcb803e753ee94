"""What watches the gateway: every alert fires by its fault, and every query finds what it asks for at a real one."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway.metrics import Metrics
from tests.fakes.gateway import GatewayProcess, running, until
from tests.fakes.provider import FakeProvider, declaration
from tests.fakes.upstreams import upstream_process
from tests.helm.charts import CHART, ROOT, tool
from tests.helm.prometheus import RULES, Prometheus, scraping
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming

CASES = sorted(Path(__file__).parent.glob("alerts_*test.yaml"))
RUNBOOK = (ROOT / "docs" / "alerts.md").read_text("utf-8")
DASHBOARD = json.loads((CHART / "dashboards" / "release-gateway.json").read_text("utf-8"))
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]
}
QUERIES = sorted({target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())})
SUFFIX = re.compile(r"_(total|bucket|count|sum|info|created)$")


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([tool("promtool"), *words], capture_output=True, text=True, check=False)


def test_the_rules_are_sound_and_each_fires_by_its_fault(tmp_path: Path) -> None:
    for cases in CASES:
        (tmp_path / cases.name).write_text(cases.read_text("utf-8").replace("[ALERTS]", f"[{RULES}]"))

    checked, tried = promtool("check", "rules", str(RULES)), promtool("test", "rules", *map(str, tmp_path.iterdir()))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_every_alert_is_tried_has_its_paragraph_and_says_how_bad_it_is() -> None:
    tried = {
        case["alertname"]
        for cases in CASES
        for group in yaml.safe_load(cases.read_text("utf-8"))["tests"]
        for case in group.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    told = re.findall(r"^### (Gateway\w+)$", RUNBOOK, re.MULTILINE)

    assert tried == set(ALERTS)
    assert told == list(ALERTS)
    assert {rule["labels"]["severity"] for rule in ALERTS.values()} == {"critical", "warning", "info"}


def test_what_is_asked_for_is_counted() -> None:
    metrics = Metrics()
    metrics.follow(**dict.fromkeys((n for n in Metrics.follow.__annotations__ if n != "return"), float))  # type: ignore[arg-type]
    counted = set(re.findall(r"^# TYPE (\w+)", metrics.exposition()[0].decode(), re.MULTILINE))
    counted = {SUFFIX.sub("", name) for name in counted}
    asked = re.findall(r"\bgateway_\w+", " ".join([*QUERIES, *(rule["expr"] for rule in ALERTS.values())]))

    assert {SUFFIX.sub("", name) for name in asked} - counted == set()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, Prometheus]]:
    """A gateway to which everything happens that is counted, and who watches it."""
    folder = tmp_path_factory.mktemp("watched")
    with (
        upstream_process(folder / "paced", interval_ms=20, chunks=1500) as paced,
        running(
            folder / "gateway",
            upstreams={"paced": paced.url, "down": "http://127.0.0.1:9/v1"},
            settings={"identity_providers": str(an_absent_provider(folder))},
        ) as gateway,
        scraping(folder / "prometheus", [gateway.port]) as prometheus,
    ):
        happen(gateway)
        yield gateway, prometheus


def an_absent_provider(folder: Path) -> Path:
    """A file that declares an identity provider which nobody reaches."""
    (folder / "corporate.secret").write_text("of the client")
    file = folder / "providers.yaml"
    file.write_text(declaration(FakeProvider(9)))
    return file


def happen(gateway: GatewayProcess) -> None:
    """One of everything that is counted by what it was."""
    gateway.apply(open_to_all("story/down", upstream="down"))
    gateway.apply(open_to_all("story/cut"))
    gateway.apply(open_to_all("story/few", "requests_per_minute: 3", upstream="down"))
    for model in (gateway.models["api"], gateway.models["limited"], "story/down", *["story/few"] * 4):
        call(gateway, model)
    for token in (gateway.enter("initech")[1], gateway.enter("initech")[1]):  # alike, so they share a decision
        call(gateway, "story/down", token)
    with gateway.http("developer") as client:
        file = client.get(f"/hub/{gateway.models['open_weights']}/resolve/main/config.json", follow_redirects=True)
    assert file.status_code == 200
    with gateway.http("nobody") as client:
        assert client.get("/v1/models").status_code == 401
    assert httpx.get(f"{gateway.base_url}/control/session/start").status_code == 503
    with streaming(gateway, "developer", "story/cut") as stream:
        narrowing = {"verb": "suspend", "cause": "drill"}
        gateway.control("POST", "/releases/story/cut/narrowings", json=narrowing)
        stream.read_on()


def call(gateway: GatewayProcess, model: str, who: str = "developer") -> httpx.Response:
    with gateway.http(who) as client:
        asked = {"model": model, "messages": [{"role": "user", "content": "Hello."}]}
        return client.post("/v1/chat/completions", json=asked)


def test_every_query_of_the_dashboard_finds_something_at_a_real_gateway(
    watched: tuple[GatewayProcess, Prometheus],
) -> None:
    gateway, prometheus = watched
    asked = {query: query.replace('=~"$job"', '=~".+"').replace("$__rate_interval", "1m") for query in QUERIES}
    assert len(QUERIES) > 25

    def unanswered() -> list[str]:
        gateway.is_ready()  # as Kubernetes asks again and again
        return [query for query, plain in asked.items() if not prometheus.query(plain)]

    until(lambda: unanswered() == [], 20.0, lambda: f"nothing is found by {unanswered()}")


def test_a_gateway_that_is_well_raises_nothing(watched: tuple[GatewayProcess, Prometheus]) -> None:
    gateway, prometheus = watched

    assert gateway.is_ready()
    assert prometheus.unwell() == {}
    assert (
        prometheus.firing() & {name for name, rule in ALERTS.items() if rule["labels"]["severity"] == "critical"}
        == set()
    )
