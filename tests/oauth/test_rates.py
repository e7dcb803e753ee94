"""`/oauth/token` is bounded before any proof is looked at, and says so in OAuth's shape."""

from collections.abc import Iterator

import pytest

from gateway.identity.tokens.rates import FAILURE_COST
from tests.fakes.house import House, open_house

GRANT = {"grant_type": "client_credentials"}
PER_CLIENT, FAILURES = 4, 3


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    bounds = {"token_requests_per_client": PER_CLIENT, "token_requests_per_source": FAILURES * FAILURE_COST}
    with open_house(tmp_path_factory.mktemp("oauth"), **bounds) as opened:
        yield opened


def a_client(house: House) -> tuple[str, str]:
    made = house.control("/clients", organisation="acme", scopes=["inference"])
    return made["client"]["client"]["id"], made["client_secret"]


def test_a_client_that_asks_too_often_is_told_when_to_come_back(house: House) -> None:
    client, other = a_client(house), a_client(house)
    url = f"{house.url}/oauth/token"

    answers = [house.client.post(url, data=GRANT, auth=client) for _ in range(PER_CLIENT + 1)]
    late = answers.pop()

    assert {answer.status_code for answer in answers} == {200}
    assert late.status_code == 429 and 0 < int(late.headers["retry-after"]) <= 15
    assert late.json()["error"] == "temporarily_unavailable" and "Keep a token" in late.json()["error_description"]
    assert late.headers["cache-control"] == "no-store"
    assert house.client.post(url, data=GRANT, auth=other).status_code == 200
    assert len(house.entries(event="token:issued")) == PER_CLIENT + 1
    counted = 'gateway_calls_total{door="oauth",outcome="refused",reason="too_many_token_requests"} 1.0'
    assert counted in house.ask("GET", "/metrics").text


def test_a_source_that_guesses_is_stopped_before_it_is_looked_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = a_client(house)
    wrong = client[0], client[1][:-8] + "AAAAAAAA"
    url = f"{house.url}/oauth/token"
    looked_up = []
    look_up = house.installation.directory.client

    async def noted(*asked: object) -> object:
        looked_up.append(asked)
        return await look_up(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(house.installation.directory, "client", noted)

    guesses = [house.client.post(url, data=GRANT, auth=wrong).status_code for _ in range(FAILURES + 2)]
    revoking = house.client.post(f"{house.url}/oauth/revoke", data={"token": "x"}, auth=wrong)

    assert guesses == [401] * FAILURES + [429] * 2 and revoking.status_code == 429
    assert len(looked_up) == FAILURES
