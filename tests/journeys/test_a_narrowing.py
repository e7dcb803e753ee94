"""A provider narrows a release that is in use: open streams end, others go on, and the inverse gives it back."""

import time
from typing import Any

import httpx
import pytest

from tests.fakes.gateway import GatewayProcess
from tests.journeys.releases import open_to_all
from tests.journeys.streams import streaming
from tests.journeys.test_a_change import call, seconds_until

BOUND_S = 1.0


def narrow(demo: GatewayProcess, release: str, verb: str, **given: Any) -> dict[str, Any]:
    body = {"verb": verb, "cause": "drill", **given}
    return dict(demo.control("POST", f"/releases/{release}/narrowings", json=body))


@pytest.mark.parametrize(
    ("verb", "code"), [("suspend", "suspended"), ("withdraw", "withdrawn"), ("embargo", "model_not_found")]
)
def test_an_open_stream_is_cut_within_a_second_and_the_record_says_why(
    demo: GatewayProcess, verb: str, code: str
) -> None:
    name = f"story/{verb}"
    demo.apply(open_to_all(name))

    with streaming(demo, "developer", name) as stream:
        began = time.time()
        narrow(demo, name, verb)
        stream.read_on()

    ended = demo.ended(stream.request_id)
    assert stream.ended_at - began < BOUND_S
    assert stream.error["code"] == code
    assert (ended["outcome"], ended["reasons"]) == ("cut", [code])


def test_a_scoped_suspension_leaves_everybody_else_answered_and_its_inverse_gives_back(demo: GatewayProcess) -> None:
    name = "story/scoped"
    demo.apply(open_to_all(name))
    _, inside = demo.enter("foreign")
    claim = {"name": "us_person", "value": False, "issuer": "registry", "assurance": 3}
    demo.control("POST", "/organisations/foreign/attributes", json=claim)
    demo.control("POST", "/organisations/globex/attributes", json=claim | {"value": True})
    demo.follow()

    with streaming(demo, "tester", name) as spared, streaming(demo, inside, name) as cut:
        began = time.time()
        taken = narrow(demo, name, "suspend", scope="not us_person")
        cut.read_on()
        spared.read(frames=20)
    with demo.http(inside) as client:
        refused = call(client, name)
        narrow(demo, name, "restore", scope="organisation = foreign", inverse_of=taken["id"])
        back_s = seconds_until(client, name, 200)

    assert cut.ended_at - began < BOUND_S
    assert cut.error["code"] == "suspended"
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "suspended")
    assert "drill" not in refused.text
    assert back_s < BOUND_S
    admitted = demo.entries(event="access:admitted", release=name)[-1]["body"]
    assert admitted["narrowings"] == [taken["id"]]
    assert admitted["assertions"], "the facts that decided are named"


def test_a_listed_model_and_a_usable_one_stay_the_same_thing(demo: GatewayProcess) -> None:
    name = "story/parity"
    demo.apply(open_to_all(name, upstream="brisk"))

    def told(client: httpx.Client) -> tuple[bool, int]:
        models = [model["id"] for model in client.get("/v1/models").json()["data"]]
        return name in models, call(client, name).status_code

    with demo.http("developer") as client:
        before = told(client)
        narrow(demo, name, "withdraw")
        demo.follow()
        between = told(client)
        narrow(demo, name, "restore")
        demo.follow()
        after = told(client)

    assert (before, between, after) == ((True, 200), (False, 403), (True, 200))


def test_recalled_weights_answer_every_revision_as_gone_and_come_back_when_restored(demo: GatewayProcess) -> None:
    name = demo.models["open_weights"]
    with demo.http("developer") as client:

        def ask(revision: str, method: str = "GET") -> tuple[int, str]:
            answer = client.request(method, f"/hub/{name}/resolve/{revision}/config.json")
            return answer.status_code, answer.headers.get("x-error-code", "")

        before = call(client, name).status_code
        commit = client.head(f"/hub/{name}/resolve/main/config.json").headers["x-repo-commit"]
        narrow(demo, name, "recall", scope="component = weights.final")
        demo.follow()
        recalled = [ask("main"), ask("main", "HEAD"), ask("v1.0"), ask(commit)]
        text = call(client, name).status_code
        told = client.get(f"/hub/{name}/resolve/main/config.json")
        narrow(demo, name, "restore")
        demo.follow()
        restored = ask("main")

    assert recalled == [(404, "RevisionNotFound")] * 4
    assert text == before, "what is not in the scope is answered as ever"
    assert (told.json()["code"], told.headers["x-error-message"][:27]) == ("recalled", "The provider has recalled t")
    assert restored == (200, "")


def test_suspended_weights_are_gated_and_embargoed_ones_are_not_there(demo: GatewayProcess) -> None:
    name = demo.models["open_weights"]
    path = "/hub/{}/resolve/main/config.json"
    with demo.http("developer") as client:
        narrow(demo, name, "suspend", scope="organisation = acme")
        demo.follow()
        suspended = client.get(path.format(name))
        narrow(demo, name, "restore")
        narrow(demo, name, "embargo")
        demo.follow()
        hidden, invented = client.get(path.format(name)), client.get(path.format("demo/no-such-model"))
        narrow(demo, name, "restore")
        demo.follow()

    assert (suspended.status_code, suspended.headers["x-error-code"]) == (403, "GatedRepo")
    assert suspended.json()["code"] == "suspended"
    assert (hidden.status_code, hidden.headers["x-error-code"]) == (404, "RepoNotFound")
    assert hidden.content == invented.content and set(hidden.headers) == set(invented.headers)
