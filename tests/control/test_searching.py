"""Searching takes room of its own: whoever asks for much in parallel waits, and nobody else does."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from gateway.clock import at
from gateway.control.searching import CUSTOMERS_AT_ONCE, EACH, Searching, TooManySearches
from gateway.identity.callers import Role
from gateway.ledger.entries import AccessBody, Draft, written
from gateway.ledger.events import Event
from gateway.ledger.store import Appending, locked_head
from tests.builders import a_caller
from tests.fakes.house import House, open_house

ENTRIES = 20_000
SEARCHERS = 40
STORM_S = 4.0
PROMPT_S = 2.0


def many_refusals(connection: Connection) -> None:
    """A long record of one organisation, too young to be indexed."""
    now = locked_head(connection).at
    appending = Appending(connection, "p", lambda: at(now))
    body = AccessBody(organisation="busy", endpoint="/v1/chat/completions", reasons=["model_not_found"])
    appending.place([written(Draft(f"refused_{place}", Event.ACCESS_REFUSED, body)) for place in range(ENTRIES)])


@contextmanager
def searched_by_many(house: House) -> Iterator[Counter[int]]:
    """One key searches in parallel for what is nowhere, for the length of the block; what it was answered."""
    answers: Counter[int] = Counter()
    stopping = threading.Event()

    async def search(client: httpx.AsyncClient) -> None:
        while not stopping.is_set():
            asked = {"endpoint": "/v1/nothing", "limit": 200}
            answer = await client.get("/control/ledger", params=asked, headers=house.headers("busy"))
            answers[answer.status_code] += 1
            if answer.status_code == 429:
                assert answer.json()["code"] == "too_many_searches"
                assert answer.headers["retry-after"] == "1"
                await asyncio.sleep(0.05)

    async def storm() -> None:
        limits = httpx.Limits(max_connections=SEARCHERS)
        async with httpx.AsyncClient(base_url=house.url, timeout=30, limits=limits, trust_env=False) as client:
            await asyncio.gather(*(search(client) for _ in range(SEARCHERS)))

    thread = threading.Thread(target=asyncio.run, args=(storm(),))
    thread.start()
    try:
        yield answers
    finally:
        stopping.set()
        thread.join()


def test_many_searches_of_one_organisation_hold_up_nobody_elses_calls(tmp_path: Path, database_url: str) -> None:
    with open_house(tmp_path, database_url=database_url) as house:
        house.control("/organisations", id="busy", name="Busy")
        house.enter("busy", "busy", Role.DEVELOPER)
        house.run(house.installation.ledger.database.write(many_refusals))
        calls: list[tuple[int, float]] = []

        with searched_by_many(house) as answers:
            until = time.monotonic() + STORM_S
            while time.monotonic() < until:
                asked = time.monotonic()
                answer = house.chat(house.models["api"])
                calls.append((answer.status_code, time.monotonic() - asked))
                time.sleep(0.05)

    assert {status for status, _ in calls} == {200}
    assert max(took for _, took in calls) < PROMPT_S
    assert set(answers) == {200, 429}


def test_an_organisation_takes_its_own_part_of_the_room_and_no_more() -> None:
    searching, acme, bolt = Searching(), a_caller(organisation="acme"), a_caller(organisation="bolt")

    with ExitStack() as under_way:
        for _ in range(EACH):
            under_way.enter_context(searching.by(acme))
        with pytest.raises(TooManySearches), searching.by(acme):
            pytest.fail("there was room")
        with searching.by(bolt):
            pass
    with searching.by(acme):
        pass


def test_customers_together_leave_room_for_those_who_oversee() -> None:
    searching = Searching()

    with ExitStack() as under_way:
        for place in range(CUSTOMERS_AT_ONCE):
            under_way.enter_context(searching.by(a_caller(organisation=f"org-{place}")))
        with pytest.raises(TooManySearches), searching.by(a_caller(organisation="late")):
            pytest.fail("there was room")
        with searching.by(a_caller(organisation="provider", roles=(Role.AUDITOR,))):
            pass


def test_a_search_that_fails_gives_its_place_back() -> None:
    searching, acme = Searching(), a_caller(organisation="acme")

    for _ in range(EACH + 1):
        with pytest.raises(OSError), searching.by(acme):
            raise OSError
