"""Weights leave where the release is open, byte for byte as declared, and nowhere else."""

import hashlib
import re

from gateway.shipped import shipped
from tests.fakes.gateway import GatewayProcess

FILE = "model.safetensors"


def declared() -> str:
    file = (shipped("demo") / "open-weights.yaml").read_text()
    found = re.search(rf"{re.escape(FILE)}: sha256:([0-9a-f]{{64}})", file)
    assert found is not None
    return found[1]


def path(release: str) -> str:
    return f"/hub/{release}/resolve/main/{FILE}"


def test_the_file_that_arrives_has_the_declared_digest_and_the_record_its_size(demo: GatewayProcess) -> None:
    with demo.http("developer") as client:
        answer = client.get(path(demo.models["open_weights"]))

    ended = demo.ended(answer.headers["x-request-id"])
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == declared()
    assert answer.headers["etag"] == f'"{declared()}"'
    total = len(answer.content)
    assert (ended["outcome"], ended["bytes_out"]) == ("complete", total)
    assert (ended["file"], ended["file_sha256"], ended["range"]) == (FILE, declared(), f"0-{total - 1}/{total}")


def test_a_file_or_a_revision_that_there_is_not_is_recorded_as_what_was_amiss(demo: GatewayProcess) -> None:
    url = path(demo.models["open_weights"])
    with demo.http("developer") as client:
        asked = [client.get(f"{url}.gz"), client.get(url.replace("/main/", "/mian/"))]

    ended = [demo.ended(answer.headers["x-request-id"]) for answer in asked]
    assert [answer.headers["x-error-code"] for answer in asked] == ["EntryNotFound", "RevisionNotFound"]
    assert [(end["outcome"], end["status"], end["reasons"]) for end in ended] == [
        ("failed", 404, ["entry_not_found"]),
        ("failed", 404, ["revision_not_found"]),
    ]


def test_ranges_make_up_the_whole_and_a_head_tells_its_size(demo: GatewayProcess) -> None:
    url = path(demo.models["open_weights"])
    with demo.http("developer") as client:
        head = client.head(url)
        total = int(head.headers["content-length"])
        first = client.get(url, headers={"range": "bytes=0-99"})
        rest = client.get(url, headers={"range": "bytes=100-"})
        beyond = client.get(url, headers={"range": f"bytes={total}-"})

    assert head.status_code == 200 and not head.content
    assert (first.status_code, first.headers["content-range"]) == (206, f"bytes 0-99/{total}")
    assert hashlib.sha256(first.content + rest.content).hexdigest() == declared()
    assert demo.ended(first.headers["x-request-id"])["range"] == f"0-99/{total}"
    assert beyond.status_code == 416


def test_weights_of_a_model_open_by_api_stay_where_they_are(demo: GatewayProcess) -> None:
    with demo.http("developer") as client:
        answer = client.get(path(demo.models["api"]))

    assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
    assert answer.headers["x-error-message"]


def test_weights_of_a_hidden_model_are_not_there_just_as_of_one_that_never_was(demo: GatewayProcess) -> None:
    with demo.http("developer") as client:
        hidden, invented = client.get(path(demo.models["closed"])), client.get(path("demo/no-such-model"))

    assert (hidden.status_code, hidden.headers["x-error-code"]) == (404, "RepoNotFound")
    assert hidden.content == invented.content
    assert set(hidden.headers) == set(invented.headers)
