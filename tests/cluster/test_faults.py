"""Any part of a cluster is killed or stands still under load: nothing passes that may not, and all is served again."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import SOAK
from tests.cluster.faults import CLOSED_MAX_S, Faults, faults
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until
from tests.fakes.upstreams import UpstreamProcess
from tests.faults.record import Record
from tests.faults.report import write_report

TIMES = int(os.environ.get("RELEASE_GATEWAY_FAULTS", "20")) if SOAK else 1
"""How often each part is killed and frozen."""


@pytest.fixture
def run(house: ClusterHouse, paced: UpstreamProcess) -> Iterator[Faults]:
    """Faults of this cluster."""
    with faults(house, paced, seed=7) as started:
        yield started


@pytest.mark.soak
def test_nothing_passes_unrecorded_or_wrongly_whatever_part_fails_and_all_is_served_again(run: Faults) -> None:
    cluster = run.house.cluster
    for turn in range(TIMES):
        gateway = cluster.gateways[turn % 2]
        if SOAK:
            for part in (cluster.postgresql, cluster.opa, gateway, cluster.nginx):
                run.kill(part)
                run.freeze(part)
        else:
            run.kill(gateway)
        assert run.mistakes(Record.in_database(run.house.database_url)) == []

    record = Record.in_database(run.house.database_url)
    assert any(each.status == 200 and each.whole for each in run.got)
    assert {each.status for each in run.trespassed} <= {403, 503, 504}
    if SOAK:
        until(lambda: run.settled(Record.in_database(run.house.database_url)) == [], CLOSED_MAX_S)
        write_report("a cluster's parts killed and frozen under load", run.figures(record))
