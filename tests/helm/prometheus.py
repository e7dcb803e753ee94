"""A real Prometheus on loopback, with the rules of the chart, for as long as a test needs it."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.fakes.gateway import free_port, until
from tests.helm.charts import CHART, tool
from tests.helm.hastened import hastened, rules_of_the_chart, shorter, written

RULES = CHART / "rules" / "alerts.yaml"
PATIENCE_S = 30.0
FASTER = 30
"""By how much every duration of a rule is shortened, and how often gateways are scraped with it."""
SCRAPED_EVERY = "15s"
"""The chart's own pace."""


class Prometheus:
    """Asks one Prometheus."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10)

    def is_ready(self) -> bool:
        """Whether it takes questions."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now."""
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return self._alerts("firing")

    def stirring(self) -> set[str]:
        """Of those that fire, and of those that will where what they look for lasts."""
        return self._alerts("firing", "pending")

    def _alerts(self, *states: str) -> set[str]:
        alerts = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] in states}

    def unwell(self) -> dict[str, str]:
        """Rules that could not be evaluated, and why."""
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        return {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")}


@contextmanager
def scraping(folder: Path, ports: Sequence[int]) -> Iterator[Prometheus]:
    """A Prometheus with the chart's rules that scrapes gateways, all of it FASTER times as fast as in production."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yaml").write_text(written(hastened(rules_of_the_chart(), FASTER)))
    targets = [f"127.0.0.1:{port}" for port in ports]
    every = shorter(SCRAPED_EVERY, FASTER)
    pace = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    jobs = [{"job_name": "release-gateway", "static_configs": [{"targets": targets}]}]
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump({"global": pace, "rule_files": ["rules.yaml"], "scrape_configs": jobs})
    )
    port = free_port()
    command = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        until(prometheus.is_ready, PATIENCE_S, (folder / "log").read_text)
        yield prometheus
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
