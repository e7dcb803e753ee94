"""Machines at the terminal: clients made and listed, tokens got and ended, signing keys rotated."""

import json
import time
from pathlib import Path

import pytest
from joserfc import jwk

from gateway.clock import SECOND, at
from gateway.identity.tokens.signing_keys import SigningKeys
from tests.fakes.terminal import Terminal


def made(shell: Terminal, *words: str) -> tuple[str, str]:
    """Id and secret of a new client."""
    told = shell.type("client", "create", "--organisation", "acme", *words)
    assert told.exit_code == 0, told.stderr
    return told.stderr.split()[1], told.stdout.strip()


def test_a_client_is_made_gets_a_token_and_calls_with_it(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    client, secret = made(shell, "--label", "ci", "--scope", "inference", "--scope", "control:read")
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", secret)

    got = shell.type("token", "get", "--client", client, "--scope", "control:read", by=None)
    shell.house.tokens["ci"] = got.stdout.strip()
    me = json.loads(shell.type("whoami", "--json", by="ci").stdout)

    assert got.stdout.count("\n") == 1 and "control:read" in got.stderr
    assert (me["key"]["id"], me["key"]["scopes"], me["organisation"]) == (client, ["control:read"], "acme")
    assert me["key"]["token"] in shell.type("whoami", by="ci").stdout
    assert secret not in shell.type("client", "list", "--json").stdout


def test_a_list_of_clients_is_a_table_of_clients_alone(shell: Terminal) -> None:
    client, _ = made(shell, "--label", "ci")

    lines = shell.type("client", "list").stdout.splitlines()

    assert len(lines) == 2 and client in lines[1] and "secret" in lines[1] and "developer: ci" in lines[1]


def test_a_token_is_ended_by_its_id_from_the_ledger(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    client, secret = made(shell)
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", secret)
    shell.house.tokens["ci"] = shell.type("token", "get", "--client", client, by=None).stdout.strip()
    token = json.loads(shell.type("whoami", "--json", by="ci").stdout)["key"]["token"]

    ended = shell.type("token", "revoke", token, "--cause", "leaked")
    after = shell.type("whoami", by="ci")

    assert ended.exit_code == 0 and token in ended.stdout
    assert (after.exit_code, "revoked" in after.stderr) == (4, True)
    assert shell.type("token", "revoke", shell.house.tokens["ci"], "--cause", "leaked").exit_code == 2


def test_a_wrong_secret_and_none_are_told_apart_and_permit_nothing(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, secret = made(shell)
    unset = shell.type("token", "get", "--client", client, by=None)
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", secret[:-1])
    wrong = shell.type("token", "get", "--client", client, by=None)

    assert (unset.exit_code, wrong.exit_code) == (4, 4)
    assert "GATEWAY_CLIENT_SECRET" in unset.stderr and secret[:-1] not in wrong.stderr


def test_a_client_with_keys_of_its_own_is_shown_no_secret(shell: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys = [{**jwk.OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": each} for each in ("old", "new")]
    file.write_text(json.dumps({"keys": keys[:1]}))
    told = shell.type("client", "create", "--organisation", "acme", "--public-keys", str(file))
    client = told.stdout.split()[1]
    file.write_text(json.dumps({"keys": keys}))

    exchanged = shell.type("client", "keys", client, str(file))

    assert told.exit_code == 0 and "rsg_" not in told.stdout
    assert exchanged.stdout.strip() == f"{client} proves itself by old, new."


@pytest.mark.parametrize("kind", ["pem", "jwk"])
def test_a_client_that_signs_gets_a_token_by_its_key_file(shell: Terminal, tmp_path: Path, kind: str) -> None:
    key = jwk.ECKey.generate_key("P-256")
    keys, private = tmp_path / "keys.json", tmp_path / "client.key"
    keys.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": "one"}]}))
    private.write_text(
        json.dumps({**key.as_dict(private=True), "kid": "one"}) if kind == "jwk" else key.as_pem(private=True).decode()
    )
    client = shell.type("client", "create", "--organisation", "acme", "--public-keys", str(keys)).stdout.split()[1]
    get = ("token", "get", "--client", client, "--key-file", str(private))

    private.chmod(0o644)
    open_to_others = shell.type(*get, by=None)
    private.chmod(0o600)
    got = shell.type(*get, by=None)
    private.write_text(json.dumps(key.as_dict(private=False)))
    public = shell.type(*get, by=None)
    shell.house.tokens["signer"] = got.stdout.strip()

    assert json.loads(shell.type("whoami", "--json", by="signer").stdout)["key"]["id"] == client
    assert (open_to_others.exit_code, public.exit_code) == (1, 1)
    assert "chmod 600" in open_to_others.stderr and "no private key" in public.stderr


def test_a_new_key_is_announced_then_signs_and_the_old_ones_end(
    shell: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path))
    table = shell.type("token", "keys", by=None).stdout
    first = json.loads(shell.type("token", "keys", "--json", by=None).stdout)[0]["id"]

    rotated = json.loads(shell.type("token", "rotate-key", "--announce", "10m", "--json", by=None).stdout)
    keys = SigningKeys(tmp_path / "token.keys")
    now = time.time_ns() // 1000
    published = [{key["kid"] for key in keys.published(at(now + s * SECOND))} for s in (0, 700, 600 + 7_300)]

    assert published == [{first, rotated["id"]}, {first, rotated["id"]}, {rotated["id"]}]
    assert (tmp_path / "token.keys").stat().st_mode & 0o777 == 0o600
    assert "the start" in table and "1970" not in table
    nowhere = shell.type("token", "rotate-key", "--data", str(tmp_path / "nowhere"), by=None)
    assert nowhere.exit_code == 1 and "next: Put it there" in nowhere.stderr
    assert '"d"' not in shell.type("token", "keys", "--json", by=None).stdout
