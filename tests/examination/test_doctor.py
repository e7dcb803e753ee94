"""`gateway doctor`: finds what is wrong, says what to do, makes nothing and shows no secret."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from gateway.access.judges.policies import read_policy_set
from gateway.app import create_app
from gateway.cli.main import gateway
from gateway.database.exclusive import made
from gateway.errors import SettingsInvalid
from gateway.examination import files
from gateway.examination.files import look_at_files
from gateway.examination.findings import State
from gateway.identity.peppers import open_peppers
from gateway.identity.tokens.signing_keys import rotate
from gateway.installation import Installation
from gateway.ledger.checkpoints.checkpoint import Checkpoint, origin_of
from gateway.ledger.checkpoints.notes import signed
from gateway.ledger.signing import open_signing_key
from gateway.settings import Settings
from gateway.shipped import shipped
from tests.fakes.gateway import GatewayProcess, free_port, running
from tests.fakes.opa import answer, fake_opa, response
from tests.fakes.postgresql import PostgreSQLServer


class Said(NamedTuple):
    code: int
    text: str
    findings: dict[str, dict[str, Any]]

    def wrong(self) -> set[str]:
        return {part for part, each in self.findings.items() if each["state"] == "wrong"}


def doctor(data: Path, **settings: str) -> Said:
    """The command with these settings and no others."""
    told: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWAY_")}
    told |= {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    ran = CliRunner().invoke(gateway, ["doctor", "--data", str(data), "--json"], env=told)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    findings = json.loads(ran.stdout)["findings"]
    assert all(each["next_step"] for each in findings if each["state"] != "well"), findings
    return Said(ran.exit_code, ran.output, {each["part"]: each for each in findings})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that serves, to be looked over while it does."""
    with running(tmp_path_factory.mktemp("served")) as process:
        yield process


def test_a_gateway_that_serves_is_well_and_goes_on_serving(served: GatewayProcess) -> None:
    said = doctor(served.data)

    assert (said.code, said.wrong()) == (0, set())
    assert {"settings", "data", "peppers", "signing key", "disk", "database", "schema", "clock", "judge"} <= set(
        said.findings
    )
    assert said.findings["upstreams"]["state"] == "odd"
    assert served.is_ready()
    secrets = [(served.data / "peppers").read_text().strip(), *served.keys.values()]
    assert not any(secret in said.text for secret in secrets)


def test_a_ledger_that_lost_what_was_published_is_found(served: GatewayProcess, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "a.checkpoint").write_text(served.control("GET", "/ledger/checkpoint", "auditor")["note"])
    well = doctor(served.data, checkpoints=str(kept))
    key = open_signing_key(served.data / "signing.key")
    ahead = Checkpoint(origin_of(key), 1_000_000, b"\0" * 32)
    (kept / "b.checkpoint").write_text(signed(ahead.text(), ahead.origin, key))
    lost = doctor(served.data, checkpoints=str(kept))

    assert well.code == 0 and well.findings["checkpoints"]["state"] == "well"
    assert lost.wrong() == {"checkpoints"} and "missing at its end" in lost.findings["checkpoints"]["said"]


def test_what_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    said = doctor(tmp_path / "nothing")

    assert said.code == 0
    assert list(tmp_path.iterdir()) == []


LOCKED = '{"keys": [{"kid": "a", "x": "AAAA", "d": "AAAA"}]}'
FILES: dict[str, tuple[str, str, int, str]] = {
    "token keys that others may read": ("token_keys_file", "", 0o644, "token keys"),
    "token keys that are none": ("token_keys_file", "{}", 0o600, "token keys"),
    "a token key that is none": ("token_keys_file", LOCKED, 0o600, "token keys"),
    "a bundle token that is too short": ("bundle_token_file", "short\n", 0o600, "bundle token file"),
    "a bundle token that others may read": ("bundle_token_file", "a" * 64, 0o644, "bundle token file"),
    "an OPA token that is no text": ("opa_token_file", "\N{SNOWMAN}", 0o600, "opa token file"),
}


@pytest.mark.parametrize("how", FILES)
def test_what_a_start_does_not_take_is_wrong_and_told_in_the_same_words(tmp_path: Path, how: str) -> None:
    setting, content, mode, part = FILES[how]
    file = tmp_path / "file"
    if content:
        file.write_text(content)
    else:
        rotate(file, 0, announce=0, overlap=0)
    file.chmod(mode)
    judged = {"judge": "opa", "opa_url": "http://127.0.0.1:9"} if setting == "opa_token_file" else {}
    given = {"data": str(tmp_path / "data"), setting: str(file), **judged}

    with pytest.raises(SettingsInvalid) as told:
        made(tmp_path / "data")
        settings = Settings.from_mapping({f"GATEWAY_{name.upper()}": value for name, value in given.items()})
        create_app(Installation(settings, {}))
    (tmp_path / "data").rename(tmp_path / "aside")
    said = doctor(tmp_path / "data", **{setting: str(file), **judged})

    assert said.code == 1 and said.findings[part]["state"] == "wrong"
    assert said.findings[part]["said"] == told.value.message


@pytest.mark.parametrize("setting", ["token_keys_file", "key_pepper_file", "signing_key_file"])
def test_a_secret_that_a_first_start_could_not_make_is_wrong(tmp_path: Path, setting: str) -> None:
    said = doctor(tmp_path / "data", **{setting: str(tmp_path / "nowhere" / "file")})

    assert said.code == 1 and len(said.wrong()) == 1
    assert not (tmp_path / "nowhere").exists()


def test_every_mistake_of_the_settings_is_told(tmp_path: Path) -> None:
    said = doctor(tmp_path, port="many", judge="coin")

    assert said.code == 1
    assert "GATEWAY_PORT" in said.text and "GATEWAY_JUDGE" in said.text and "docs/settings.md" in said.text


def test_a_database_in_use_that_lost_its_secrets_is_found(served: GatewayProcess, tmp_path: Path) -> None:
    elsewhere = {"key_pepper_file": str(tmp_path / "peppers"), "signing_key_file": str(tmp_path / "key")}

    said = doctor(served.data, **elsewhere)

    assert said.wrong() == {"peppers", "signing key"}
    assert "backup" in said.findings["peppers"]["next_step"]
    assert not (tmp_path / "peppers").exists()


@pytest.mark.parametrize(("part", "file"), [("peppers", "peppers"), ("signing key", "signing.key")])
def test_a_secret_that_others_may_read_is_found_with_the_command_that_mends_it(
    tmp_path: Path, part: str, file: str
) -> None:
    open_peppers(tmp_path / "peppers")
    open_signing_key(tmp_path / "signing.key")
    (tmp_path / file).chmod(0o644)

    said = doctor(tmp_path)

    assert said.code == 1 and said.wrong() == {part}
    assert "chmod 600" in said.findings[part]["next_step"]


def test_a_disk_that_is_nearly_full_is_wrong_and_one_that_is_scarce_is_odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> State:
        (room,) = [each for each in look_at_files(Settings(data=tmp_path), begun=False) if each.part == "disk"]
        return room.state

    states = []
    for full, scarce in ((0, 0), (0, 1 << 60), (1 << 60, 1 << 61)):
        monkeypatch.setattr(files, "FULL_BYTES", full)
        monkeypatch.setattr(files, "SCARCE_BYTES", scarce)
        states.append(found())

    assert states == [State.WELL, State.ODD, State.WRONG]


def test_a_database_that_is_not_there_is_found_and_its_password_is_not_shown(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hunter2")
    password.chmod(0o604)

    said = doctor(
        tmp_path / "data",
        database_url=f"postgresql://gateway@127.0.0.1:{free_port()}/name",
        database_password_file=str(password),
    )

    assert said.code == 1 and said.wrong() == {"database"}
    assert "nobody listens there" in said.findings["database"]["said"]
    assert said.findings["database password file"]["state"] == "odd"
    assert "hunter2" not in said.text


def test_postgresql_is_looked_over_too(postgresql_url: str, tmp_path: Path) -> None:
    said = doctor(tmp_path, database_url=postgresql_url)

    assert said.code == 0
    assert {said.findings[part]["state"] for part in ("database", "schema", "durability", "clock")} == {"well"}


def test_a_schema_that_is_missing_is_told_from_one_that_is_another(
    postgresql_server: PostgreSQLServer, postgresql_url: str, tmp_path: Path
) -> None:
    name = postgresql_server.new_database()
    empty = doctor(tmp_path, database_url=postgresql_server.url(name))
    postgresql_server.drop_database(name)
    database = postgresql_url.partition("?")[0].rpartition("/")[2]
    another = ("UPDATE alembic_version SET version_num = '0000_of_another'", "DROP TABLE schema_stamp")
    postgresql_server.execute(*another, database=database)
    other = doctor(tmp_path, database_url=postgresql_url)

    assert empty.code == 0 and empty.findings["schema"]["state"] == "odd"
    assert other.code == 1 and "0000_of_another" in other.findings["schema"]["said"]


async def test_an_opa_with_other_policies_is_found(tmp_path: Path) -> None:
    ours = read_policy_set(shipped("policies")).digest
    no = {"allow": False, "visible": False, "reasons": ["model_not_found"], "obligations": None}
    found = {}
    for name, revision in (("ours", ours), ("others", "sha256:" + "0" * 64)):

        async def behave(_: Any, writer: Any, revision: str = revision) -> bool:
            writer.write(response(answer(revision, no)))
            await writer.drain()
            return True

        async with fake_opa(behave) as opa:
            found[name] = await asyncio.to_thread(doctor, tmp_path, judge="opa", opa_url=opa.url)
    nobody = await asyncio.to_thread(doctor, tmp_path, judge="opa", opa_url=f"http://127.0.0.1:{free_port()}")

    assert found["ours"].code == 0
    assert "another policy set" in found["others"].findings["judge"]["said"] and found["others"].code == 1
    assert "gateway policy build" in nobody.findings["judge"]["next_step"] and nobody.code == 1


def test_upstreams_are_reached_as_a_call_would_reach_them(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as there:
        declared = tmp_path / "upstreams.yaml"
        declared.write_text(
            "upstreams:\n"
            f"  there: {{url: 'http://127.0.0.1:{there.getsockname()[1]}/v1', credential: hunter2}}\n"
            f"  gone: {{url: 'http://127.0.0.1:{free_port()}/v1'}}\n"
            "  unknown: {url: 'https://models.invalid/v1'}\n"
        )
        said = doctor(tmp_path / "data", upstreams=str(declared))

    assert said.code == 1 and said.wrong() == {"upstream gone", "upstream unknown"}
    assert "nobody listens there" in said.findings["upstream gone"]["said"]
    assert "hunter2" not in said.text


def test_a_file_of_upstreams_with_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    declared = tmp_path / "upstreams.yaml"
    declared.write_text("upstreams:\n  a: {url: 'ftp://a'}\n")

    said = doctor(tmp_path / "data", upstreams=str(declared))

    assert said.code == 1 and "line 2" in said.findings["upstreams"]["said"]


def test_people_are_told_in_a_table_what_to_do_below_it_and_the_command_fails(tmp_path: Path) -> None:
    open_peppers(tmp_path / "peppers")
    (tmp_path / "peppers").chmod(0o644)

    ran = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "doctor", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "peppers" in ran.stdout and "wrong" in ran.stdout and "chmod 600" in ran.stdout
    assert "would not start" in ran.stderr
