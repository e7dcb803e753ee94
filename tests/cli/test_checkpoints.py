"""Checkpoints are kept by a command and held against a ledger by another, which asks no gateway."""

import json
from pathlib import Path

from gateway.ledger.checkpoints.checkpoint import Checkpoint, origin_of
from gateway.ledger.checkpoints.notes import signed
from gateway.ledger.signing import open_signing_key
from tests.fakes.terminal import Terminal


def test_a_checkpoint_is_shown_kept_and_verified_by_a_key_that_was_kept_too(shell: Terminal, tmp_path: Path) -> None:
    kept, key = tmp_path / "kept", tmp_path / "verifier"
    kept.mkdir()
    shown = shell.type("audit", "checkpoint", by="auditor")
    key.write_text(shell.type("audit", "checkpoint", "--key", by="auditor").stdout)
    told = json.loads(shell.type("audit", "checkpoint", "--into", str(kept), "--json", by="auditor").stdout)
    again = shell.type("audit", "checkpoint", "--into", str(kept), by="auditor")
    verified = shell.type("audit", "verify", "--data", str(tmp_path), "--checkpoints", str(kept), "--json", by=None)
    by_key = shell.type(
        "audit", "verify", "--data", str(tmp_path), "--checkpoints", told["file"], "--key", str(key), by=None
    )

    assert shown.stdout == told["note"] == Path(told["file"]).read_text()
    assert shown.stdout.splitlines()[:2] == [told["note"].splitlines()[0], str(told["size"])]
    assert again.exit_code == verified.exit_code == by_key.exit_code == 0, by_key.output
    said = json.loads(verified.stdout)
    assert said["well"] and said["entries"] == said["vouched"] == told["size"] and said["root"] == told["root"]


def test_another_checkpoint_of_the_same_size_is_a_fork_and_is_never_written_over(
    shell: Terminal, tmp_path: Path
) -> None:
    told = json.loads(shell.type("audit", "checkpoint", "--into", str(tmp_path), "--json", by="auditor").stdout)
    Path(told["file"]).write_text("another\n")

    refused = shell.type("audit", "checkpoint", "--into", str(tmp_path), by="auditor")

    assert refused.exit_code == 1 and "forked" in refused.stderr and "gateway audit verify" in refused.stderr
    assert Path(told["file"]).read_text() == "another\n"


def test_the_same_entries_signed_by_another_key_are_no_fork(shell: Terminal, tmp_path: Path) -> None:
    told = json.loads(shell.type("audit", "checkpoint", "--into", str(tmp_path), "--json", by="auditor").stdout)
    other = open_signing_key(tmp_path / "other.key")
    theirs = Checkpoint(origin_of(other), told["size"], bytes.fromhex(told["root"]))
    Path(told["file"]).write_text(signed(theirs.text(), theirs.origin, other))

    refused = shell.type("audit", "checkpoint", "--into", str(tmp_path), by="auditor")

    assert refused.exit_code == 1 and "signed by another" in refused.stderr and "forked" not in refused.stderr


def test_only_who_oversees_is_given_one(shell: Terminal) -> None:
    assert shell.type("audit", "checkpoint", by="developer").exit_code == 4


def test_what_cannot_be_verified_is_said_with_what_to_do(shell: Terminal, tmp_path: Path) -> None:
    note = tmp_path / "a.checkpoint"
    note.write_text(shell.type("audit", "checkpoint", by="auditor").stdout)
    words = ("audit", "verify", "--data", str(tmp_path))
    alone = shell.type(*words, by=None)
    (tmp_path / "empty").mkdir()
    nothing = shell.type("audit", "verify", "--data", str(tmp_path / "empty"), by=None)
    no_key = shell.type("audit", "verify", "--data", str(tmp_path / "empty"), "--checkpoints", str(note), by=None)
    empty_folder = shell.type(*words, "--checkpoints", str(tmp_path / "empty"), by=None)
    (tmp_path / "signing.key").unlink()
    open_signing_key(tmp_path / "signing.key")
    other = shell.type(*words, "--checkpoints", str(note), by=None)

    assert alone.exit_code == 0 and "Without a checkpoint kept elsewhere" in alone.stdout
    for failed, said in (
        (nothing, "There is no ledger"),
        (no_key, "--key"),
        (empty_folder, "no checkpoint in"),
        (other, "is no checkpoint of this ledger"),
    ):
        assert failed.exit_code == 1 and said in failed.stderr, failed.output
    assert not (tmp_path / "empty" / "signing.key").exists()
