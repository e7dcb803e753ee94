"""A gateway stands still until the other closes what it had open. It takes minutes: only `make soak` collects this."""

import pytest

from tests.cluster.faults import CLOSED_MAX_S, faults
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until
from tests.fakes.upstreams import UpstreamProcess
from tests.faults.record import Record
from tests.faults.report import write_report

STILL_S = 45.0
"""Longer than a process may be silent before it is taken for dead."""

pytestmark = pytest.mark.soak


def test_a_gateway_that_was_taken_for_dead_ends_and_is_started_anew(
    house: ClusterHouse, paced: UpstreamProcess
) -> None:
    """It may not go on as if nothing had been closed, and nobody has to see to it."""
    with faults(house, paced, seed=11) as run:
        for gateway in house.cluster.gateways:
            before = gateway.starts
            run.freeze(gateway, STILL_S)
            assert gateway.starts == before + 1

        until(lambda: run.settled(Record.in_database(house.database_url)) == [], CLOSED_MAX_S)
        record = Record.in_database(house.database_url)
        assert run.mistakes(record) == []
        write_report("each gateway of a cluster stood still until it was taken for dead", run.figures(record))
