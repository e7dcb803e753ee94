"""Abuse 6, of people: no token of theirs, and no cookie of their session, is let in with anything changed in it."""

import os
import random
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from structlog.testing import capture_logs

from tests.abuse.signing_in import SESSION, Desk, where_people_sign_in
from tests.fakes.garbling import mutated
from tests.faults.report import write_report

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
MUTATIONS = 100_000 if SOAK else 1_000
RENEWED_EVERY = 20_000
"""Before a token of ten minutes ends: what is mutated must be good."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with where_people_sign_in(tmp_path_factory.mktemp("people")) as opened:
        yield opened


def by_token(desk: Desk, token: str) -> httpx.Response:
    """Who a command line is, as it says."""
    return desk.house.client.get(f"{desk.house.url}/control/me", headers={"authorization": f"Bearer {token}"})


def by_cookie(desk: Desk, secret: str) -> httpx.Response:
    """Who a browser is, as it says. No other cookie goes along."""
    return desk.house.client.get(f"{desk.house.url}/control/me", headers={"cookie": f"{SESSION}={secret}"})


@pytest.mark.soak
def test_nothing_that_people_hold_is_let_in_once_it_was_changed(desk: Desk) -> None:
    chance, met = random.Random(20261125), {"tokens": Counter[int](), "sessions": Counter[int]()}
    token = desk.logged_in()["access_token"]
    assert by_token(desk, token).status_code == by_cookie(desk, desk.session).status_code == 200
    assert by_token(desk, desk.session).status_code == by_cookie(desk, token).status_code == 401

    with capture_logs() as logged:
        for turn in range(MUTATIONS):
            if turn % RENEWED_EVERY == RENEWED_EVERY - 1:
                token = desk.logged_in()["access_token"]
            if (hostile := mutated(chance, token)) != token and turn % 2:
                met["tokens"][by_token(desk, hostile).status_code] += 1
            elif (hostile := mutated(chance, desk.session)) != desk.session:
                met["sessions"][by_cookie(desk, hostile).status_code] += 1

    assert all(set(statuses) <= {400, 401} and statuses[401] > MUTATIONS // 4 for statuses in met.values()), met
    assert by_token(desk, token).status_code == 200 and desk.is_in(), "whoever is attacked so goes on"
    assert [line for line in logged if line["event"] in {"authentication_failed", "unforeseen", "door_failed"}] == []
    if SOAK:
        told = {
            f"{what} of people with something changed": f"{statuses.total()}, of which 0 let in; "
            + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
            for what, statuses in met.items()
        }
        write_report("Tokens and sessions of people, mutated", told)
