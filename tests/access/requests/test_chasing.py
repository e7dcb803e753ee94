"""The background turn as it runs in a whole gateway: what waits for people is counted without anybody asking."""

from pathlib import Path

import pytest

from tests.fakes.house import eventually, open_house
from tests.fakes.requests import ANSWERS, GATED, asking_release


def test_a_running_gateway_counts_what_waits_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.access.requests.chasing.LOOK_S", 0.05)
    with open_house(tmp_path) as house:

        def counted() -> str:
            lines = house.ask("GET", "/metrics").text.splitlines()
            return next(line for line in lines if line.startswith("gateway_requests_open "))

        before = counted()
        house.apply(asking_release())
        asked = house.ask("POST", "/control/requests", "developer", json={"release": GATED, "answers": ANSWERS})
        eventually(lambda: counted() == "gateway_requests_open 1.0")
        house.control(f"/requests/{asked.json()['id']}/withdraw", "developer")
        eventually(lambda: counted() == "gateway_requests_open 0.0")

    assert before == "gateway_requests_open 0.0"
    assert asked.status_code == 201
