"""Changes as people plan, read, agree to and apply them."""

import json
from pathlib import Path

import pytest

from gateway.identity.callers import Role
from tests.fakes.premises import DOCUMENTS, OPEN, open_release
from tests.fakes.terminal import Terminal


@pytest.fixture
def board(shell: Terminal) -> Terminal:
    """The terminal, and a key that plans and issued no other."""
    shell.loop.run(shell.house.enter("manager", "provider", Role.PROVIDER))
    return shell


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A release file that widens what is in force, with its terms beside it."""
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "aup.md").write_text(DOCUMENTS["terms/aup.md"])
    path = tmp_path / "open.yaml"
    path.write_text(
        open_release().replace("offers: [inference.text]", "offers: [inference.text, inference.embeddings]")
    )
    return path


def planned(board: Terminal, file: Path) -> str:
    result = board.type("release", "plan", str(file), "--json", by="manager")
    assert result.exit_code == 0, result.stderr
    change: str = json.loads(result.stdout)["change"]["id"]
    return change


def test_a_plan_says_what_differs_who_gains_and_what_is_missing(board: Terminal, file: Path) -> None:
    told = board.type("release", "plan", str(file), by="manager").stdout

    assert "+ stages.general.offers: inference.text -> inference.embeddings, inference.text" in told
    row = next(line for line in told.splitlines() if "inference.embeddings" in line and "public" in line)
    assert "public (+3)" in row
    assert "gaining: acme, bolt, provider" in told
    assert "two people beside its author" in told and "approvals_missing" in told
    assert "gateway change approve change_" in told


def test_a_change_is_agreed_to_and_applied_by_commands(board: Terminal, file: Path) -> None:
    change = planned(board, file)
    early = board.type("change", "apply", change, by="manager")
    own = board.type("change", "approve", change, by="manager")
    agreed = [board.type("change", "approve", change, by=who) for who in ("approver", "analyst")]
    ready = board.type("change", "show", change, by="auditor").stdout
    applied = board.type("change", "apply", change, by="manager")
    listed = board.type("change", "list", "--release", OPEN, "--state", "applied").stdout

    assert early.exit_code == 1 and "approvals_missing" in early.stderr
    assert own.exit_code == 1 and "self_approved" in own.stderr and "next:" in own.stderr
    assert [result.exit_code for result in agreed] == [0, 0] and "is approved" in agreed[1].stdout
    assert f"Nothing is missing. Next: gateway change apply {change}" in ready
    assert applied.exit_code == 0 and f"{OPEN} version 2 is in force" in applied.stdout
    assert change in listed and "widening" in listed


def test_an_approval_names_the_digest_that_was_seen(board: Terminal, file: Path) -> None:
    change = planned(board, file)

    refused = board.type("change", "approve", change, "--digest", "sha256:" + "0" * 64, by="approver")

    assert refused.exit_code == 1 and "change_differs" in refused.stderr


def test_what_one_narrowed_says_who_must_look_at_it(board: Terminal, file: Path) -> None:
    file.write_text(open_release().replace("requests_per_minute: 60", "requests_per_minute: 6"))
    change = planned(board, file)
    applied = board.type("change", "apply", change, by="manager")
    due = board.type("change", "show", change).stdout
    reviewed = board.type("change", "approve", change, "--as", "analyst", by="analyst")

    assert "A second person must look at it until" in applied.stdout
    assert "review is due" in due and "- stages.general.conditions.requests_per_minute: 60 -> 6" in due
    assert reviewed.exit_code == 0
    assert "reviewed by" in board.type("change", "show", change).stdout


def test_a_change_is_taken_back_with_its_cause(board: Terminal, file: Path) -> None:
    change = planned(board, file)
    rejected = board.type("change", "reject", change, "--cause", "too soon", by="manager")

    assert rejected.exit_code == 0 and "is rejected" in rejected.stdout
    assert "too soon" in board.type("change", "show", change).stdout


def test_planning_tells_mistakes_with_their_lines(board: Terminal, file: Path) -> None:
    file.write_text(open_release().replace("access: api", "access: apy"))

    result = board.type("release", "plan", str(file), by="manager")

    assert result.exit_code == 1
    assert f"{file}:7:13: `apy` is not known here" in result.stderr
