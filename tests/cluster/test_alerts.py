"""Every alert of the chart fires on the cluster by its fault, at a real Prometheus, and ends when that is mended.

The rules are those that Helm renders, with every duration a thirtieth of what it is in production, and gateways are
scraped as much faster: what is measured, and how much of it is too much, is the same. Whole it takes a quarter of an
hour: `make soak`; every run has one of them.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import pytest

from tests.cluster.causes import CAUSES, Cause, going_on
from tests.cluster.conftest import SOAK
from tests.cluster.database_faults import full_disk, log_disk, prepare
from tests.fakes.cluster import ClusterHouse, cluster_house
from tests.fakes.gateway import until
from tests.fakes.upstreams import upstream_process
from tests.faults.report import write_report
from tests.helm.hastened import rules_of_the_chart
from tests.helm.prometheus import FASTER, Prometheus, scraping
from tools.cluster.cluster import says_ready

QUIET_S = 60.0
FIRES_S = 240.0
"""A stage is late after an hour, which here is two minutes; a clock is uncertain after 100 s by itself."""
ENDS_S = 90.0
ASKED_EVERY_S = 0.5
TRIED = list(CAUSES) if SOAK else ["GatewayJudgeFailing"]
FULL_DISK = "no room on the disk of PostgreSQL's write-ahead log"
"""What causes GatewayLedgerCannotWrite where a disk can be mounted."""


@dataclass
class Watched:
    """A cluster, who watches it, and what causes each alert here."""

    house: ClusterHouse
    prometheus: Prometheus
    causes: Mapping[str, Cause]
    seen: dict[str, str] = field(default_factory=dict)
    """How long each alert that fired and ended took to, in words."""

    def stirring(self) -> set[str]:
        """Those that are tried here and fire, or soon may. Of what others do to a cluster of all nothing is asked."""
        return self.prometheus.stirring() & set(TRIED)


@pytest.fixture(scope="module")
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The cluster of all; or, where its clock is going to jump, one of its own."""
    folder = tmp_path_factory.mktemp("alerts")
    with ExitStack() as stack:
        causes = dict(CAUSES)
        if SOAK:
            disk = stack.enter_context(log_disk())
            upstream = stack.enter_context(upstream_process(folder / "upstream"))
            upstreams = {"paced": upstream.url, "nobody": "http://127.0.0.1:9/v1"}
            house = stack.enter_context(cluster_house(upstreams))
            prepare(house, disk)
            if disk is not None:
                causes["GatewayLedgerCannotWrite"] = Cause(FULL_DISK, partial(full_disk, disk=disk))
        else:
            house = request.getfixturevalue("house")
        ports = house.cluster.layout.ports.gateways
        prometheus = stack.enter_context(scraping(folder / "prometheus", ports))
        for url in house.processes:  # as Kubernetes does
            stack.enter_context(going_on(partial(says_ready, url), ASKED_EVERY_S))
        yield Watched(house, prometheus, causes)


def test_every_alert_has_a_cause() -> None:
    assert set(CAUSES) == {rule["alert"] for group in rules_of_the_chart()["groups"] for rule in group["rules"]}


@pytest.mark.soak
@pytest.mark.parametrize("alert", TRIED)
def test_an_alert_fires_by_its_fault_and_ends_when_that_is_mended(watched: Watched, alert: str) -> None:
    prometheus, cause = watched.prometheus, watched.causes[alert]
    until(lambda: watched.stirring() == set(), QUIET_S, lambda: f"not quiet: {watched.stirring()}")

    with cause.on(watched.house):
        fired_s = until(lambda: alert in prometheus.firing(), FIRES_S, lambda: f"firing: {prometheus.firing()}")
        besides = sorted(prometheus.firing() - {alert})
        mending = time.monotonic()
    until(lambda: alert not in prometheus.firing(), ENDS_S, lambda: "it does not end")
    ended_s = time.monotonic() - mending

    assert prometheus.unwell() == {}
    words = f"{cause.told}: fires after {fired_s:.1f} s, ends within {ended_s:.1f} s of its mending"
    watched.seen[alert] = words + (f"; besides it {', '.join(besides)}" if besides else "")


@pytest.mark.soak
def test_all_that_were_tried_have_fired_and_in_the_end_none_does(watched: Watched) -> None:
    assert set(watched.seen) == set(TRIED)
    until(lambda: watched.stirring() == set(), QUIET_S, lambda: f"not quiet: {watched.stirring()}")
    if SOAK:
        speed = {"durations of the rules, and of the time between scrapes": f"1/{FASTER} of the chart's"}
        write_report("each alert of the chart fired by its fault on a cluster", speed | watched.seen)
