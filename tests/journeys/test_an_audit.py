"""An auditor finds what happened by every handle; a developer finds its own organisation's, and nothing else."""

import hashlib
from datetime import datetime
from typing import Any

import pytest

from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import open_to_all

CALLS = 5
RELEASE = "story/audited"


@pytest.fixture(scope="module")
def trail(demo: GatewayProcess) -> dict[str, Any]:
    """Calls of two organisations, admitted and refused; where the ledger stood before."""
    before = demo.entries()[-1]
    demo.apply(open_to_all(RELEASE, "terms: [aup]", upstream="brisk", more="terms: {aup: terms/aup.md}"))
    (key, token), (other, stranger) = demo.enter("watched"), demo.enter("bystander")
    demo.accept(RELEASE, token)
    asked = {"model": RELEASE, "messages": [{"role": "user", "content": "a secret nobody may find"}]}
    ids: dict[str, list[str]] = {}
    for name, who in (("watched", token), ("bystander", stranger)):
        with demo.http(who) as client:
            answers = [client.post("/v1/chat/completions", json=asked) for _ in range(CALLS)]
        ids[name] = [answer.headers["x-request-id"] for answer in answers]
    return {"since": before["at"], "key": key, "token": token, "other": other, "stranger": stranger} | ids


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


def test_calls_are_found_by_organisation_key_release_decision_reason_and_time(
    demo: GatewayProcess, trail: dict[str, Any]
) -> None:
    admitted, refused = trail["watched"], trail["bystander"]
    searches: list[tuple[dict[str, Any], list[str]]] = [
        ({"organisation": "watched", "decision": "admitted"}, admitted),
        ({"key": trail["key"], "event": "access:admitted"}, admitted),
        ({"release": RELEASE, "decision": "admitted"}, admitted),
        ({"release": RELEASE, "decision": "refused"}, refused),
        ({"reason": "terms_not_accepted", "release": RELEASE}, refused),
        ({"since": trail["since"], "key": trail["other"], "decision": "refused"}, refused),
        ({"until": trail["since"], "key": trail["other"]}, []),
    ]

    for asked, expected in searches:
        assert ids(demo.entries(**asked)) == expected, asked


def test_pages_leave_nothing_out_and_repeat_nothing(demo: GatewayProcess, trail: dict[str, Any]) -> None:
    whole = ids(demo.entries(organisation="watched"))
    oldest = ids(demo.entries(organisation="watched", limit=2))
    newest = ids(demo.entries(organisation="watched", limit=3, order="newest"))

    assert set(trail["watched"]) < set(whole)
    assert oldest == whole
    assert newest == whole[::-1]


def test_a_developer_reads_its_own_organisation_and_nothing_of_another(
    demo: GatewayProcess, trail: dict[str, Any]
) -> None:
    own = demo.entries(trail["token"])
    with demo.http(trail["token"]) as client:
        foreign = client.get(f"/control/ledger/{trail['bystander'][0]}")

    assert set(trail["watched"]) <= set(ids(own))
    assert {entry["body"]["organisation"] for entry in own} == {"watched"}
    assert demo.entries(trail["token"], organisation="bystander") == []
    assert foreign.status_code == 404


def test_an_entry_is_shown_with_the_very_text_that_is_hashed_and_no_content(
    demo: GatewayProcess, trail: dict[str, Any]
) -> None:
    entry = demo.control("GET", f"/ledger/{trail['watched'][0]}", "auditor")["entry"]

    assert hashlib.sha256(b"\0" + entry["canonical"].encode()).hexdigest() == entry["leaf_hash"]
    assert entry["body"]["strategy"].startswith("sha256:") and entry["body"]["terms"]
    assert "secret" not in str(demo.entries(since=trail["since"]))


def test_indices_leave_no_gap_and_instants_never_go_back(demo: GatewayProcess, trail: dict[str, Any]) -> None:
    entries = demo.entries()

    assert [entry["index"] for entry in entries] == list(range(len(entries)))
    instants = [datetime.fromisoformat(entry["at"]) for entry in entries]
    assert instants == sorted(instants)
