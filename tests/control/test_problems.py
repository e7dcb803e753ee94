"""Whatever is sent, the answer is a problem (RFC 9457) of the four hundreds, with a code and what to do."""

from typing import Any

import httpx
import pytest

from gateway.control.problems import problem_of
from gateway.errors import LedgerUnavailable, NotFound
from gateway.ledger.events import Event
from tests.fakes.premises import OPEN, Premises

HOSTILE: list[dict[str, Any]] = [
    {"content": b""},
    {"content": b"null"},
    {"content": b"[]"},
    {"content": b"{"},
    {"content": b"\xff\xfe"},
    {"content": b'{"name": "\\ud800", "id": "x"}'},
    {"content": b"[" * 100_000},
    {"content": b'{"id":' * 50_000},
    {"content": b'{"id": 1e999, "name": 1e999}'},
    {"content": b'{"id": ' + b"9" * 5000 + b', "name": "x"}'},
    {"content": b'{"id": "a\\n", "name": "x"}'},
    {"content": b'{"id": "..", "name": "x"}'},
    {"content": b'{"id": "x", "name": "a\\u0000b"}'},
    {"content": b'{"id": "x", "name": "\\u202etxt"}'},
    {"content": b'{"id": "x", "name": ""}'},
    {"content": b'{"id": "x", "name": "x", "role": "provider"}'},
    {"content": b'{"id": "x", "name": "' + b"x" * 70_000 + b'"}'},
    {"content": b"x=1", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    {"content": b"--a\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=a"}},
]


@pytest.mark.parametrize("path", ["/organisations", "/keys", "/releases", "/grants", "/organisations/acme/disable"])
async def test_a_hostile_body_is_a_problem_of_the_four_hundreds(house: Premises, path: str) -> None:
    wrong = []
    for number, sent in enumerate(HOSTILE):
        answer = await house.ask("POST", path, **sent)
        problem = answer.json()
        told = answer.headers["content-type"] == "application/problem+json" and problem["code"]
        named = problem["request_id"] == answer.headers["x-request-id"]
        if not (400 <= answer.status_code < 500 and told and named):
            wrong.append((number, answer.status_code, answer.text))

    assert wrong == []


@pytest.mark.parametrize("path", ["/schema/nothing", "/schema/a.json", "/schema/a/b", "/schemas"])
async def test_what_is_no_document_of_the_schema_is_a_problem_as_elsewhere(house: Premises, path: str) -> None:
    transport = httpx.ASGITransport(house.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer, document = await client.get(path), await client.get("/schema/openapi.json")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert document.status_code == 200 and document.json()["openapi"]


async def test_the_words_there_are_are_listed_whole(house: Premises) -> None:
    answer = await house.ask("GET", "/ledger?event=nothing:such", "auditor")

    listed = answer.json()["detail"].partition("it is one of ")[2].rstrip(".").split(", ")
    assert listed == sorted(Event)


WORDS: list[tuple[str, str, Any, str]] = [
    ("POST", "/organisations", {"id": "ACME", "name": "x"}, "lower-case letters, digits and `-`, such as acme"),
    ("POST", "/organisations", {"id": "x", "name": ""}, "`name` must not be empty"),
    ("POST", "/organisations", {"id": "x", "name": "x" * 201}, "`name` must have at most 200 characters"),
    ("POST", "/organisations", {"name": "x"}, "`id` is missing"),
    ("POST", "/organisations", {"id": "x", "name": "x", "foo": 1}, "there is no field `foo` here"),
    ("POST", "/organisations", {"id": 1, "name": "x"}, "`id` must be a text, and is a whole number"),
    ("POST", "/organisations", [], "must be an object, and is a list"),
    ("POST", "/keys", {"roles": ["develper"]}, "`roles[0]` cannot be `develper`: it is one of analyst, approver"),
    ("POST", "/keys", {"days": 0}, "`days` must be a whole number, 1 or more"),
    ("POST", "/keys", {"days": 366}, "`days` must be a whole number, 365 at most"),
    (
        "POST",
        "/grants",
        {"organisation": "acme", "release": "x", "authority": "x"},
        "namespace/name, such as acme/atlas-1",
    ),
    (
        "POST",
        "/grants",
        {"organisation": "acme", "release": "a/b", "authority": "x", "ends_at": "2027-01-01T00:00:00"},
        "`ends_at` must be a date with time and time zone",
    ),
    ("GET", "/keys?organisation=ACME", None, "such as acme"),
    ("GET", "/keys?limit=x", None, "`limit` must be a whole number"),
    ("GET", "/keys?organization=acme", None, "Did you mean `organisation`?"),
    ("GET", "/keys/x", None, "twelve letters and digits"),
    ("GET", "/ledger?event=x", None, "it is one of access:admitted"),
    ("GET", "/ledger?decision=maybe", None, "one of admitted, refused"),
    ("GET", "/ledger?since=yesterday", None, "such as 2026-03-01T00:00:00Z"),
    ("GET", "/ledger/-1", None, "an entry's index, such as 412"),
]


@pytest.mark.parametrize(("method", "path", "body", "told"), WORDS)
async def test_what_is_wrong_is_told_in_words(house: Premises, method: str, path: str, body: Any, told: str) -> None:
    answer = await house.ask(method, path, **({} if body is None else {"json": body}))

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_request")
    assert told.lower() in problem["detail"].lower(), problem["detail"]
    assert not any(word in problem["detail"] for word in ("regex", "Expected", "enum", "`str`", "`data`", "(?"))


async def test_what_was_probably_meant_is_the_next_step(house: Premises) -> None:
    problem = (await house.ask("GET", "/ledger?reason=grant_requird")).json()

    assert (problem["param"], problem["next_step"]) == ("reason", "Did you mean `grant_required`?")


QUERIES = [
    "limit=0",
    "limit=201",
    "limit=-1",
    "limit=x",
    "limit=1&limit=2",
    "limit=" + "9" * 400,
    "organization=acme",
    "organisation=",
    "organisation=ACME",
    "organisation=acme%0a",
    "organisation=' OR 1=1--",
    "after=%00",
]


@pytest.mark.parametrize("path", ["/keys", "/grants"])
async def test_a_query_that_is_not_understood_is_never_taken_for_none(house: Premises, path: str) -> None:
    answers = {query: (await house.ask("GET", f"{path}?{query}")).status_code for query in QUERIES}

    assert answers == dict.fromkeys(QUERIES, 400)


async def test_a_search_of_the_ledger_names_real_instants_and_events(house: Premises) -> None:
    queries = [
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "since=0001-01-01T00:00:00Z",
        "since=1700000000",
        "until=0.5",
        "until=2026-02-30T00:00:00Z",
        "event=x",
        "after=-1",
    ]

    answers = {query: (await house.ask("GET", f"/ledger?{query}")).status_code for query in queries}

    assert answers == dict.fromkeys(queries, 400)


PATHS = [
    "/keys/%0a",
    "/keys/" + "x" * 5000,
    "/keys/%2e%2e%2fme",
    "/keys/%ff",
    "/organisations/acme%0a",
    "/organisations/ACME",
    "/releases/acme/..%2f..",
    "/releases/a%00b/c",
    f"/releases/{OPEN}/terms/%2e%2e",
    "/ledger/-1",
    "/ledger/" + "9" * 400,
    "/nowhere",
    "/me/health",
    "/mehealth",
]


async def test_a_strange_path_leads_nowhere(house: Premises) -> None:
    answers = {path: await house.ask("GET", path) for path in PATHS}

    assert {path: a.text for path, a in answers.items() if a.status_code not in {400, 404}} == {}
    assert {a.headers["content-type"] for a in answers.values()} == {"application/problem+json"}


async def test_a_method_that_a_route_does_not_take_is_a_problem_too(house: Premises) -> None:
    answer = await house.ask("DELETE", "/keys")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


async def test_the_mistakes_of_a_file_are_told_with_their_lines(house: Premises) -> None:
    answer = await house.ask(
        "POST", "/releases/validate", json={"file": "release: acme/x\nstages: 7\n", "name": "x.yaml"}
    )

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["file"]) == (400, "invalid_file", "x.yaml")
    assert all(fault["line"] >= 1 and fault["message"] for fault in problem["faults"])
    assert any(fault["line"] == 2 for fault in problem["faults"])


async def test_an_unforeseen_error_says_nothing_of_what_it_was(
    house: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("postgresql://user:secret@host")

    monkeypatch.setattr(house.areas.admissions, "used", fail)

    answer = await house.ask("GET", "/me")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


def test_what_cannot_be_had_now_says_when_to_try_again() -> None:
    problem = problem_of(LedgerUnavailable(), "req_1")

    assert (problem.status, problem.code, problem.title) == (503, "ledger_unavailable", "Service Unavailable")


def test_hidden_and_absent_look_alike() -> None:
    assert problem_of(NotFound(), "r").code == "not_found"


async def test_answers_are_kept_by_nobody(house: Premises) -> None:
    good, bad = await house.ask("GET", "/me"), await house.ask("GET", "/nowhere")

    assert {good.headers["cache-control"], bad.headers["cache-control"]} == {"no-store"}


TWICE = [
    ("/keys", b'{"roles": ["developer"], "scopes": [], "scopes": null}'),
    ("/keys", b'{"roles": ["developer"], "networks": ["10.0.0.0/8"], "net\\u0077orks": null}'),
    ("/organisations", b'{"id": "reviewed", "name": "Reviewed", "id": "done"}'),
    ("/releases", b'{"file": "x", "documents": {"terms/aup.md": "reviewed", "terms/aup.md": "done"}}'),
]


@pytest.mark.parametrize(("path", "body"), TWICE)
async def test_a_field_given_twice_is_refused_and_nothing_is_done(house: Premises, path: str, body: bytes) -> None:
    answer = await house.ask("POST", path, content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"] == "A field is given twice."
    assert (await house.ask("GET", "/organisations/done")).status_code == 404
