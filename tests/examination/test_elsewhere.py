"""`gateway doctor` on what is elsewhere: issuers of tokens, and the collector of traces."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import gateway
from gateway.examination import asking, watching
from gateway.examination.asking import Unanswered, ask
from gateway.examination.issuers import DOCUMENT
from tests.examination.test_doctor import Said, doctor
from tests.fakes.collector import collecting
from tests.fakes.gateway import free_port
from tests.fakes.house import open_house
from tests.fakes.issuer import FakeIssuer, an_issuer, declaration


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    """One that publishes who it is, as clusters do."""
    with an_issuer() as opened:
        opened.documents[DOCUMENT] = {"issuer": opened.url, "jwks_uri": opened.keys_url}
        yield opened


def looked_over(folder: Path, issuer: FakeIssuer) -> Said:
    declared = folder / "issuers.yaml"
    declared.write_text(declaration(issuer))
    return doctor(folder / "data", issuers=str(declared))


def test_an_issuer_that_is_as_it_was_declared_is_well(issuer: FakeIssuer, tmp_path: Path) -> None:
    said = looked_over(tmp_path, issuer)

    found = {part: each["state"] for part, each in said.findings.items() if part.startswith("issuer")}
    assert found == dict.fromkeys(("issuer cluster", "issuer cluster: name", "issuer cluster: clock"), "well")
    assert said.code == 0 and "1 of its keys" in said.findings["issuer cluster"]["said"]


def test_an_issuer_of_another_name_is_wrong_and_its_own_is_shown_harmlessly(issuer: FakeIssuer, tmp_path: Path) -> None:
    issuer.documents[DOCUMENT]["issuer"] = "https://other.example/\x1b[31m"

    said = looked_over(tmp_path, issuer)

    assert said.code == 1 and said.wrong() == {"issuer cluster: name"}
    assert "'https://other.example/\\x1b[31m'" in said.findings["issuer cluster: name"]["said"]
    assert "iss" in said.findings["issuer cluster: name"]["next_step"]


def test_keys_that_are_published_elsewhere_are_odd(issuer: FakeIssuer, tmp_path: Path) -> None:
    issuer.documents[DOCUMENT]["jwks_uri"] = f"{issuer.url}/other"

    said = looked_over(tmp_path, issuer)

    assert said.code == 0 and said.findings["issuer cluster: name"]["state"] == "odd"


def test_an_issuer_that_publishes_nothing_but_its_keys_is_well(issuer: FakeIssuer, tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "issuers.yaml").write_text(declaration(issuer).replace(f"issuer: {issuer.url}", f"issuer: {gone}"))

    said = doctor(tmp_path / "data", issuers=str(tmp_path / "issuers.yaml"))

    assert said.code == 0
    assert "nobody listens there" in said.findings["issuer cluster: name"]["said"]
    assert "need not" in said.findings["issuer cluster: name"]["said"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"status": 503}, "status 503"),
        ({"body": b'{"keys": []}'}, "no key that can be used"),
        ({"body": b"<html>"}, "no JSON object"),
    ],
)
def test_keys_that_cannot_be_had_are_wrong(
    issuer: FakeIssuer, tmp_path: Path, broken: dict[str, object], told: str
) -> None:
    for name, value in broken.items():
        setattr(issuer, name, value)

    said = looked_over(tmp_path, issuer)

    assert "issuer cluster" in said.wrong()
    assert (
        told in said.findings["issuer cluster"]["said"] and issuer.keys_url in said.findings["issuer cluster"]["said"]
    )


def test_an_issuer_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with an_issuer() as gone:
        pass

    said = looked_over(tmp_path, gone)

    assert said.wrong() == {"issuer cluster"}
    assert "nobody listens there" in said.findings["issuer cluster"]["said"]


@pytest.mark.parametrize(
    ("ahead_s", "state", "told"), [(120, "wrong", "120 s ahead"), (-120, "odd", "behind"), (6, "odd", "ahead")]
)
def test_a_clock_that_is_off_is_noticed(
    issuer: FakeIssuer, tmp_path: Path, ahead_s: float, state: str, told: str
) -> None:
    issuer.ahead_s = ahead_s

    clock = looked_over(tmp_path, issuer).findings["issuer cluster: clock"]

    assert clock["state"] == state and told in clock["said"].replace("119", "120") and "NTP" in clock["next_step"]


def test_of_an_answer_that_was_kept_on_its_way_no_time_is_told(issuer: FakeIssuer, tmp_path: Path) -> None:
    issuer.ahead_s, issuer.headers = -500, {"age": "500"}

    assert "issuer cluster: clock" not in looked_over(tmp_path, issuer).findings


def test_a_mistake_in_the_file_of_issuers_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "issuers.yaml").write_text("issuers:\n  a: {issuer: x}\n")

    said = doctor(tmp_path / "data", issuers=str(tmp_path / "issuers.yaml"))

    assert "line 2" in said.findings["issuers"]["said"] and said.code == 1


async def test_whoever_answers_without_end_or_never_is_given_up(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASK_MAX_S", 0.3)
    issuer.body = b"x" * (asking.BYTES_MAX + 1)
    with pytest.raises(Unanswered, match="too long"):
        await ask(issuer.url)
    issuer.delay_s = 1.0
    with pytest.raises(Unanswered, match="in time"):
        await ask(issuer.url)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, pytest.raises(Unanswered, match="in time"):
        await ask(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_the_collector_is_looked_for_and_is_never_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(endpoint: str) -> dict[str, str]:
        said = doctor(tmp_path, traces_endpoint=endpoint)
        assert said.code == 0
        return said.findings["traces"]

    with collecting() as collector:
        well = found(collector.url)
        collector.status = 404
        other = found(collector.url)
    nobody = found(f"http://127.0.0.1:{free_port()}/v1/traces")
    bare = found(f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(watching, "LIBRARY", "no.such.library")
    missing = found(collector.url)

    assert well["state"] == "well"
    assert {each["state"] for each in (other, nobody, bare, missing)} == {"odd"}
    assert "/v1/traces" in bare["next_step"] and "no path" in bare["said"]
    assert "status 404" in other["said"] and "nobody listens" in nobody["said"]
    assert "release-gateway[traces]" in missing["next_step"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "`grpc`"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "c:4317"}, "http://"),
    ],
)
def test_traces_that_are_wanted_and_cannot_be_sent_are_odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    found = doctor(tmp_path).findings["traces"]

    assert found["state"] == "odd" and told in found["said"] and "4318" in found["next_step"]


def test_a_mapping_to_an_organisation_that_is_not_there_is_found(issuer: FakeIssuer, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with open_house(tmp_path / "data"):
        pass
    well = looked_over(tmp_path, issuer)
    declared = tmp_path / "issuers.yaml"
    declared.write_text(declaration(issuer).replace("organisation: acme", "organisation: nosuch"))

    said = doctor(tmp_path / "data", issuers=str(declared))

    assert well.code == 0 and said.wrong() == {"issuer cluster: mapping"}
    assert "`nosuch`" in said.findings["issuer cluster: mapping"]["said"]


def test_what_is_elsewhere_and_away_is_not_said_to_keep_the_gateway_from_serving(tmp_path: Path) -> None:
    with an_issuer() as gone:
        pass
    (tmp_path / "issuers.yaml").write_text(declaration(gone))
    words = ["doctor", "--data", str(tmp_path / "data")]

    away = CliRunner().invoke(gateway, words, env={"GATEWAY_ISSUERS": str(tmp_path / "issuers.yaml")})
    opa = {"GATEWAY_JUDGE": "opa", "GATEWAY_OPA_URL": f"http://127.0.0.1:{free_port()}"}
    stopping = CliRunner().invoke(gateway, words, env=opa)

    assert away.exit_code == stopping.exit_code == 1
    assert "starts and serves, but for what needs these: issuer cluster" in away.stderr
    assert "would not start" not in away.stderr and "would not start, or would refuse calls: judge" in stopping.stderr
    assert "connection refused" in stopping.stdout and "ClientConnectorError" not in stopping.output
