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


def test_that_nobody_gains_or_loses_is_told_under_its_heading(board: Terminal, file: Path) -> None:
    file.write_text(open_release().replace("requests_per_minute: 60", "requests_per_minute: 61"))

    told = board.type("release", "plan", str(file), by="manager")

    assert "workloads are not counted)\n  Nobody, as organisations stand now.\n" in told.stdout
    assert "Nobody" not in told.stderr


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


def test_an_approver_reads_a_new_text_of_terms_before_agreeing_to_it(board: Terminal, file: Path) -> None:
    (file.parent / "terms" / "aup.md").write_text("Do good.\n")
    change = planned(board, file)

    told = board.type("change", "show", change, by="approver").stdout
    read = board.type("change", "show", change, "--terms", "aup", by="approver")
    none = board.type("change", "show", change, "--terms", "other", by="approver")

    assert f"gateway change show {change} --terms aup" in told
    assert read.stdout == "Do good.\n\n" and "in its place stood sha256:" in read.stderr
    assert none.exit_code == 1 and f"gateway change show {change}" in none.stderr


def test_what_one_person_puts_in_force_alone_is_said_to_be_so(board: Terminal, file: Path) -> None:
    applied = board.type("release", "apply", str(file), by="manager")
    again = board.type("release", "apply", str(file), by="manager")

    assert "Nobody else has agreed to it" in applied.stdout and "GATEWAY_CHANGES=reviewed" in applied.stdout
    assert "gateway release plan" in applied.stdout and "was in force already" in again.stdout
    assert "Nobody else" not in again.stdout


def test_changes_that_are_stale_are_found_as_they_are_shown(board: Terminal, file: Path) -> None:
    first, second = planned(board, file), planned(board, file)
    board.type("release", "apply", str(file), by="manager")

    stale = json.loads(board.type("change", "list", "--state", "stale", "--json").stdout)
    waiting = json.loads(board.type("change", "list", "--state", "planned", "--json").stdout)
    refused = board.type("change", "approve", first, by="approver")
    shown = board.type("change", "show", first).stdout

    assert "cannot be applied any more" in shown and "gateway release plan FILE" in shown
    assert "change approve" not in shown
    assert ([each["id"] for each in stale], waiting) == ([second, first], [])
    assert "Now version 2 is in force, where it was 1." in refused.stderr


def test_a_change_that_is_refused_says_who_has_agreed_so_far(board: Terminal, file: Path) -> None:
    change = planned(board, file)
    before = board.type("change", "apply", change, by="manager").stderr
    board.type("change", "approve", change, by="approver")
    after = board.type("change", "apply", change, by="manager").stderr

    key = board.house.callers["approver"].key
    assert "So far: nobody." in before and f"So far: {key}." in after
    assert f"So far: {key}." in board.type("change", "show", change).stdout


@pytest.mark.parametrize(
    ("words", "next_step"),
    [
        (("change", "show", "change_0"), "gateway change list"),
        (("release", "approve", OPEN, "generall"), f"gateway release show {OPEN}"),
        (("release", "review", OPEN, "narrowing_0", "confirm", "--cause", "seen"), f"release narrowings {OPEN}"),
        (("evidence", "show", "evidence_0"), "gateway evidence list"),
        (("organisation", "create", "acme", "Acme"), "gateway organisation show acme"),
        (("organisation", "assert", "acme", "kyc", "K9", "--issuer", "register"), "docs/reference.md"),
        (("organisation", "create", "Acme Inc", "Acme"), "gateway organisation create --help"),
    ],
)
def test_what_fails_says_what_to_do_in_the_words_of_commands(
    board: Terminal, words: tuple[str, ...], next_step: str
) -> None:
    by = "approver" if words[:2] in (("release", "approve"), ("release", "review")) else "provider"
    failed = board.type(*words, by=by)

    assert failed.exit_code == 1
    assert next_step in failed.stderr.partition("next: ")[2], failed.stderr


def test_what_cannot_be_undone_is_planned_with_the_whole_next_command(board: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "weights.yaml"
    file.write_text(
        "release: acme/out\nserves: {inference: {upstream: simulated, model: atlas}, "
        f"weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}}}\nstages:\n"
        "  - {name: out, opens: 2200-01-01T00:00:00Z, access: open-weights, irreversible: true, to: [public], "
        "offers: [weights.final]}\n"
    )

    planned = board.type("release", "plan", str(file), by="manager")

    assert planned.exit_code == 0, planned.stderr
    assert "--cannot-be-undone" in planned.stdout.splitlines()[-1]
