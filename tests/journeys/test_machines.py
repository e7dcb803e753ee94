"""A machine signs in: it proves who it is, gets a token for what it needs, calls, and is stopped at once."""

import threading
import time
from typing import Any

import httpx
import openai
import pytest
from click.testing import CliRunner

from gateway.cli.main import gateway
from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.issuer import FakeIssuer
from tests.journeys.releases import LONG_AGO, open_to_all, release
from tests.journeys.streams import streaming

LATE_S = 1.0
HELLO: Any = [{"role": "user", "content": "Hello."}]


def client_of(demo: GatewayProcess, organisation: str, **rights: Any) -> tuple[str, str]:
    """Id and secret of a new client, of an organisation that is made where there is none."""
    demo.enter(organisation)
    made = demo.control("POST", "/clients", json={"organisation": organisation, "roles": ["developer"], **rights})
    return made["client"]["client"]["id"], made["client_secret"]


def token_for(demo: GatewayProcess, client: tuple[str, str], **asked: str) -> str:
    """A token, asked for as RFC 6749 has it."""
    form = {"grant_type": "client_credentials", **asked}
    answer = httpx.post(f"{demo.base_url}/oauth/token", data=form, auth=client)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def test_the_official_client_calls_what_its_tokens_scopes_allow_and_no_more(demo: GatewayProcess) -> None:
    for name in ("story/one", "story/other"):
        demo.apply(open_to_all(name, upstream="brisk"))
    client = client_of(demo, "robots", scopes=["inference"])

    wide = demo.openai(token_for(demo, client))
    narrow = demo.openai(token_for(demo, client, scope="inference:story/one"))
    told = [wide.chat.completions.create(model=name, messages=HELLO).id for name in ("story/one", "story/other")]
    told.append(narrow.chat.completions.create(model="story/one", messages=HELLO).id)
    with pytest.raises(openai.PermissionDeniedError) as elsewhere:
        narrow.chat.completions.create(model="story/other", messages=HELLO)

    assert all(told)
    assert elsewhere.value.code == "scope_too_narrow"
    assert {model.id for model in narrow.models.list()} == {"story/one"}
    assert {"story/one", "story/other"} <= {model.id for model in wide.models.list()}


def test_the_record_names_the_client_the_issuer_and_the_token_and_never_its_text(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/named", upstream="brisk"))
    client = client_of(demo, "robots")
    token = token_for(demo, client)

    demo.openai(token).chat.completions.create(model="story/named", messages=HELLO)
    called = demo.entries(key=client[0], release="story/named")
    issued = [each for each in demo.entries(event="token:issued") if each["body"]["key"] == client[0]]
    with demo.http(token) as caller:
        me = caller.get("/control/me").json()

    assert [each["event"] for each in called] == ["access:admitted", "access:finished"]
    assert {each["body"]["token"] for each in called} == {issued[0]["body"]["subject"]} == {me["key"]["token"]}
    assert {each["body"]["client"] for each in called} == {client[0]}
    assert {each["body"]["issuer"] for each in called} == {demo.base_url}
    assert token not in str(demo.entries()) + demo.log and client[1] not in str(demo.entries()) + demo.log


def test_a_token_revoked_during_a_stream_ends_it_within_a_second_and_opens_nothing_after(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/token"))
    client = client_of(demo, "robots")
    token, other = token_for(demo, client), token_for(demo, client)

    with streaming(demo, token, "story/token") as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        answer = httpx.post(f"{demo.base_url}/oauth/revoke", data={"token": token}, auth=client)
        revoked_at = time.time()
        reading.join(10)
    with pytest.raises(openai.AuthenticationError) as turned_away:
        demo.openai(token).models.list()

    assert answer.status_code == 200
    assert stream.ended_at - revoked_at <= LATE_S
    assert stream.error["code"] == "token_revoked" and "[DONE]" not in stream.frames
    assert turned_away.value.code == "token_revoked"
    assert list(demo.openai(other).models.list())


def test_a_client_revoked_during_a_stream_ends_all_its_tokens_within_a_second(demo: GatewayProcess) -> None:
    demo.apply(open_to_all("story/client"))
    client = client_of(demo, "robots")
    token = token_for(demo, client)

    with streaming(demo, token, "story/client") as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        demo.control("POST", f"/keys/{client[0]}/revoke", json={"cause": "found in a public repository"})
        revoked_at = time.time()
        reading.join(10)
    refused = httpx.post(f"{demo.base_url}/oauth/token", data={"grant_type": "client_credentials"}, auth=client)

    assert stream.ended_at - revoked_at <= LATE_S
    assert stream.error["code"] == "key_revoked"
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


# A token of another issuer.


@pytest.fixture
def workload(demo: GatewayProcess, issuer: FakeIssuer) -> str:
    """A token as a cluster gives one to the service account `batch`; its organisation is there."""
    demo.enter("acme")
    token = issuer.token(country="DE")
    until(lambda: httpx.get(f"{demo.base_url}/v1/models", headers=bearer(token)).status_code == 200, 20)
    return token


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_the_official_client_calls_by_a_service_accounts_own_token_what_the_operator_mapped(
    demo: GatewayProcess, workload: str
) -> None:
    demo.apply(open_to_all("story/mapped", upstream="brisk"))

    said = demo.openai(workload).chat.completions.create(model="story/mapped", messages=HELLO)
    called = demo.entries(release="story/mapped")[-2:]
    with demo.http(workload) as caller:
        me = caller.get("/control/me").json()
        beyond = [caller.get("/control/releases"), caller.post("/control/keys", json={"roles": ["developer"]})]
        weights = caller.get("/hub/demo/open-1/resolve/main/README.md")

    assert said.choices[0].message.content
    assert (me["organisation"], me["roles"], me["key"]["scopes"]) == ("acme", ["developer"], ["inference"])
    assert {each["body"]["client"] for each in called} == {"system:serviceaccount:ml:batch"} == {me["key"]["client"]}
    assert {each["body"]["key"] for each in called} == {me["key"]["id"]}
    assert called[0] in demo.entries(key=me["key"]["id"]), "a workload's calls are found as a key's are"
    assert [answer.json()["code"] for answer in beyond] == ["role_required", "scope_too_narrow"]
    assert weights.status_code == 403


def test_what_a_token_says_of_its_holder_is_asked_by_audiences_as_what_others_assert_is(
    demo: GatewayProcess, issuer: FakeIssuer, workload: str
) -> None:
    audience = 'audiences: {known: {kyc: ">= K3", residence_country: DE, on_unknown: deny}}'
    stage = f"name: known, opens: {LONG_AGO}, access: limited, to: [known], offers: [inference.text]"
    demo.apply(release("story/known", stage, upstream="brisk", more=audience))
    _, key = demo.enter("acme")
    others = {
        "elsewhere": issuer.token(country="FR"),
        "unsaid": issuer.token(),
        "no country": issuer.token(country="?"),
    }

    admitted = demo.openai(workload).chat.completions.create(model="story/known", messages=HELLO)
    codes = {}
    for name, token in {**others, "a key": key}.items():
        with pytest.raises(openai.APIStatusError) as refused:
            demo.openai(token).chat.completions.create(model="story/known", messages=HELLO)
        codes[name] = refused.value.code

    assert admitted.id
    assert set(codes.values()) <= {"audience_not_admitted", "attribute_unknown"}
    shown = demo.entries(release="story/known", decision="admitted")[-1]["body"]["assertions"]
    assert len(shown) == 2 and all(each.startswith("claim_") for each in shown), "ids, and never values"


def test_a_workloads_token_is_ended_by_the_provider_within_a_second(
    demo: GatewayProcess, issuer: FakeIssuer, workload: str
) -> None:
    demo.apply(open_to_all("story/workload"))
    token, other = issuer.token(jti="one"), issuer.token(jti="another")
    with demo.http(token) as caller:
        token_id = caller.get("/control/me").json()["key"]["token"]

    with streaming(demo, token, "story/workload") as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        demo.control("POST", f"/tokens/{token_id}/revoke", json={"cause": "its pod was broken into"})
        revoked_at = time.time()
        reading.join(10)

    assert stream.ended_at - revoked_at <= LATE_S
    assert stream.error["code"] == "token_revoked"
    assert httpx.get(f"{demo.base_url}/v1/models", headers=bearer(token)).status_code == 401
    assert httpx.get(f"{demo.base_url}/v1/models", headers=bearer(other)).status_code == 200


def test_tokens_of_a_key_that_was_rotated_away_in_haste_end_within_a_second_with_their_streams(
    demo: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.apply(open_to_all("story/stolen"))
    client = client_of(demo, "robots")
    token = token_for(demo, client)
    monkeypatch.setenv("GATEWAY_DATA", str(demo.data))

    with streaming(demo, token, "story/stolen") as stream:
        reading = threading.Thread(target=stream.read_on)
        reading.start()
        rotated = CliRunner().invoke(gateway, ["token", "rotate-key", "--announce", "0", "--overlap", "0"])
        rotated_at = time.time()
        reading.join(10)

    assert rotated.exit_code == 0, rotated.output
    assert stream.ended_at - rotated_at <= LATE_S
    assert stream.error["code"] == "invalid_token"
    assert list(demo.openai(token_for(demo, client)).models.list())
