"""As many organisations as a provider may have, on two gateways under load: whom a suspension by predicate reaches, and
that it reaches nobody else; what may be asked of all of them, and that nobody's call waits for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.clock import SECOND, text_from
from gateway.identity.predicates import Facts, Predicate, Truth, truth_of
from gateway.releases.narrowings import scope_of
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.postgresql import PostgreSQLServer
from tests.fakes.upstreams import upstream_process
from tests.faults.conftest import SOAK
from tests.faults.percentiles import p99
from tests.faults.population import Population, facts_of, organisation
from tests.faults.report import write_report
from tests.faults.steady import Steady
from tests.journeys.releases import LONG_AGO, open_to_all, release
from tests.journeys.streams import streaming

ORGANISATIONS = 1_000_000 if SOAK else 10_000
CALLERS = (0, 2, 4, 11, 24, 37, 87, 130, 377, 402)
"""Numbers of the organisations that call; of each scope some are inside, some outside, and of some it is unknown."""
PREVIEW_MAX_S = 10.0
IN_FORCE_MAX_S = 1.0
TURN_S = 1.5 if SOAK else 1.25
"""How long callers are watched after each turn."""
PATIENCE_S = 300.0

SUSPENDED, ASKED = "million/suspended", "million/asked"
SCOPES = (
    "not us_person",
    "residence_country = CN",
    "not us_person and (residence_country in [CN, IN] or citizenships in [CN, RU] or kyc < K3)",
)
AUDIENCE = "us_person and residence_country in [US, DE] and citizenships in [US] and kyc >= K3"
WIDER = "us_person and residence_country in [US, DE] and citizenships in [US] and kyc >= K2"


def for_some(least: str) -> str:
    """A release for the audience that is written above as a predicate."""
    tests = f'us_person: true, residence_country: [US, DE], citizenships: {{in: [US]}}, kyc: ">= {least}"'
    gives = "access: api, to: [vetted], offers: [inference.text], conditions: {retain_days: 30}"
    stage = f"name: some, opens: {LONG_AGO}, {gives}"
    return release(ASKED, stage, more=f"audiences: {{vetted: {{{tests}}}}}")


@dataclass
class Installation:
    """Two gateways on one database full of organisations, and what was measured of them."""

    gateways: tuple[GatewayProcess, GatewayProcess]
    population: Population
    tokens: dict[str, str] = field(default_factory=dict)
    """Of the organisations that call, by id."""
    figures: dict[str, str] = field(default_factory=dict)

    def timed(self, what: str, asked: Callable[[], Any]) -> tuple[Any, float]:
        """An answer, and how long it took to come."""
        began = time.monotonic()
        answer = asked()
        took = time.monotonic() - began
        self.figures[what] = f"{took:.2f} s"
        return answer, took

    def report(self, about: str) -> None:
        """Write down what was measured since the last time, where it was measured whole."""
        if SOAK:
            write_report(f"{about}, {self.population.count} organisations, PostgreSQL", self.figures)
        self.figures = {}

    def ask(self, method: str, path: str, place: int = 0, **given: Any) -> Any:
        """What one of the gateways answers to its provider."""
        with self.gateways[place].http("provider", timeout=PATIENCE_S) as client:
            answer = client.request(method, f"/control{path}", **given)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def callers(self, scope: Predicate, *truths: Truth) -> list[str]:
        """Those of the callers that answer so."""
        return [
            organisation(number)
            for number in CALLERS
            if truth_of(scope, Facts(("developer",), False, facts_of(number), organisation(number))) in truths
        ]


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, postgresql_server: PostgreSQLServer
) -> Iterator[Installation]:
    """Two processes, filled once both run: what is asserted of the odd organisations was recorded after `known_at`."""
    folder, name = tmp_path_factory.mktemp("many"), postgresql_server.new_database()
    settings = {"database_url": postgresql_server.url(name)}
    with upstream_process(folder / "upstream", interval_ms=20, chunks=1500) as upstream:
        one, other = (
            GatewayProcess(folder / each, upstreams={"paced": upstream.url}, settings=settings, launch=nursery.launch)
            for each in ("one", "other")
        )
        other.data = one.data
        try:
            one.start()
            other.start()
            one.apply(open_to_all(SUSPENDED, "requests_per_minute: 1000000, tokens_per_day: 1000000000"))
            one.apply(for_some("K3"))
            population = Population(ORGANISATIONS, round(time.time() * SECOND))
            population.fill(postgresql_server, name)
            tokens = {organisation(number): one.enter(organisation(number))[1] for number in CALLERS}
            other.follow()
            yield Installation((one, other), population, tokens)
        finally:
            one.kill()
            other.kill()
    postgresql_server.drop_database(name)


@pytest.fixture
def load(installation: Installation) -> Iterator[Steady]:
    """Everybody calls, at both gateways; nobody was refused before the test begins."""
    urls = [gateway.base_url for gateway in installation.gateways]
    with Steady(urls, installation.tokens, SUSPENDED) as load:
        until(lambda: load.is_whole, PATIENCE_S)
        assert {each.status for each in load.answers} == {200}
        yield load


@pytest.mark.soak
@pytest.mark.parametrize("scope", SCOPES if SOAK else SCOPES[::2])
def test_a_suspension_by_predicate_is_previewed_and_ends_whom_it_is_for_within_a_second_and_nobody_else(
    installation: Installation, load: Steady, scope: str
) -> None:
    predicate = scope_of(scope)
    inside = installation.callers(predicate, Truth.YES, Truth.UNKNOWN)
    outside = installation.callers(predicate, Truth.NO)
    assert len(inside) >= 3 and len(outside) >= 3
    path, order = f"/releases/{SUSPENDED}/narrowings", {"verb": "suspend", "scope": scope, "cause": "directive"}

    preview, took = installation.timed("previewed", lambda: installation.ask("POST", f"{path}/preview", json=order))
    with cut_short(installation, inside[0]) as ended:
        suspended_at = time.time()
        taken, _ = installation.timed("answered when taken", lambda: installation.ask("POST", path, json=order))
        time.sleep(TURN_S)
        restored_at = time.time()
        installation.ask("POST", path, place=1, json={"verb": "restore", "inverse_of": taken["id"], "cause": "over"})
        given_back_at = time.time()
        time.sleep(TURN_S)

    expected = installation.population.tally(predicate)
    assert (preview["inside"], preview["outside"]) == (expected[Truth.YES], expected[Truth.NO])
    assert preview["unknown"] >= expected[Truth.UNKNOWN]
    losing = preview["affected"]["losing"]
    assert expected[Truth.YES] + expected[Truth.UNKNOWN] <= losing <= preview["inside"] + preview["unknown"]
    assert took < PREVIEW_MAX_S
    installation.figures["of them would lose access"] = f"{losing} of {preview['inside'] + preview['unknown']}"
    last = [each.began for each in load.between(suspended_at, restored_at, of=inside) if each.status == 200]
    in_force_s = max([*last, *ended], default=suspended_at) - suspended_at
    installation.figures["in force in both processes, open streams cut"] = f"within {in_force_s:.2f} s"
    assert in_force_s < IN_FORCE_MAX_S and len(ended) == 2
    refused = load.between(suspended_at + IN_FORCE_MAX_S, restored_at, of=inside)
    assert {(each.gateway, each.code) for each in refused} == {(0, "suspended"), (1, "suspended")}
    again = load.between(given_back_at + IN_FORCE_MAX_S, time.time(), of=inside)
    assert again and {each.status for each in again} == {200}
    assert_answered(installation, load, outside)
    installation.report(f"A suspension of `{scope}`")


def assert_answered(installation: Installation, load: Steady, whom: list[str]) -> None:
    """Not one call of theirs failed; how many there were, and how long the slowest took."""
    theirs = load.between(0, time.time(), of=whom)
    failed = [each for each in theirs if each.status != 200]
    assert theirs and not failed, failed[:5]
    spent = [each.ended - each.began for each in theirs]
    installation.figures["calls meanwhile of whom it leaves alone"] = f"{len(theirs)}, of which 0 failed"
    installation.figures["p99 and slowest of them"] = f"{p99(spent) * 1000:.0f} ms, {max(spent) * 1000:.0f} ms"


@contextmanager
def cut_short(installation: Installation, who: str) -> Iterator[list[float]]:
    """A stream of an organisation's at each gateway; when each ended, once the block is left."""
    ended: list[float] = []
    with ExitStack() as stack:
        streams = [
            stack.enter_context(streaming(gateway, installation.tokens[who], SUSPENDED))
            for gateway in installation.gateways
        ]
        readers = [threading.Thread(target=stream.read_on, daemon=True) for stream in streams]
        for reader in readers:
            reader.start()
        yield ended
        for reader in readers:
            reader.join(TURN_S)
        ended += [stream.ended_at for stream in streams if stream.ended_at and stream.error["code"] == "suspended"]


@pytest.mark.soak
def test_who_could_use_a_release_is_counted_and_explained_while_everybody_is_answered(
    installation: Installation, load: Steady
) -> None:
    population, audience = installation.population, scope_of(AUDIENCE)
    then = {"at": text_from(population.known_at)}

    for when, asked in (("now", {}), ("then", then)):
        census, _ = installation.timed(
            f"`access who`, {when}", lambda asked=asked: installation.ask("GET", f"/access/{ASKED}/who", params=asked)
        )
        [count] = census["components"]
        expected = population.tally(audience, then=when == "then")[Truth.YES]
        assert count["admitted"] == count["audiences"]["vetted"] == expected > 0
        assert census["is_complete"] and census["organisations"] >= ORGANISATIONS
        wanted = {"component": "inference.text", "limit": 50} | asked
        page, _ = installation.timed(
            f"the first 50 of them, {when}",
            lambda wanted=wanted: installation.ask("GET", f"/access/{ASKED}/organisations", params=wanted),
        )
        named = population.names(audience, 50, then=when == "then")
        assert [each["organisation"] for each in page["organisations"]] == named
        assert set(count["named"]) <= set(population.names(audience, ORGANISATIONS, then=when == "then"))

    late = next(name for name in population.names(audience, 1_000) if int(name.removeprefix("org-")) % 2)
    for when, asked in (("now", {}), ("then", then)):
        wanted = {"component": "inference.text", "of": late} | asked
        told, _ = installation.timed(
            f"`access explain`, {when}",
            lambda wanted=wanted: installation.ask("GET", f"/access/{ASKED}/explain", params=wanted),
        )
        assert told["admitted"] is (when == "now")
    assert_answered(installation, load, list(installation.tokens))
    installation.report("Who could use a release")


@pytest.mark.soak
def test_a_plan_counts_who_gains_while_everybody_is_answered(installation: Installation, load: Steady) -> None:
    population = installation.population
    gaining = population.tally(scope_of(WIDER))[Truth.YES] - population.tally(scope_of(AUDIENCE))[Truth.YES]

    sent = {"file": for_some("K2"), "documents": {}}
    plan, _ = installation.timed("`release plan`", lambda: installation.ask("POST", "/changes", json=sent))

    [step] = plan["consequences"]
    assert step["organisations"]["gain"] == step["audiences"]["vetted"]["gain"] == gaining > 0
    assert step["gaining"] and not step["losing"]
    warned = {each["code"]: each["message"] for each in plan["warnings"]}
    wanting_nothing_kept = population.tally(scope_of("zero_retention"))[Truth.YES]
    assert (
        "not_whole" not in warned and f"{wanting_nothing_kept} organisations want nothing kept" in warned["retention"]
    )
    assert_answered(installation, load, list(installation.tokens))
    installation.report("Who gains by a plan")
