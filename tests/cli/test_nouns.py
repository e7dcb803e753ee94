"""Each noun as people use it: what it prints, and what it changed."""

import hashlib
import json
from pathlib import Path

import pytest

from gateway.cli.audit import _row
from tests.fakes.premises import DOCUMENTS, LIMITED, OPEN, open_release
from tests.fakes.terminal import Terminal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A release file with its terms beside it."""
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "aup.md").write_text(DOCUMENTS["terms/aup.md"])
    path = tmp_path / "open.yaml"
    path.write_text(open_release())
    return path


def test_a_key_is_issued_used_rotated_and_revoked(shell: Terminal) -> None:
    issued = shell.type("key", "issue", "--organisation", "acme", "--label", "ci", "--scope", "control", "--days", "7")
    token = issued.stdout.strip()
    shell.house.tokens["ci"] = token
    key = token[8:20]
    rotated = shell.type("key", "rotate", key, "--overlap", "0", by="ci")
    shell.house.tokens["heir"] = rotated.stdout.strip()
    revoked = shell.type("key", "revoke", shell.house.tokens["heir"][8:20], "--cause", "done", by="developer")

    assert issued.stdout == f"{token}\n" and "shown once" in issued.stderr
    assert (shell.type("whoami", by="ci").exit_code, shell.type("whoami", by="heir").exit_code) == (4, 4)
    assert revoked.exit_code == 0
    assert token not in shell.type("key", "list", "--json").stdout


def test_a_list_of_keys_is_a_table_with_a_row_each(shell: Terminal) -> None:
    lines = shell.type("key", "list", "--organisation", "acme").stdout.splitlines()

    assert lines[0].split()[:2] == ["id", "organisation"]
    assert len(lines) == 2 and "developer" in lines[1] and "standing" in lines[1]


def test_lists_are_read_page_by_page(shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.asking.PAGE", 2)

    keys = json.loads(shell.type("key", "list", "--json").stdout)
    some = json.loads(shell.type("key", "list", "--json", "--limit", "3").stdout)

    assert len({key["id"] for key in keys}) == len(shell.house.callers)
    assert some == keys[:3]


def test_an_organisation_is_created_asserted_of_and_disabled(shell: Terminal) -> None:
    shell.type("organisation", "create", "corp", "Corp")
    for words in (
        ("kyc", "K3"),
        ("us_person", "true"),
        ("x_staff_count", "12"),
        ("--list", "sector", "health", "energy"),
    ):
        result = shell.type("organisation", "assert", "corp", *words, "--issuer", "registry", "--assurance", "3")
        assert result.exit_code == 0, result.stderr
    shown = json.loads(shell.type("organisation", "show", "corp", "--json").stdout)
    disabled = shell.type("organisation", "disable", "corp", "--cause", "gone")

    values = {each["name"]: each["value"] for each in shown["attributes"]}
    assert values == {"kyc": "K3", "us_person": True, "x_staff_count": 12, "sector": ["health", "energy"]}
    assert "is disabled" in disabled.stdout
    assert "Corp" in shell.type("organisation", "list").stdout


def test_a_correction_of_lower_assurance_is_told_that_it_does_not_stand_and_what_does(shell: Terminal) -> None:
    def put(value: str, assurance: str) -> tuple[str, str]:
        words = ("residence_country", value, "--issuer", "registry", "--assurance", assurance)
        result = shell.type("organisation", "assert", "acme", *words)
        assert result.exit_code == 0, result.stderr
        return result.stdout, result.stderr

    first, _ = put("DE", "3")
    told, help_ = put("KP", "1")
    strongest = first.split()[6].rstrip(",")
    withdrawn = shell.type("organisation", "withdraw", "acme", strongest, "--cause", "mistaken")
    stands, _ = put("SY", "1")

    assert "and stands" in first and "and stands" not in told
    assert f"{strongest} outranks it (DE, from registry with assurance 3)" in help_
    assert f"gateway organisation withdraw acme {strongest} --cause" in help_
    assert withdrawn.exit_code == 0
    assert "and stands" in stands


def test_whoami_says_what_is_missing_and_when_it_opens(shell: Terminal) -> None:
    told = shell.type("whoami", by="developer").stdout

    assert "acme" in told and "terms_not_accepted" in told and "opens 20" in told


def test_a_release_whose_stage_has_closed_says_so_and_an_open_one_when_it_closes(shell: Terminal, file: Path) -> None:
    open_until = open_release().replace("access: api", "closes: 2100-06-01T00:00:00Z\n    access: api")
    over = open_until.replace(OPEN, "acme/over").replace("2100-06-01", "2024-06-01")
    for content in (open_until, over):
        file.write_text(content)
        applied = shell.type("release", "apply", str(file), "--adopt")
        assert applied.exit_code == 0, applied.stderr

    told = shell.type("whoami", by="developer").stdout
    rows = {line.split()[0]: line for line in shell.type("model", "list", by="developer").stdout.splitlines()}

    assert "general (api), closes 2100-06-01T00:00:00Z (in " in told
    assert "stage_closed: See GET /control/me for what is open." in told
    assert "stage_closed" in rows["acme/over"] and "2100-06-01" in rows[OPEN]


def test_terms_are_read_and_accepted(shell: Terminal) -> None:
    read = shell.type("terms", "show", OPEN, by="developer")
    declined = shell.type("terms", "accept", OPEN, by="developer", input="n\n")
    wrong = shell.type("terms", "accept", OPEN, "aup", "--digest", "sha256:" + "0" * 64, "--yes", by="developer")
    accepted = shell.type("terms", "accept", OPEN, "--yes", by="developer")
    again = shell.type("terms", "accept", OPEN, "--yes", by="developer")
    listed = json.loads(shell.type("model", "list", "--json", by="developer").stdout)

    assert read.stdout == DOCUMENTS["terms/aup.md"] + "\n"
    assert (declined.exit_code, wrong.exit_code, accepted.exit_code, again.exit_code) == (1, 1, 0, 0)
    assert "terms_changed" in wrong.stderr
    assert [each["components"] for each in listed if each["release"] == OPEN] == [["inference.text"]]


def test_a_grant_is_given_listed_and_revoked(shell: Terminal) -> None:
    given = shell.type("grant", "give", "acme", LIMITED, "--authority", "contract 7", "--ends", "30d", "--json")
    grant = json.loads(given.stdout)
    another = shell.type("grant", "give", "acme", LIMITED, "--authority", "contract 8", "--json")
    listed = shell.type("grant", "list", by="developer").stdout
    of_two = shell.type("grant", "revoke", json.loads(another.stdout)["id"], "--cause", "doubled")
    revoked = shell.type("grant", "revoke", grant["id"], "--cause", "ended")
    again = shell.type("grant", "revoke", grant["id"], "--cause", "ended")

    assert "active" in listed and grant["starts_at"] in listed
    assert grant["id"] in listed and "contract 7" in listed
    assert of_two.exit_code == 0 and f"still admitted to {LIMITED} by {grant['id']}" in of_two.stdout
    assert revoked.exit_code == 0 and "has lost" in revoked.stdout
    assert "was revoked before" in again.stderr and "next: See what stands: `gateway grant list`" in again.stderr


def test_giving_a_grant_says_from_when_and_warns_where_none_is_asked_for(shell: Terminal) -> None:
    words = ("grant", "give", "acme", LIMITED, "--authority", "x", "--ends", "2100-06-01")
    later = shell.type(*words, "--starts", "2100-01-01")
    now = shell.type("grant", "give", "acme", OPEN, "--authority", "x")
    listed = shell.type("grant", "list").stdout

    assert "from 2100-01-01T00:00:00Z until 2100-06-01T00:00:00Z" in later.stdout and later.stderr == ""
    assert "from now until" in now.stdout and f"warning: No stage of `{OPEN}` asks for a grant" in now.stderr
    assert "to come" in listed and "2100-01-01" in listed


def test_a_key_for_a_release_that_there_is_not_is_issued_with_a_warning(shell: Terminal) -> None:
    issued = shell.type("key", "issue", "--scope", "inference:acme/opn")

    assert issued.exit_code == 0 and issued.stdout.startswith("rsg_")
    assert "warning: There is no release `acme/opn`" in issued.stderr


def test_a_release_is_shown_with_what_its_audiences_ask_and_every_condition(shell: Terminal, file: Path) -> None:
    file.write_text(
        open_release()
        .replace(
            "terms: {aup", 'audiences: {vetted: {kyc@2: ">= K3", residence_country: {not_in: [KP, SY]}}}\nterms: {aup'
        )
        .replace("to: [public]", "to: [vetted]")
        .replace("60,", "60, max_output_tokens: 777, log: metadata+hash, retain_days: 42,")
    )
    shell.type("release", "apply", str(file))

    shown = shell.type("release", "show", OPEN).stdout

    assert "audience vetted  kyc@2 >= K3; residence_country not in [KP, SY]; unknown: deny" in shown
    assert "777" in shown and "metadata+hash" in shown and "42 days" in shown


def test_a_file_that_is_not_there_is_not_taken_for_a_release(shell: Terminal) -> None:
    told = shell.type("release", "classify", "nofile.yaml")

    assert told.exit_code == 2 and "There is no file 'nofile.yaml' here." in told.stderr


def test_mistakes_in_a_file_read_here_change_nothing_and_do_not_say_so(shell: Terminal, file: Path) -> None:
    file.write_text("release: acme/atlas\n")

    told = shell.type("release", "validate", str(file), by=None).stderr

    assert "in the file." in told and "nothing was changed" not in told


def test_a_stage_without_an_end_of_its_own_is_shown_with_when_the_next_takes_over(shell: Terminal) -> None:
    stages = json.loads(shell.type("release", "show", LIMITED, "--json").stdout)["stages"]
    shown = shell.type("release", "show", LIMITED).stdout

    assert [(each["closes"], each["gives_way_to"]) for each in stages] == [(None, "general"), (None, None)]
    assert stages[0]["gives_way_at"] == stages[1]["opens"]
    assert shown.count(stages[1]["opens"][:10]) == 2


def test_a_file_is_validated_without_a_gateway(shell: Terminal, file: Path) -> None:
    valid = shell.type("release", "validate", str(file), by=None)
    file.write_text(open_release().replace("access: api", "access: ajar"))
    faulty = shell.type("release", "validate", str(file), by=None)

    assert valid.exit_code == 0, valid.stderr
    assert "Not checked without --against: whether its dates lie ahead" in valid.stdout
    assert shell.wire.sent == []
    assert faulty.exit_code == 1
    assert faulty.stderr.startswith(f"{file}:7:13: ")


def test_a_file_is_held_against_what_is_in_force_and_applied(shell: Terminal, file: Path) -> None:
    file.write_text(open_release().replace("requests_per_minute: 60", "requests_per_minute: 5"))
    against = shell.type("release", "validate", str(file), "--against")
    applied = shell.type("release", "apply", str(file))
    again = shell.type("release", "apply", str(file))
    versions = json.loads(shell.type("release", "show", OPEN, "--versions", "--json").stdout)
    shown = shell.type("release", "show", OPEN).stdout

    assert "would change" in against.stdout and "Not checked" not in against.stdout
    assert "version 2 is in force" in applied.stdout and "was in force already" in again.stdout
    assert [version["number"] for version in versions] == [2, 1]
    assert "general" in shown and "open" in shown
    assert OPEN in shell.type("release", "list").stdout


def test_mistakes_found_at_the_gateway_are_told_by_the_files_own_path(shell: Terminal, file: Path) -> None:
    file.write_text("release: acme/x\nstages: 7\n")

    result = shell.type("release", "apply", str(file))

    assert result.exit_code == 1
    assert f"{file}:2:" in result.stderr and "nothing was changed" in result.stderr


def test_digests_of_weights_are_those_of_the_files(shell: Terminal, tmp_path: Path) -> None:
    (tmp_path / "w" / "sub").mkdir(parents=True)
    (tmp_path / "w" / "sub" / "model.bin").write_bytes(b"weights")
    (tmp_path / "w" / ".cache").write_bytes(b"hidden")
    (tmp_path / "w" / "link").symlink_to("/etc/passwd")

    files = json.loads(shell.type("release", "digest", str(tmp_path / "w"), "--json", by=None).stdout)

    assert files == {"sub/model.bin": "sha256:" + hashlib.sha256(b"weights").hexdigest()}


def test_a_search_for_a_name_that_nothing_has_says_so(shell: Terminal) -> None:
    words = ("audit", "search", "--limit", "1")
    missing = shell.type(*words, "--organisation", "acmee", "--release", "acme/opn", by="auditor").stderr
    known = shell.type(*words, "--organisation", "acme", "--release", OPEN, by="auditor")
    blind = shell.type(*words, "--organisation", "acmee", "--release", "acme/closd", by="developer")

    assert "note: There is no organisation `acmee`. Did you mean `acme`?" in missing
    assert f"note: There is no release `acme/opn`. Did you mean `{OPEN}`?" in missing
    assert "note:" not in known.stderr + blind.stderr


def test_the_ledger_is_searched_followed_and_shown(shell: Terminal) -> None:
    found = json.loads(shell.type("audit", "search", "--event", "release:applied", "--json", by="auditor").stdout)
    tailed = shell.type("audit", "tail", "--no-follow", "--since", "1h", by="auditor").stdout.splitlines()
    shown = shell.type("audit", "show", str(found[0]["index"]), by="auditor").stdout
    own = json.loads(shell.type("audit", "search", "--json", by="developer").stdout)

    assert len(found) == 3
    assert [int(line.split()[0]) for line in tailed] == list(range(len(tailed)))
    assert found[0]["leaf_hash"] in shown
    assert {entry["body"]["organisation"] for entry in own} == {"acme"}


def test_every_line_of_a_call_in_the_ledger_names_its_request_and_a_cut_says_why_and_what_it_cost() -> None:
    def told(event: str, **body: object) -> str:
        return str(_row({"index": 7, "at": "2026-03-01T00:00:00Z", "event": event, "id": "0199-x", "body": body})[-1])

    cut = {"outcome": "cut", "reasons": ["key_revoked"], "tokens_in": 3, "tokens_settled": 150, "admitted": "0199-x"}
    complete = {"outcome": "complete", "tokens_in": 3, "tokens_out": 9, "tokens_settled": 12, "admitted": "0199-x"}
    assert told("access:refused", reasons=["grant_required"]) == "grant_required, request 0199-x"
    assert told("access:admitted", component="c", stage="s", key="k") == "c by s, key k, request 0199-x"
    assert told("access:finished", **cut) == "cut (key_revoked), 150 settled, request 0199-x"
    assert told("access:finished", **complete) == "complete, 3+9 tokens, request 0199-x"
    unknown = {"usage_basis": "unknown", "admitted": "0199-x"}
    assert told("access:finished", **unknown, outcome="unknown_after_crash") == (
        "unknown_after_crash, tokens not known, request 0199-x"
    )
    assert told("access:finished", **unknown, outcome="cut", tokens_out=41) == (
        "cut, tokens not known, 41 out at least, request 0199-x"
    )
    reserved = {"usage_basis": "reserved", "tokens_settled": 150, "admitted": "0199-x"}
    assert told("access:finished", **reserved, outcome="complete") == (
        "complete, tokens not known, 150 settled, request 0199-x"
    )


def test_the_policies_here_are_those_that_judge(shell: Terminal, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.gz"
    built = json.loads(shell.type("policy", "build", "--output", str(bundle), "--json", by=None).stdout)
    there = json.loads(shell.type("policy", "show", "--json").stdout)
    here = json.loads(shell.type("policy", "show", "--local", "--json", by=None).stdout)

    assert built["digest"] == there["digest"] == here["digest"]
    assert bundle.read_bytes()[:2] == b"\x1f\x8b"


def test_the_schema_is_made_and_looked_at_here(shell: Terminal, tmp_path: Path) -> None:
    absent = json.loads(shell.type("db", "current", "--data", str(tmp_path / "d"), "--json", by=None).stdout)
    made = json.loads(shell.type("db", "upgrade", "--data", str(tmp_path / "d"), "--json", by=None).stdout)

    assert absent["current"] is None
    assert made["current"] == made["needed"] == absent["needed"]


@pytest.mark.parametrize("name", ["../keys", "acme", "a/b/c", "/", "acme/"])
def test_a_name_cannot_become_another_path(shell: Terminal, name: str) -> None:
    result = shell.type("release", "show", name)

    assert result.exit_code in {1, 2}
    assert all(request.url.path.startswith("/control/releases/") for request in shell.wire.sent)


def test_a_timeline_is_drawn_in_the_terminal(shell: Terminal) -> None:
    drawn = shell.type("release", "show", LIMITED, "--timeline")
    safe = shell.type("release", "show", LIMITED, "--timeline", "--ascii-safe", "--at", "2023-01-01")
    values = json.loads(shell.type("release", "show", LIMITED, "--timeline", "--json").stdout)
    misplaced = shell.type("release", "show", LIMITED, "--at", "2023-01-01")

    assert drawn.exit_code == 0 and f"{LIMITED}: trusted is open" in drawn.stdout
    assert all(len(line) <= 80 for line in drawn.stdout.splitlines())
    assert safe.stdout.isascii() and "no stage is open" in safe.stdout and "at 2023-01-01" in safe.stdout
    assert [bar["name"] for bar in values["bars"]] == ["trusted", "general"]
    assert misplaced.exit_code == 2


def test_a_label_is_shown_with_its_reasons_as_of_any_day(shell: Terminal) -> None:
    now = shell.type("release", "label", LIMITED).stdout
    later = json.loads(shell.type("release", "label", LIMITED, "--at", "+20d", "--json").stdout)

    assert "Solaiman   gradual/staged\n" in now and "1 stage to come" in now
    assert later["label"]["solaiman"]["label"] == "cloud-based/API" and "narrowed" not in now


def test_a_label_tells_what_is_taken_from_some_with_who_since_when_and_why(shell: Terminal) -> None:
    shell.type("release", "suspend", LIMITED, "--scope", "not us_person", "--cause", "an order", "--yes")

    told = " ".join(shell.type("release", "label", LIMITED).stdout.split())

    assert "narrowed 1 narrowing suspended since " in told
    assert "for those in `not us_person` or of whom it is unknown" in told and ": an order" in told


def test_a_release_and_a_file_are_classified_alike(shell: Terminal, file: Path) -> None:
    file.write_text(
        open_release().replace("terms:", "model: {modality: [text], training_flop: [9e24, 2e25]}\nterms:", 1)
    )
    of_file = json.loads(shell.type("release", "classify", str(file), "--at", "2026-11-24", "--json", by=None).stdout)
    assert shell.wire.sent == []
    shell.type("release", "apply", str(file))
    of_release = json.loads(shell.type("release", "classify", OPEN, "--json").stdout)
    before = json.loads(shell.type("release", "classify", OPEN, "--at", "2024-06-01", "--json").stdout)
    told = shell.type("release", "classify", str(file), "--at", "2026-11-24", by=None).stdout
    everything = shell.type("release", "classify", str(file), "--at", "2026-11-24", "--all", by=None).stdout

    assert of_file["digest"] == of_release["digest"]
    assert (of_release["number"], before["number"]) == (2, 1), "what is read is what was in force then"
    possible = [each["label"] for each in of_file["labels"] if each["finding"] == "possible"]
    assert possible == ["systemic-risk-presumed"]
    assert "possible   eu-ai-act systemic-risk-presumed\n" in told and "\n           If it is not: " in told
    assert all(len(line) <= 100 for line in told.splitlines())
    assert "us-eo-14110" not in told and "us-eo-14110" in everything
    assert "complian" not in (told + everything).lower()


def test_mistakes_in_a_file_are_told_before_it_is_classified(shell: Terminal, file: Path) -> None:
    file.write_text(open_release().replace("access: api", "access: ajar"))

    result = shell.type("release", "classify", str(file), by=None)

    assert result.exit_code == 1 and result.stderr.startswith(f"{file}:7:13: ")


@pytest.mark.parametrize("kind", ["sb53", "decision-record", "specialised-access"])
def test_a_report_is_written_in_markdown_or_json(shell: Terminal, kind: str) -> None:
    written = shell.type("release", "report", OPEN, "--kind", kind)
    values = json.loads(shell.type("release", "report", OPEN, "--kind", kind, "--json").stdout)

    assert written.exit_code == 0 and written.stdout.startswith("# ") and "*not stated*" in written.stdout
    assert values["kind"] == kind and values["number"] == 1


def test_weights_are_looked_for_before_a_release_names_them(shell: Terminal, tmp_path: Path) -> None:
    content, file = b"weights", tmp_path / "weighty.yaml"
    file.write_text(
        "release: acme/weighty\nserves:\n  weights:\n    path: w/1\n    files:\n"
        f"      a.bin: sha256:{hashlib.sha256(content).hexdigest()}\n"
        "stages: [{name: open, opens: 2024-01-01T00:00:00Z, access: open-weights, to: [public], irreversible: true}]\n"
    )
    folder = shell.house.installation.settings.weights_path / "w" / "1"
    nothing = shell.type("release", "validate", str(file), "--against", "--adopt")
    folder.mkdir(parents=True)
    missing = shell.type("release", "validate", str(file), "--against", "--adopt")
    (folder / "a.bin").write_bytes(b"others")
    differs = shell.type("release", "apply", str(file), "--adopt")
    (folder / "a.bin").write_bytes(content)
    applied = shell.type("release", "apply", str(file), "--adopt")

    assert nothing.exit_code == 0 and "note: The gateway has no folder `w/1` yet" in nothing.stderr
    assert (missing.exit_code, differs.exit_code) == (1, 1)
    assert f"{file}:6:14: the gateway has no such file" in missing.stderr
    assert f"{file}:6:14: the gateway's file in `w/1` is not this one" in differs.stderr
    assert (applied.exit_code, applied.stderr) == (0, "")
