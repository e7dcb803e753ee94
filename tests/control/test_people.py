"""People over the control door: what they see of themselves, steps that cannot be undone, the way in of last resort."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.identity.callers import Role
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.provider import SECRET, Browser, FakeProvider, an_identity_provider, declaration

WEIGHTS = "demo/weights-to-come"
STAGE = "access: open-weights, irreversible: true, to: [public], offers: [inference.text, weights.final]"


def release(*, lasting: bool) -> str:
    files = f"weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}"
    out = f"  - {{name: out, opens: 2200-01-01T00:00:00Z, {STAGE}}}\n" if lasting else ""
    return (
        f"release: {WEIGHTS}\nserves: {{inference: {{upstream: simulated, model: atlas}}, {files}}}\nstages:\n"
        f"  - {{name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [public]}}\n{out}"
    )


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as fake:
        yield fake


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("people")
    (folder / "corporate.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    file.write_text(declaration(provider))
    with open_house(folder, identity_providers=file, port=free_port()) as opened:
        eventually(lambda: opened.installation.providers["corporate"].metadata)
        yield opened


def come(house: House, provider: FakeProvider, name: str, *groups: str, auth_time: int | None = None) -> Browser:
    """Somebody signs in, in these groups, who proved themself then or just now."""
    provider.behave()
    provider.claims |= {"sub": name, "preferred_username": name, "groups": list(groups)}
    provider.auth_time = auth_time
    browser = Browser(house.url)
    answer = browser.sign_in()
    assert answer.status_code == 303, answer.text
    return browser


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_person_is_listed_shown_and_told_of_by_oversight_alone(house: House, provider: FakeProvider) -> None:
    someone = come(house, provider, "lena", "acme").session()
    person = someone["person"]["id"]

    listed = house.ask("GET", "/control/people", "auditor", params={"organisation": "acme"}).json()["people"]
    shown = house.ask("GET", f"/control/people/{person}", "auditor").json()
    held = house.ask("GET", f"/control/people/{person}/sessions", "auditor").json()["sessions"]
    own = house.ask("GET", f"/control/people/{person}", "developer")

    assert person in {each["id"] for each in listed}
    assert (shown["user_name"], shown["state"], shown["has_signed_in"]) == ("lena", "active", True)
    assert [(each["id"], each["kind"], each["roles"]) for each in held] == [(someone["id"], "browser", ["developer"])]
    assert told(own) == (403, "role_required")


def test_what_a_sign_in_asserts_counts_for_what_the_person_asks(house: House, provider: FakeProvider) -> None:
    browser = come(house, provider, "kim", "acme")

    me = browser.go("/control/me").json()

    assert (me["organisation"], me["roles"]) == ("acme", ["developer"])
    assert me["key"]["id"] == browser.session()["person"]["id"]
    caller = house.run(
        house.installation.directory.in_session(browser.client.cookies["release-gateway-session"], house.now())
    )
    assert {(each.name, each.value, each.assurance) for each in caller.attributes} >= {("kyc", "K3", 3)}


def test_what_somebody_does_with_a_key_of_their_own_names_them(house: House, provider: FakeProvider) -> None:
    browser = come(house, provider, "ivo", "acme")
    issued = browser.do("/control/keys", {"scopes": ["inference"]}).json()
    house.tokens["ivo"] = issued["token"]

    assert house.chat(house.models["api"], by="ivo").status_code == 200

    person = browser.session()["person"]["id"]
    for event in ("access:admitted", "access:finished"):
        body = house.entries(event=event, limit=1)[0]["body"]
        assert (body["key"], body["person"]) == (issued["key"]["id"], person)


def test_a_provider_ends_one_session_and_the_other_goes_on(house: House, provider: FakeProvider) -> None:
    lost, kept = come(house, provider, "noa", "acme"), come(house, provider, "noa", "acme")
    session = lost.session()

    house.control(f"/people/{session['person']['id']}/sessions/{session['id']}/end", cause="stolen laptop")

    assert told(lost.go("/control/session")) == (401, "session_over")
    assert kept.go("/control/session").status_code == 200


def test_what_cannot_be_undone_is_approved_by_who_has_just_proved_who_they_are(
    house: House, provider: FakeProvider
) -> None:
    house.apply(release(lasting=False))
    house.enter("approver by key", "provider", Role.APPROVER)
    author = come(house, provider, "mia", "managers")
    planned = author.do("/control/changes", {"file": release(lasting=True), "documents": {}}).json()["change"]
    approval = {"digest": planned["digest"], "cannot_be_undone": True}
    path = f"/control/changes/{planned['id']}/approve"
    hours_ago = int(time.time()) - 7200

    by_key = house.ask("POST", path, "approver by key", json=approval)
    stale = come(house, provider, "ada", "risk", auth_time=hours_ago).do(path, approval)
    provider.changed = {"auth_time": None}
    never_said = Browser(house.url)
    assert never_said.sign_in().status_code == 303
    unknown = never_said.do(path, approval)
    fresh = come(house, provider, "ada", "risk").do(path, approval)

    assert planned["irreversible"]
    assert told(by_key) == told(stale) == told(unknown) == (403, "sign_in_stale")
    assert "fresh=true" in stale.json()["next_step"]
    assert fresh.status_code == 200, fresh.text
    given = house.entries(event="change:approved", limit=1)[0]["body"]
    assert given["person"] == given["actor_key"] and given["session"].startswith("session_")


def test_a_stage_that_lets_go_of_what_cannot_be_undone_is_opened_by_who_has_just_proved_who_they_are(
    house: House, provider: FakeProvider
) -> None:
    """Its own approvals, an authority's concurrence, and approvals of a stage that only a date follows."""
    asks = "opens_when: [{approvals: 2}, {concurrence: CAISI}]"
    gated = release(lasting=True).replace("out, opens: 2200", "out, opens: 2201").replace(STAGE, f"{STAGE}, {asks}")
    wider = "  - {name: wider, opens: 2200-01-01T00:00:00Z, access: api, to: [public], opens_when: [{approvals: 1}]}\n"
    before, _, out = release(lasting=True).replace("out, opens: 2200", "out, opens: 2201").partition("  - {name: out")
    author = come(house, provider, "mia", "managers")
    for name, file in {
        "gated": gated,
        "undoable": before + wider,
        "followed": f"{before}{wider}  - {{name: out{out}",
    }.items():
        body = {"file": file.replace(WEIGHTS, f"demo/{name}"), "documents": {}, "adopt": True}
        applied = author.do("/control/releases", body)
        assert applied.status_code == 200, applied.text
    house.enter("stages by key", "provider", Role.APPROVER)
    letter = {"authority": "CAISI", "reference": "7", "expires_at": "2202-01-01T00:00:00Z", "cannot_be_undone": True}
    words = [
        ("/control/releases/demo/gated/stages/out/approve", {"cannot_be_undone": True}),
        ("/control/releases/demo/gated/stages/out/concur", letter),
        ("/control/releases/demo/followed/stages/wider/approve", {"cannot_be_undone": True}),
    ]
    late = come(house, provider, "ada", "risk", auth_time=int(time.time()) - 7200)
    stale = [(late.do(path, word), house.ask("POST", path, "stages by key", json=word)) for path, word in words]
    fresh = come(house, provider, "ada", "risk")
    unaware = [fresh.do(path, {**word, "cannot_be_undone": False}) for path, word in words]
    given = [fresh.do(path, word) for path, word in words]
    undoable = house.ask("POST", "/control/releases/demo/undoable/stages/wider/approve", "stages by key", json={})

    assert {told(answer) for answers in stale for answer in answers} == {(403, "sign_in_stale")}
    assert {told(answer) for answer in unaware} == {(409, "acknowledgement_missing")}
    assert [answer.status_code for answer in given] == [200, 200, 200], [answer.text for answer in given]
    assert undoable.status_code == 200, "what can be undone is approved by a key as before"


def test_what_can_be_undone_is_approved_by_a_key_as_before(house: House, provider: FakeProvider) -> None:
    author = come(house, provider, "mia", "managers")
    wider = (
        release(lasting=False)
        .replace("to: [public]", "to: [public], conditions: {requests_per_minute: 5}")
        .replace(WEIGHTS, "demo/wider")
    )
    house.apply(wider)
    file = wider.replace("requests_per_minute: 5", "requests_per_minute: 50")
    house.enter("another approver", "provider", Role.APPROVER)
    planned = author.do("/control/changes", {"file": file, "documents": {}}).json()["change"]

    given = house.ask(
        "POST", f"/control/changes/{planned['id']}/approve", "another approver", json={"digest": planned["digest"]}
    )

    assert (planned["effect"], planned["irreversible"]) == ("widening", False)
    assert given.status_code == 200, given.text


def test_a_key_that_nobody_issued_is_recorded_and_counted_with_every_use(house: House) -> None:
    bootstrap = house.installation.bootstrap
    assert bootstrap is not None
    headers = {"authorization": f"Bearer {bootstrap.token.reveal()}"}
    before = len(house.entries(event="break_glass:used"))

    for path in ("/control/me", "/v1/models", "/control/keys"):
        assert house.client.get(house.url + path, headers=headers).status_code == 200

    used = house.entries(event="break_glass:used")
    assert len(used) == before + 1, "one a minute"
    assert used[0]["body"]["actor_key"] == used[0]["body"]["subject"] == bootstrap.key.id
    counted = house.client.get(f"{house.url}/metrics").text
    assert "gateway_break_glass_uses_total 1.0" in counted


def test_an_ordinary_key_breaks_no_glass(house: House) -> None:
    before = len(house.entries(event="break_glass:used"))

    assert house.ask("GET", "/control/me", "provider").status_code == 200

    assert len(house.entries(event="break_glass:used")) == before
