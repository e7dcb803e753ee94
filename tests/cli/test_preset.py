"""`gateway release preset` as people use it: what is listed, what is shown, and what becomes of it."""

import json
from pathlib import Path

import pytest

from gateway.releases.presets import presets
from tests.fakes.terminal import Terminal

STARTS = ("--starts", "2027-03-01")
MINE = ("--release", "acme/atlas-2", "--upstream", "simulated")


def test_presets_are_listed_with_dates_levels_and_disputes(shell: Terminal) -> None:
    lines = shell.type("release", "preset", "list", by=None).stdout.splitlines()
    rows = {line.split()[0]: line for line in lines[1:]}

    assert lines[0].split()[:4] == ["preset", "kind", "system", "developer"]
    assert rows.keys() == {each.name for each in presets()}
    for said in ("history", "GPT-4", "OpenAI", "2023-03-14", "2023-07-31", "limited → api to some → api → none"):
        assert said in rows["gpt-4"]
    assert "2100" not in rows["staged-api"], "a template's dates mean nothing"
    assert shell.wire.sent == []


def test_the_list_is_for_programs_too_and_of_one_kind_where_that_is_asked(shell: Terminal) -> None:
    every = json.loads(shell.type("release", "preset", "list", "--json", by=None).stdout)
    templates = json.loads(shell.type("release", "preset", "list", "--kind", "template", "--json", by=None).stdout)

    [palm] = [each for each in every if each["name"] == "palm-2"]
    assert (palm["system"], palm["developer"], palm["opens"][0]) == ("PaLM 2", "Google", "2023-05-10T00:00:00Z")
    assert any(dispute.startswith("called open: ") for dispute in palm["disputes"])
    assert [each for each in every if each["kind"] == "template"] == templates
    assert all(each["opens"] == [] for each in templates)


def test_a_preset_is_shown_with_its_file_its_facts_and_what_is_not_expressed(shell: Terminal) -> None:
    shown = shell.type("release", "preset", "show", "dall-e-2", by=None).stdout
    told = json.loads(shell.type("release", "preset", "show", "dall-e-2", "--json", by=None).stdout)

    for said in (
        "release: openai/dall-e-2",
        "preview opens (limited)",
        "primary",
        "unverified",
        "The cap of 400 people",
        "https://github.com/openai/dalle-2-preview",
    ):
        assert said in shown
    assert told["history"]["facts"][0]["access"] == "limited"
    assert told["history"]["not_expressed"][1]["what"].startswith("The cap of 400 people")


def test_a_label_that_others_give_is_shown_beside_ours(shell: Terminal) -> None:
    shown = shell.type("release", "preset", "show", "imagen", by=None).stdout

    assert "closed → limited" in shown and "General Availability (approved users)" in shown


def test_a_template_is_shown_without_a_history(shell: Terminal) -> None:
    shown = shell.type("release", "preset", "show", "closed-internal", by=None).stdout
    told = json.loads(shell.type("release", "preset", "show", "closed-internal", "--json", by=None).stdout)

    assert shown.startswith("# Closed: ") and "grade" not in shown
    assert told["history"] is None


def test_a_name_that_is_nearly_right_is_told(shell: Terminal) -> None:
    for verb, *rest in (("show",), ("apply", *MINE)):
        result = shell.type("release", "preset", verb, "gpt4", *rest, by=None)

        assert result.exit_code == 1
        assert "Did you mean `gpt-4`?" in result.stderr and "release preset list" in result.stderr


def test_a_fitted_template_goes_the_way_of_every_release_file(shell: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "mine" / "atlas.yaml"
    written = shell.type("release", "preset", "apply", "staged-api", *MINE, *STARTS, "--output", str(file), by=None)
    valid = shell.type("release", "validate", str(file), "--against")
    applied = shell.type("release", "apply", str(file))
    shown = json.loads(shell.type("release", "show", "acme/atlas-2", "--json").stdout)

    assert written.exit_code == 0, written.stderr
    assert written.stdout.splitlines() == [str(file), str(file.parent / "terms" / "aup.md")]
    assert "would change" in valid.stdout, valid.stderr
    assert "version 1 is in force" in applied.stdout, applied.stderr
    assert [stage["opens"][:10] for stage in shown["stages"]] == [
        "2027-03-01",
        "2027-03-15",
        "2027-04-26",
        "2027-06-07",
    ]


def test_a_name_that_no_release_can_have_is_a_mistake_of_the_option(shell: Terminal) -> None:
    wrong = shell.type("release", "preset", "apply", "staged-api", "--release", "bad", *STARTS, by=None)

    assert wrong.exit_code == 2
    assert "--release" in wrong.stderr and "'bad' is no release: write namespace/name" in wrong.stderr


def test_adopting_is_named_where_dates_have_passed_and_once(shell: Terminal, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    history = shell.type("release", "preset", "apply", "gpt-4", *MINE, "--output", str(old), by=None)
    moved = shell.type("release", "preset", "apply", "gpt-4", *MINE, *STARTS, "--output", str(new), by=None)
    refused = shell.type("release", "apply", str(old))

    assert "with --adopt" in history.stderr and "--adopt" not in moved.stderr
    assert refused.stderr.count("lies in the past") > 1 and refused.stderr.count("--adopt") == 1


def test_a_history_is_adopted_with_the_dates_it_had(shell: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gpt-4.yaml"
    shell.type("release", "preset", "apply", "gpt-4", *MINE, "--output", str(file), by=None)
    as_new = shell.type("release", "apply", str(file))
    adopted = shell.type("release", "apply", str(file), "--adopt")
    shown = json.loads(shell.type("release", "show", "acme/atlas-2", "--json").stdout)

    assert as_new.exit_code == 1 and "lies in the past" in as_new.stderr
    assert adopted.exit_code == 0, adopted.stderr
    assert [stage["opens"][:10] for stage in shown["stages"]] == ["2023-03-14", "2023-07-06", "2023-07-31"]


def test_a_fitted_preset_is_printed_where_no_file_is_named(shell: Terminal) -> None:
    printed = shell.type("release", "preset", "apply", "staged-api", *MINE, *STARTS, "--model", "atlas", by=None)

    assert "release: acme/atlas-2\n" in printed.stdout and "2100" not in printed.stdout
    assert "{upstream: simulated, model: atlas}" in printed.stdout
    assert printed.stdout.endswith("\n") and "--output" in printed.stderr


def test_nothing_that_is_there_is_written_over(shell: Terminal, tmp_path: Path) -> None:
    file, terms = tmp_path / "atlas.yaml", tmp_path / "terms" / "aup.md"
    words = ("release", "preset", "apply", "staged-api", *MINE, *STARTS, "--output", str(file))
    terms.parent.mkdir()
    terms.write_text("Our own policy.")
    beside = shell.type(*words, by=None)
    terms.unlink()
    terms.mkdir()
    folder = shell.type(*words, by=None)
    terms.rmdir()
    shell.type(*words, by=None)
    again = shell.type(*words, by=None)

    assert (beside.exit_code, folder.exit_code, again.exit_code) == (1, 1, 1)
    assert str(terms) in beside.stderr and str(terms) in folder.stderr and str(file) in again.stderr
    assert file.exists() and "nothing was written" in beside.stderr


def test_what_cannot_be_written_is_told(shell: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    words = ("release", "preset", "apply", "staged-api", *MINE, *STARTS, "--output", str(tmp_path / "file" / "a.yaml"))

    result = shell.type(*words, by=None)

    assert result.exit_code == 1 and "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("staged-api", *MINE), "Say when its first stage opens, with --starts."),
        (("staged-api", "--release", "acme/x", *STARTS), "Name yours with --upstream."),
        (("mistral-7b", *MINE), "Leave --upstream and --model out."),
        (("gpt-4", "--release", "acme", "--upstream", "simulated"), "'acme' is no release"),
        (("gpt-4", "--release", "acme/x\nlisted: false", "--upstream", "simulated"), "is no release"),
        (("gpt-4", "--release", "acme/x", "--upstream", "No Upstream"), "is no upstream's name"),
        (("gpt-4", *MINE, "--starts", "2249-12-31"), "between the years 1970 and 2250"),
        (("gpt-4", *MINE, "--starts", "9999-12-31"), "between the years 1970 and 2250"),
        (("gpt-4", *MINE, "--starts", "0001-01-01"), "between the years 1970 and 2250"),
        (("gpt-4", *MINE, "--starts", "someday"), "is no instant"),
    ],
)
def test_what_cannot_be_fitted_is_told_and_nothing_is_printed(
    shell: Terminal, words: tuple[str, ...], said: str
) -> None:
    result = shell.type("release", "preset", "apply", *words, by=None)

    assert result.exit_code in {1, 2}
    assert said in result.stderr and result.stdout == ""


def test_names_that_are_left_out_of_a_message_are_counted(shell: Terminal) -> None:
    told = shell.type("release", "preset", "show", "qqqq", by=None).stderr

    assert f" and {len(presets()) - 20} more." in told
