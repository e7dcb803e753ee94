"""What one process narrows is narrowed in every other within a second, and nobody outside the scope notices."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.abuse.replicas import Replicas, replicas
from tests.abuse.test_12_use_after_revoke import BOUND_S, Stream
from tests.fakes.gateway import until
from tests.fakes.house import CHAT, MESSAGES
from tests.fakes.postgresql import PostgreSQLServer

MODEL = "demo/slow"
PATH = f"/releases/{MODEL}/narrowings"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database."""
    with replicas(tmp_path_factory.mktemp("narrowing"), postgresql_server, 2, interval_ms=20) as running:
        running.first.apply(
            f"release: {MODEL}\nserves: {{inference: {{upstream: fake, model: slow}}}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
        )
        running.follow()
        yield running


def called(client: httpx.Client, model: str = MODEL) -> tuple[int, str]:
    """Status and code of a call that is given up as soon as it is answered."""
    body = {"model": model, "messages": MESSAGES, "stream": True}
    with client.stream("POST", CHAT, json=body) as answer:
        if answer.status_code == 200:
            return 200, ""
        answer.read()
        return answer.status_code, str(answer.json()["error"]["code"])


class Bystander:
    """Somebody outside the scope who calls all the while."""

    def __init__(self, client: httpx.Client) -> None:
        self.told: list[tuple[int, str]] = []
        self._client = client
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def _call(self) -> None:
        while not self._is_over.is_set():
            self.told.append(called(self._client))

    def leaves(self) -> list[tuple[int, str]]:
        """Every answer it got."""
        self._is_over.set()
        self._thread.join(20)
        return self.told


def narrow(running: Replicas, verb: str, **given: Any) -> None:
    running.first.control("POST", PATH, json={"verb": verb, "cause": "drill", **given})


def test_a_suspension_by_class_of_person_in_one_process_ends_use_in_both_and_spares_everybody_else(
    two: Replicas,
) -> None:
    first, second = two.gateways
    claim = {"name": "us_person", "issuer": "registry", "assurance": 3}
    tokens = {}
    for organisation, value in (("citizens", True), ("foreigners", False)):
        _, tokens[organisation] = first.enter(organisation)
        first.control("POST", f"/organisations/{organisation}/attributes", json=claim | {"value": value})
    two.follow()

    with second.http(tokens["foreigners"]) as foreign, second.http(tokens["citizens"]) as citizen:
        assert called(foreign) == called(citizen) == (200, "")
        bystander = Bystander(citizen)
        cut = [Stream(gateway.base_url, tokens["foreigners"], MODEL) for gateway in two.gateways]
        spared = Stream(second.base_url, tokens["citizens"], MODEL)

        narrow(two, "suspend", scope="not us_person")
        narrowed = time.monotonic()
        took_s = until(lambda: called(foreign) == (403, "suspended"), 5)
        ended = [stream.ends() - narrowed for stream in cut]
        seen = len(spared.lines)
        until(lambda: len(spared.lines) > seen + 5, 5)
        narrow(two, "restore")
        back_s = until(lambda: called(foreign) == (200, ""), 5)
        answers = bystander.leaves()

    assert took_s < BOUND_S and max(ended) < BOUND_S and back_s < BOUND_S
    assert {stream.last_words for stream in cut} == {"suspended"}
    assert len(answers) > 5 and set(answers) == {(200, "")}


def test_a_hold_taken_in_one_process_keeps_a_stage_from_opening_in_the_other(two: Replicas) -> None:
    first, second = two.gateways
    name, opens = "demo/held", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    first.apply(
        f"release: {name}\nserves: {{inference: {{upstream: fake, model: slow}}}}\n"
        "audiences: {staff: {role: staff}}\n"
        f"stages: [{{name: internal, opens: 2026-01-05T00:00:00Z, access: closed, to: [staff]}},"
        f' {{name: general, opens: "{opens}", access: api, to: [public]}}]\n'
    )
    first.control("POST", f"/releases/{name}/narrowings", json={"verb": "hold", "cause": "red team"})
    two.follow()
    time.sleep(4.5)

    with second.http("developer") as client:
        held = called(client, name)
        first.control("POST", f"/releases/{name}/narrowings", json={"verb": "restore", "cause": "clean"})
        took_s = until(lambda: called(client, name) == (200, ""), 5)

    assert held == (403, "held")
    assert took_s < BOUND_S
