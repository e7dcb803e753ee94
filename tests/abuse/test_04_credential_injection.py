"""Abuse 4: what stands where a key should is nobody's, reaches no query and no policy, and leaves no trace in a log."""

import json
from collections.abc import Iterator

import pytest

from gateway.identity.keys import mint
from tests.abuse.logs import captured_logs
from tests.abuse.test_01_upstream_override import answering
from tests.abuse.test_02_host_confusion import status
from tests.fakes.house import House, eventually

CANARY = "canary7f3a"

TOKENS = [
    "",
    " ",
    "' OR '1'='1",
    "' OR '1'='1' --",
    "'; DROP TABLE identity_key; --",
    '" OR ""="',
    "rsg_dev_' UNION SELECT",
    "rsg_pro_" + "0" * 12 + "_" + "0" * 49,
    "rsg_dev_' OR 1=1 -- _" + "0" * 49,
    "rsg_pro_%",
    "rsg_*_*_*",
    "../../v1/policies",
    "data.access.decision",
    'x"]; allow := true #',
    "input.roles[_]",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "%00",
    "%0d%0aX-Role: provider",
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\u202eprovider",
    "\t\x0b\x0c",
    "null",
    "None",
    "undefined",
    "true",
    "0",
    "-1",
    "[]",
    "{}",
    "Bearer",
    "admin",
    "sk-1234",
    "é" * 20,
    "x" * 255,
    "x" * 257,
    "x" * 30_000,
]

DOORS = ["/v1/models", "/hub/demo/open-1/resolve/main/README.md", "/control/me"]
HEADERS = ["authorization: Bearer ", "authorization: bearer ", "authorization: ", "x-api-key: ", "api-key: "]


@pytest.fixture(autouse=True)
def _nothing_of_it_is_logged() -> Iterator[None]:
    """Every test here holds the log to this: one JSON object a line, and nothing that a caller sent."""
    with captured_logs() as log:
        yield
    for line in log.getvalue().splitlines():
        json.loads(line)
        assert not any(character < " " or character > "~" for character in line), line
        assert CANARY not in line
        assert "DROP TABLE" not in line


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_key_is_turned_away_alike_whatever_it_says(house: House, door: str, header: str) -> None:
    before = house.run(house.installation.ledger.news(0)).revision, house.newest()
    told = set()
    for token in TOKENS:
        lines = f"GET {door} HTTP/1.1\r\nhost: gateway\r\nx-note: {CANARY}\r\n{header}"
        answer = house.say(lines.encode() + f"{CANARY}{token}".encode() + b"\r\n\r\n")
        told.add(status(answer))
        assert CANARY.encode() not in answer
        assert token.encode() not in answer or len(token) < 12

    assert told <= {400, 401}
    assert 401 in told
    assert (house.run(house.installation.ledger.news(0)).revision, house.newest()) == before


@pytest.mark.parametrize("separator", ["\r\n", "\n", "\r", "\r\n\r\n", "\x00"])
@pytest.mark.parametrize("door", DOORS)
def test_a_key_with_a_line_end_in_it_makes_no_header_that_counts(house: House, door: str, separator: str) -> None:
    injected = f"{mint('pro').reveal()}{separator}x-role: provider{separator}x-organisation: provider"

    answer = house.say(f"GET {door} HTTP/1.1\r\nhost: gateway\r\nx-api-key: {injected}\r\n\r\n".encode())

    assert status(answer) in {400, 401}
    assert answer.count(b"HTTP/1.1 ") == 1


def test_headers_that_claim_a_role_or_an_organisation_give_none(house: House) -> None:
    claims = dict.fromkeys(("x-role", "x-roles", "x-organisation", "x-tenant", "x-user", "x-admin"), "provider")

    with_key = house.ask("GET", "/control/me", "developer", headers=claims)
    without = house.ask("GET", "/control/me", headers=claims)

    assert (with_key.json()["organisation"], with_key.json()["roles"]) == ("acme", ["developer"])
    assert without.status_code == 401


@pytest.mark.parametrize("door", DOORS)
def test_two_keys_in_one_request_are_none(house: House, door: str) -> None:
    both = {"authorization": f"Bearer {house.tokens['developer']}", "x-api-key": house.tokens["staff"]}
    beside = {"authorization": f"Bearer {house.tokens['developer']}", "api-key": "garbage"}

    assert house.ask("GET", door, headers=both).status_code == 401
    assert house.ask("GET", door, headers=beside).status_code == 401


@pytest.mark.parametrize(
    "text", ["' OR '1'='1", "acme'--", '"]} allow := true', "../../../data", "a\nb", "a\x00b", "\x1b[31m", "%' OR '%"]
)
def test_what_stands_where_an_id_should_is_refused_before_it_is_looked_up(house: House, text: str) -> None:
    told = [
        house.ask("GET", f"/control/keys/{_path(text)}", "provider"),
        house.ask("GET", f"/control/organisations/{_path(text)}", "provider"),
        house.ask("GET", "/control/keys", "provider", params={"organisation": text}),
        house.ask("GET", "/control/grants", "provider", params={"release": text}),
        house.ask("GET", "/control/ledger", "provider", params={"key": text}),
        house.ask("POST", "/control/keys", "provider", json={"organisation": text}),
    ]

    assert {answer.status_code for answer in told} <= {400, 404}
    assert not any(answer.json().get("keys") for answer in told)


@pytest.mark.parametrize("name", ['demo/x"] := true', "data.access", "../vault-1", "' OR 1=1", "demo/vault-1'--", "*"])
def test_a_model_whose_name_would_be_code_is_only_a_model_that_there_is_not(house: House, name: str) -> None:
    answer = house.chat(name)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_failures_to_enter_are_counted_and_not_recorded_one_by_one(house: House) -> None:
    counted = house.ask("GET", "/metrics").text
    before = house.newest()

    for _ in range(20):
        house.ask("GET", "/v1/models", headers={"x-api-key": CANARY})

    eventually(lambda: house.ask("GET", "/metrics").text != counted)
    assert house.newest() == before
    assert CANARY not in house.ask("GET", "/metrics").text


def _path(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_the_log_is_listened_to(own_house: House) -> None:
    own_house.upstream.answer = answering(500, b"")
    with captured_logs() as log:
        own_house.chat(own_house.models["api"])

    assert json.loads(log.getvalue())["event"] == "upstream_failed"
