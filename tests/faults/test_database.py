"""A database that is killed and a disk that is full: refused in time, recovered without a restart, all recorded."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.disks import FULL
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming

TOLD_S = 2.0
BACK_S = 10.0
CUT_S = 5.0 + 0.5
"""The promise, and how often it is looked whether it must be kept."""
MODEL = "fault/database"


@contextmanager
def standing(
    folder: Path, nursery: Nursery, settings: dict[str, str] | None = None
) -> Iterator[tuple[GatewayProcess, UpstreamProcess]]:
    """A gateway with one model, in front of an upstream that remembers."""
    with upstream_process(folder.parent / "upstream", interval_ms=20, chunks=1500) as upstream:
        gateway = GatewayProcess(folder, upstreams={"paced": upstream.url}, settings=settings, launch=nursery.launch)
        try:
            gateway.start()
            gateway.apply(open_to_all(MODEL))
            yield gateway, upstream
        finally:
            gateway.kill()


def call(client: httpx.Client) -> tuple[int, str, float]:
    """Status, code and how long it took."""
    began = time.monotonic()
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Still there?"}]}
    answer = client.post("/v1/chat/completions", json=asked)
    return answer.status_code, answer.json().get("error", {}).get("code", ""), time.monotonic() - began


def held_to_account(gateway: GatewayProcess, upstream: UpstreamProcess) -> None:
    """Every request the upstream saw is recorded, and ended."""
    admitted = {entry["id"] for entry in gateway.entries(event="access:admitted")}
    assert set(upstream.seen) <= admitted
    for request_id in admitted:
        gateway.ended(request_id)


def test_a_database_that_was_killed_is_missed_within_two_seconds_and_used_again_when_it_is_back(
    tmp_path: Path, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> None:
    name = postgresql_server.new_database()
    settings = {"database_url": postgresql_server.url(name)}
    with standing(tmp_path / "gateway", nursery, settings) as (gateway, upstream), gateway.http("developer") as client:
        before = call(client)
        postgresql_server.crash()
        try:
            seen = len(upstream.seen)
            refused = [call(client) for _ in range(4)]
            time.sleep(6)  # longer than what is in force may go unconfirmed
            refused += [call(client) for _ in range(2)]
            ready = gateway.is_ready()
            passed = len(upstream.seen) - seen
        finally:
            postgresql_server.revive()
        until(lambda: call(client)[0] == 200, BACK_S, lambda: "it does not recover")
        held_to_account(gateway, upstream)
    postgresql_server.drop_database(name)

    assert before[0] == 200
    assert {told[0] for told in refused} == {503} and all(told[1] for told in refused)
    assert max(told[2] for told in refused) <= TOLD_S
    assert passed == 0 and not ready


def test_a_stream_does_not_outlive_the_database_that_records_it_by_more_than_five_seconds(
    tmp_path: Path, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> None:
    name = postgresql_server.new_database()
    settings = {"database_url": postgresql_server.url(name)}
    with standing(tmp_path / "gateway", nursery, settings) as (gateway, _):
        with streaming(gateway, "developer", MODEL) as stream:
            postgresql_server.crash()
            crashed_at = time.time()
            try:
                stream.read_on()
            finally:
                postgresql_server.revive()
        until(gateway.is_ready, BACK_S, lambda: "it does not recover")
        ended = gateway.ended(stream.request_id)
    postgresql_server.drop_database(name)

    assert stream.ended_at - crashed_at <= CUT_S
    assert stream.error["code"] in {"ledger_unavailable", "snapshot_stale"}
    assert (ended["outcome"], ended["reasons"]) == ("cut", [stream.error["code"]])
    assert ended["bytes_out"] == sum(len(f"data: {frame}\n\n") for frame in stream.frames)


def test_a_database_that_stands_still_is_missed_within_two_seconds_too(
    tmp_path: Path, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> None:
    name = postgresql_server.new_database()
    settings = {"database_url": postgresql_server.url(name)}
    with standing(tmp_path / "gateway", nursery, settings) as (gateway, upstream), gateway.http("developer") as client:
        before = call(client)
        postgresql_server.freeze()
        try:
            seen = len(upstream.seen)
            refused = [call(client) for _ in range(3)]
            passed = len(upstream.seen) - seen
        finally:
            postgresql_server.thaw()
        until(lambda: call(client)[0] == 200, BACK_S, lambda: "it does not recover")
        held_to_account(gateway, upstream)
    postgresql_server.drop_database(name)

    assert before[0] == 200
    assert {told[0] for told in refused} == {503}
    assert max(told[2] for told in refused) <= TOLD_S
    assert passed == 0


@pytest.mark.parametrize("full", FULL)
def test_a_full_disk_refuses_every_call_and_room_on_it_is_all_that_is_needed(
    full: str, tmp_path: Path, nursery: Nursery
) -> None:
    with (
        FULL[full](tmp_path / "disk") as disk,
        standing(disk.folder / "gateway", nursery) as (gateway, upstream),
        gateway.http("developer") as client,
    ):
        before = call(client)
        disk.fill(gateway.pid)
        answers = [call(client) for _ in range(40)]
        refused = [told for told in answers if told[0] != 200]
        ready, seen = gateway.is_ready(), len(upstream.seen)
        disk.clear(gateway.pid)
        until(lambda: call(client)[0] == 200, BACK_S, lambda: "it does not recover")
        held_to_account(gateway, upstream)

    assert before[0] == 200
    assert refused, "the disk never was full"
    assert {told[:2] for told in refused} == {(503, "ledger_unavailable")}
    assert max(told[2] for told in refused) <= TOLD_S
    assert seen == 1 + sum(told[0] == 200 for told in answers)
    assert not ready
