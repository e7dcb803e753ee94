"""What causes each alert of the chart on a cluster, and what a person would do about it.

A cause is a block: the fault stands while it runs, and is mended at its end. Nothing that a gateway tells of itself is
made up. Two things are as near as loopback lets us come: the database's clock jumps within the database, for the
machine's is not ours to set; and where a day must pass, it passes by such a jump, which the gateways then take on.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import NamedTuple

import httpx

from tests.cluster.callers import ROOMY, call
from tests.cluster.database_faults import held_lock, jumped_clock
from tests.cluster.lateness import change_undecided, narrowing_unseen, stage_unapproved
from tests.fakes.cluster import ClusterHouse, signal_all
from tests.faults.load import Load
from tests.journeys.releases import open_to_all

TERMS = "terms: {aup: terms/aup.md}"


class Cause(NamedTuple):
    """A fault, in words for the report, and how it is caused."""

    told: str
    on: Callable[[ClusterHouse], AbstractContextManager[None]]


@contextmanager
def going_on(act: Callable[[], object], every_s: float) -> Iterator[None]:
    """Somebody does something again and again, whatever comes of it."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_s):
            with suppress(httpx.TransportError):
                act()

    doing = threading.Thread(target=run)
    doing.start()
    try:
        yield
    finally:
        over.set()
        doing.join()


@contextmanager
def no_gateway(house: ClusterHouse) -> Iterator[None]:
    for gateway in house.cluster.gateways:
        gateway.stop()
    try:
        yield
    finally:
        for gateway in house.cluster.gateways:
            gateway.start()
        house.await_ready()


@contextmanager
def no_judge(house: ClusterHouse) -> Iterator[None]:
    house.cluster.opa.stop()
    try:
        yield
    finally:
        house.cluster.opa.start()
        house.await_ready()


@contextmanager
def no_database(house: ClusterHouse) -> Iterator[None]:
    house.cluster.postgresql.stop()
    try:
        yield
    finally:
        house.cluster.postgresql.start()
        house.await_ready()


@contextmanager
def frozen_database(house: ClusterHouse) -> Iterator[None]:
    signal_all(house.cluster.postgresql, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(house.cluster.postgresql, signal.SIGCONT)
        house.await_ready()


@contextmanager
def slow_commits(house: ClusterHouse) -> Iterator[None]:
    house.apply(open_to_all("alert/slow", ROOMY))
    with Load(house.base_url, house.keys["developer"], "alert/slow", callers=2) as load:
        assert load.begun.wait(20)
        with held_lock(house):
            yield


@contextmanager
def new_terms(house: ClusterHouse) -> Iterator[None]:
    """A new text of the terms of which no customer was told."""
    name, file = "alert/terms", open_to_all("alert/terms", f"terms: [aup], {ROOMY}", more=TERMS)
    house.apply(file)
    house.accept(name)
    assert call(house, house.base_url, name) == 200
    house.apply(file, {"terms/aup.md": "Do no harm, and say so.\n"})
    with going_on(lambda: call(house, house.base_url, name), 0.25):
        yield
        house.accept(name)
        assert call(house, house.base_url, name) == 200


@contextmanager
def tried_keys(house: ClusterHouse) -> Iterator[None]:
    with house.http("nobody") as nobody, going_on(lambda: nobody.get("/v1/models"), 0.02):
        yield


@contextmanager
def first_key_used(house: ClusterHouse) -> Iterator[None]:
    founder = house.founder
    assert founder != "provider", "the first key was not shown"
    with house.http(founder) as client, going_on(lambda: client.get("/control/releases"), 1.0):
        yield


@contextmanager
def little_left(house: ClusterHouse) -> Iterator[None]:
    """A customer who asks for nearly all of a day's tokens with every call, and does not use them."""
    house.apply(open_to_all("alert/near", "tokens_per_day: 100000"))
    with house.http("developer") as client:
        asked = {"model": "alert/near", "messages": [{"role": "user", "content": "All."}], "max_tokens": 95_000}
        with going_on(lambda: client.post("/v1/chat/completions", json=asked), 1.0):
            yield


@contextmanager
def no_upstream(house: ClusterHouse) -> Iterator[None]:
    """A release is moved to a model server that does not listen, and back."""
    house.apply(open_to_all("alert/moved", ROOMY, upstream="nobody"))
    with going_on(lambda: call(house, house.base_url, "alert/moved"), 0.25):
        yield
        house.apply(open_to_all("alert/moved", ROOMY))


CAUSES: Mapping[str, Cause] = {
    "GatewayAbsent": Cause("both gateways stopped", no_gateway),
    "GatewayLedgerCannotWrite": Cause("PostgreSQL stopped", no_database),
    "GatewayJudgeFailing": Cause("OPA stopped", no_judge),
    "GatewaySnapshotStale": Cause("PostgreSQL frozen", frozen_database),
    "GatewayClockUncertain": Cause("PostgreSQL frozen, for as long as it takes", frozen_database),
    "GatewayLedgerSlow": Cause("somebody holds the ledger's lock for 0.65 s, again and again", slow_commits),
    "GatewayRefusalsRising": Cause("new terms that no customer has accepted", new_terms),
    "GatewayUnknownKeys": Cause("an unknown key tried some fifty times a second", tried_keys),
    "GatewayBreakGlass": Cause("the installation's first key used", first_key_used),
    "GatewayLimitsNear": Cause("calls that ask for 95 % of a day's tokens", little_left),
    "GatewayUpstreamFailing": Cause("a release moved to a model server that does not listen", no_upstream),
    "GatewayStageLate": Cause("a stage whose date has come, and nobody's approval", stage_unapproved),
    "GatewayClockStepped": Cause("the database's clock an hour ahead at once", jumped_clock),
    "GatewayApprovalsLate": Cause("a change planned, and a day of the database's clock", change_undecided),
    "GatewayReviewOverdue": Cause("a hold by one person, and a day of the database's clock", narrowing_unseen),
}
"""By the alert's name, for any machine. The clock's come last: behind them it is another day."""
