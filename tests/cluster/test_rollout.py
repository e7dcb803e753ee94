"""From one build to the next and back, with a change of the schema between them, under load: nobody notices.

Each gateway takes a quarter of a minute to leave and another to come: only `make soak` collects this.
"""

import os
import time
from pathlib import Path

import pytest

from gateway import __version__
from gateway.database import migrate
from tests.fakes.builds import EXPANDS, ONLY_ADDS, Build, add_migration, next_build
from tests.fakes.cluster import ClusterHouse
from tests.fakes.gateway import until
from tests.fakes.postgresql import elsewhere
from tests.fakes.upstreams import UpstreamProcess
from tests.faults.load import Load
from tests.faults.record import Record
from tests.faults.report import write_report
from tests.journeys.releases import open_to_all

TIMES = int(os.environ.get("RELEASE_GATEWAY_ROLLOUTS", "3"))
NEWER = "9.9.0"
CONDITIONS = "requests_per_minute: 1000000, tokens_per_day: 1000000000"

pytestmark = pytest.mark.soak


@pytest.fixture
def newer(tmp_path: Path) -> Build:
    """A build to come, whose schema has a table and a column that this one does not know."""
    build = next_build(tmp_path / "newer", NEWER)
    add_migration(build.root / "migrations" / "versions", "tomorrow", EXPANDS, ONLY_ADDS)
    return build


def test_no_call_fails_no_stream_is_cut_and_no_entry_is_lost(
    house: ClusterHouse, newer: Build, paced: UpstreamProcess, lengthy: UpstreamProcess
) -> None:
    house.apply(open_to_all("rollout/short", CONDITIONS))
    house.apply(open_to_all("rollout/long", CONDITIONS, upstream="lengthy"))
    developer, cluster, took_s = house.keys["developer"], house.cluster, []

    with (
        Load(house.base_url, developer, "rollout/short") as short,
        Load(house.base_url, developer, "rollout/long", callers=12) as long,
    ):
        assert short.begun.wait(20) and long.begun.wait(20)
        for _ in range(TIMES):
            for build in (newer, Build()):
                began = time.monotonic()
                cluster.roll_out(build.root)
                took_s.append(time.monotonic() - began)
                house.enter("between")  # what this build writes fits the schema, whichever it is
                served_by_all(house)
    record = settled(house, [*paced.seen, *lengthy.seen])

    got = [*short.got, *long.got]
    streams = [each for each in long.got if each.bytes_in > 10_000]
    assert short.broken == long.broken == []
    assert [(each.status, each.said) for each in got if each.status != 200 or not each.whole] == []
    mine = {each.request_id for each in got}
    assert {body["outcome"] for body in record.ended if body["admitted"] in mine} == {"complete"}
    assert record.mistakes([*paced.seen, *lengthy.seen], got) == []
    started = [entry["body"]["detail"]["version"] for entry in record.entries if entry["event"] == "gateway:started"]
    assert started.count(NEWER) == 2 * TIMES and started[-1] == __version__
    schema = elsewhere(migrate.schema(house.database_url))
    assert schema.is_ahead and schema.may_serve
    write_report(
        "a rollout and its rollback under load, with a change of the schema between",
        {
            "rollouts, rollbacks": f"{TIMES}, {TIMES}; each of two gateways in turn, {max(took_s):.0f} s at most",
            "calls": f"{len(got)}, of which {len(streams)} streams of ten seconds",
            "calls that failed": "0",
            "streams that were cut": "0",
            "requests that the upstreams saw and the ledger did not": "0",
            "entries, contiguous, every leaf hash right": f"{len(record.entries)}",
            "schema at the end": f"{schema.revision}, served by code of {schema.needed}",
        },
    )


def served_by_all(house: ClusterHouse) -> None:
    """A call by each gateway itself."""
    asked = {"model": "rollout/short", "messages": [{"role": "user", "content": "Here?"}]}
    for url in house.processes:
        with house.http("developer") as client:
            assert client.post(f"{url}/v1/chat/completions", json=asked).status_code == 200


def settled(house: ClusterHouse, seen: list[str]) -> Record:
    """The record, once all that was begun has ended."""
    until(lambda: len(Record.in_database(house.database_url).ended) >= len(set(seen)), 20)
    return Record.in_database(house.database_url)
