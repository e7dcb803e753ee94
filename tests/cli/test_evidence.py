"""Evidence, approvals and incidents, as people type them."""

import json
from pathlib import Path

import pytest

from gateway.identity.callers import Role
from tests.control.test_stages import FILE, FILES, GATED, OURS
from tests.fakes.terminal import Terminal


@pytest.fixture
def gated(shell: Terminal) -> Terminal:
    """A terminal in front of a gateway with a release whose second stage waits."""
    shell.loop.run(shell.house.enter("author", "provider", Role.PROVIDER))
    shell.loop.run(shell.house.apply(FILE, by="author"))
    return shell


def test_evidence_is_added_listed_and_withdrawn(gated: Terminal) -> None:
    added = gated.type("evidence", "add", str(FILES / "lm-eval-0.34.json"), "--release", GATED, "--snapshot", OURS)
    helm = gated.type("evidence", "add", str(FILES / "helm"), "--release", GATED, "--snapshot", OURS, "--json")
    listed = gated.type("evidence", "list", "--release", GATED).stdout
    one = json.loads(helm.stdout)["id"]
    withdrawn = gated.type("evidence", "withdraw", one, "--cause", "another model")

    assert added.exit_code == 0 and "lm-eval about" in added.stdout and "wmdp_bio  acc     0.34" in added.stdout
    assert "lm-eval 0.4.13" in listed and "wmdp_bio acc 0.34" in listed and one in listed
    assert f"{one} counts no longer" in withdrawn.stdout


def test_evidence_of_a_release_that_there_is_not_is_told_as_such(gated: Terminal) -> None:
    absent, none = (gated.type("evidence", "list", "--release", name) for name in ("acme/nope", GATED))

    assert absent.exit_code == 1 and "There is no release `acme/nope`." in absent.stderr
    assert (none.exit_code, none.stderr.partition(".")[0]) == (0, "No evidence")


def test_the_concurrence_of_somebody_whom_the_stage_does_not_ask_is_refused_with_whom_it_asks(gated: Terminal) -> None:
    words = ("release", "concur", GATED, "general", "--reference", "letter 7", "--expires", "30d", "--authority")

    refused = gated.type(*words, "CAISII")

    assert refused.exit_code == 1
    assert "does not ask for the concurrence of that authority, but of `CAISI`" in refused.stderr
    assert "no concurrence of CAISI is recorded" in gated.type("release", "show", GATED).stdout


def test_what_is_missing_is_shown_and_goes_as_it_is_met(gated: Terminal) -> None:
    before = gated.type("release", "show", GATED).stdout
    incident = json.loads(gated.type("incident", "open", GATED, "--summary", "a leak", "--json").stdout)["id"]
    gated.type("evidence", "add", str(FILES / "lm-eval-0.34.json"), "--release", GATED, "--snapshot", OURS)
    approved = gated.type("release", "approve", GATED, "general", by="approver")
    concurred = gated.type(
        "release", "concur", GATED, "general", "--authority", "CAISI", "--reference", "letter 7", "--expires", "30d"
    )
    almost = gated.type("release", "show", GATED).stdout
    closed = gated.type("incident", "close", incident, "--cause", "plugged")
    gated.type("release", "approve", GATED, "general", by="approver")
    after = gated.type("release", "show", GATED).stdout

    assert "general: not open: waits for what is not met" in before
    assert "  not met  approval by one person: 0 of 1 approval" in before
    assert "is approved as sha256:" in approved.stdout and "concurs with general" in concurred.stdout
    assert [line for line in almost.splitlines() if line.startswith("  not met")] == [
        f"  not met  no open incident: {incident} is open"
    ]
    assert "is closed" in closed.stdout and "  not met" not in after
    assert "plugged" in gated.type("incident", "list").stdout


def test_opening_what_cannot_be_shut_again_is_acknowledged(gated: Terminal) -> None:
    files = f"weights: {{path: weights/a, files: {{a.bin: sha256:{'0' * 64}}}}}"
    asks = "[{approvals: 1}, {concurrence: CAISI}]"
    file = (
        f"release: acme/weights\nserves: {{{files}}}\nstages:\n  - {{name: out, opens: 2200-01-01T00:00:00Z, "
        f"access: open-weights, irreversible: true, to: [public], offers: [weights.final], opens_when: {asks}}}\n"
    )
    gated.loop.run(gated.house.apply(file, by="author"))
    concur = ("concur", "acme/weights", "out", "--authority", "CAISI", "--reference", "7", "--expires", "2201-01-01")

    for words in (("approve", "acme/weights", "out"), concur):
        refused = gated.type("release", *words, by="approver")
        given = gated.type("release", *words, "--cannot-be-undone", by="approver")

        assert refused.exit_code == 1 and "--cannot-be-undone" in refused.stderr
        assert given.exit_code == 0, given.stderr


def test_whoever_wrote_it_is_told_why_they_cannot_approve(gated: Terminal) -> None:
    gated.loop.run(gated.house.enter("both", "provider", Role.PROVIDER, Role.APPROVER))
    gated.loop.run(
        gated.house.ask("POST", "/releases", by="both", json={"file": FILE.replace("approvals: 1", "approvals: 2")})
    )

    refused = gated.type("release", "approve", GATED, "general", by="both")

    assert refused.exit_code == 1 and "self_approved" in refused.stderr and "omebody else" in refused.stderr


def test_who_waits_for_requirements_is_told_so_by_whoami(gated: Terminal) -> None:
    told = gated.type("whoami", by="developer").stdout

    assert "the next stage waits for its requirements" in told and "wmdp" not in told


@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_added_is_told_before_anything_is_sent(gated: Terminal, tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    large = tmp_path / "large.json"
    large.write_bytes(b" " * ((8 << 20) + 1))

    result = gated.type("evidence", "add", str(large if there else folder), "--release", GATED)

    assert result.exit_code == 1 and "next:" in result.stderr
    assert gated.wire.sent == []


def test_a_stage_of_which_everything_is_met_says_that_it_waits_for_its_date(shell: Terminal) -> None:
    ahead = FILE.replace("opens: 2024-02-01T00:00:00Z", "opens: 2100-01-01T00:00:00Z")
    ahead = ahead[: ahead.index("    opens_when:")] + "    opens_when: [{incident_free: true}]\n"
    shell.loop.run(shell.house.apply(ahead))

    told = shell.type("release", "show", GATED).stdout

    assert "general: not open: waits for its date, 2100-01-01T00:00:00Z" in told
    assert "waits for what is not met" not in told
