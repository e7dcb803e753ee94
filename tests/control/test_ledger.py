"""Reading the record: searched by every field, page by page, and giving away no more than the door did."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from gateway.access.refusals import Refused
from gateway.releases.components import Component
from tests.builders import a_call
from tests.fakes.premises import CLOSED, OPEN, Premises


async def refuse(house: Premises, by: str, release: str) -> str:
    """A call that is refused; its id."""
    call = a_call()
    with pytest.raises(Refused):
        async with house.gate.admit(house.callers[by], Component.TEXT, release, call):
            pytest.fail("it passed")
    return call.request_id


async def test_acts_and_calls_are_found_by_what_they_are_about(house: Premises) -> None:
    await refuse(house, "developer", OPEN)

    async def events(query: str) -> set[str]:
        entries = (await house.ask("GET", f"/ledger?{query}", by="auditor")).json()["entries"]
        return {entry["event"] for entry in entries}

    assert await events("event=release:applied") == {"release:applied"}
    assert await events("decision=refused&reason=terms_not_accepted&organisation=acme") == {"access:refused"}
    assert await events(f"key={house.callers['developer'].key}") == {"key:issued", "access:refused"}
    assert await events("decision=admitted") == set()
    assert await events(f"release={OPEN}&decision=refused&event=access:refused") == {"access:refused"}
    assert await events(f"since={(datetime.now(UTC) + timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M:%SZ')}") == set()


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_pages_have_every_entry_once(house: Premises, order: str) -> None:
    whole = (await house.ask("GET", f"/ledger?order={order}&limit=200", by="auditor")).json()["entries"]

    found, after = [], None
    while True:
        cursor = "" if after is None else f"&after={after}"
        page = (await house.ask("GET", f"/ledger?order={order}&limit=3{cursor}", by="auditor")).json()
        found += page["entries"]
        after = page["next"]
        if page["is_last"]:
            break

    assert found == whole
    assert len({entry["index"] for entry in found}) == len(found) > 10


async def test_one_entry_is_shown_with_the_very_text_that_is_hashed(house: Premises) -> None:
    request_id = await refuse(house, "developer", OPEN)

    by_id = (await house.ask("GET", f"/ledger/{request_id}", by="auditor")).json()["entry"]
    by_index = (await house.ask("GET", f"/ledger/{by_id['index']}", by="auditor")).json()["entry"]

    assert by_index == by_id
    assert hashlib.sha256(b"\0" + by_id["canonical"].encode()).hexdigest() == by_id["leaf_hash"]


async def test_an_admitted_call_is_shown_with_how_it_ended(house: Premises) -> None:
    call = a_call()
    async with house.gate.admit(house.callers["staff"], Component.TEXT, CLOSED, call) as passage:
        passage.outcome = "complete"
    await house.settle()

    shown = (await house.ask("GET", f"/ledger/{call.request_id}", by="auditor")).json()

    assert (shown["entry"]["event"], shown["ended"]["body"]["outcome"]) == ("access:admitted", "complete")


async def test_a_developer_reads_what_concerns_its_own_organisation_only(house: Premises) -> None:
    theirs = await refuse(house, "stranger", OPEN)
    mine = await refuse(house, "developer", OPEN)

    entries = (await house.ask("GET", "/ledger?limit=200", by="developer")).json()["entries"]
    named = (await house.ask("GET", "/ledger?organisation=bolt", by="developer")).json()["entries"]
    foreign = await house.ask("GET", f"/ledger/{theirs}", by="developer")
    everything = (await house.ask("GET", "/ledger?limit=200", by="auditor")).json()["entries"]
    by_index = [
        (await house.ask("GET", f"/ledger/{entry['index']}", by="developer")).status_code
        for entry in everything
        if entry["body"].get("organisation") != "acme"
    ]

    assert mine in {entry["id"] for entry in entries}
    assert {entry["body"]["organisation"] for entry in entries} == {"acme"}
    assert named == []
    assert foreign.status_code == 404
    assert by_index and set(by_index) == {404}


async def test_a_refusal_that_hid_a_release_is_read_as_one_that_met_none(house: Premises) -> None:
    hidden = await refuse(house, "developer", CLOSED)
    absent = await refuse(house, "developer", "acme/nothing")

    shown = [(await house.ask("GET", f"/ledger/{each}", by="developer")).json()["entry"] for each in (hidden, absent)]
    filtered = (await house.ask("GET", f"/ledger?release={CLOSED}", by="developer")).json()
    unknown = (await house.ask("GET", "/ledger?release=acme/nothing", by="developer")).json()
    auditor = (await house.ask("GET", f"/ledger/{hidden}", by="auditor")).json()["entry"]

    assert set(shown[0]) == set(shown[1])
    assert set(shown[0]["body"]) == set(shown[1]["body"])
    assert "closed" not in str(shown[0])
    assert filtered == unknown
    assert auditor["body"]["release"] == CLOSED


async def test_no_token_is_in_the_record(house: Premises) -> None:
    entries = await house.ask("GET", "/ledger?limit=200", by="auditor")

    assert not any(token[-49:] in entries.text for token in house.tokens.values())


async def test_a_grant_for_a_hidden_release_is_not_in_the_ledger_of_whom_it_is_for(house: Premises) -> None:
    given = await house.ask(
        "POST", "/grants", json={"organisation": "acme", "release": CLOSED, "authority": "what is to come"}
    )
    query = {"event": "grant:given", "organisation": "acme"}
    theirs = (await house.ask("GET", "/ledger", by="developer", params=query)).json()["entries"]
    overseen = (await house.ask("GET", "/ledger", by="auditor", params=query)).json()["entries"]
    alone = [await house.ask("GET", f"/ledger/{overseen[0][by]}", by="developer") for by in ("id", "index")]

    assert given.status_code == 201
    assert CLOSED not in {each["body"]["release"] for each in theirs}
    assert [each["body"]["release"] for each in overseen][:1] == [CLOSED]
    assert len(theirs) == len(overseen) - 1
    assert [answer.status_code for answer in alone] == [404, 404]
