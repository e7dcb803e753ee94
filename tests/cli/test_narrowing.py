"""The narrowing verbs as people type them: shown first, then done; for scripts at once."""

import json

import pytest

from tests.fakes.premises import LIMITED, OPEN
from tests.fakes.terminal import Terminal


def listed(shell: Terminal, release: str = LIMITED) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shell.type("release", "narrowings", release, "--json").stdout)
    return found


def test_who_is_affected_is_shown_before_anything_is_done(shell: Terminal) -> None:
    words = ("release", "suspend", LIMITED, "--scope", "not us_person", "--cause", "directive")

    declined = shell.type(*words, input="n\n")
    nothing = listed(shell)
    confirmed = shell.type(*words, input="y\n")

    assert declined.exit_code == 1 and nothing == []
    assert "3 organisations unknown: are narrowed too (acme, bolt, provider)" in declined.stderr
    assert "0 organisations in the scope: are narrowed" in declined.stderr
    assert confirmed.exit_code == 0
    assert f"suspend of {LIMITED} is in force for those for whom `not us_person`." in confirmed.stdout
    assert [each["state"] for each in listed(shell)] == ["in force"]


@pytest.mark.parametrize("verb", ["hold", "suspend", "withdraw", "recall", "embargo"])
def test_each_verb_is_done_and_undone_by_a_script(shell: Terminal, verb: str) -> None:
    taken = shell.type("release", verb, LIMITED, "--cause", "drill", "--authority", "ticket 7", "--yes", "--json")
    narrowing = json.loads(taken.stdout)
    restored = shell.type("release", "restore", LIMITED, "--cause", "drill over", "--yes", by="approver")

    assert (narrowing["verb"], narrowing["authority"], narrowing["cause"]) == (verb, "ticket 7", "drill")
    assert f"{LIMITED} is restored for everybody ({narrowing['id']})" in restored.stdout
    assert [each["state"] for each in listed(shell)] == ["done", "restored"]


def test_a_roll_back_names_its_stage_and_is_refused_where_there_is_none(shell: Terminal) -> None:
    refused = shell.type("release", "roll-back", OPEN, "general", "--cause", "drill", "--yes")

    assert refused.exit_code == 1
    assert "no stage that was open before" in refused.stderr and "next: " in refused.stderr
    assert listed(shell, OPEN) == []


def test_a_restoration_says_who_gets_access_back(shell: Terminal) -> None:
    taken = shell.type("release", "withdraw", LIMITED, "--cause", "drill", "--until", "24h", "--yes")

    asked = shell.type(
        "release", "restore", LIMITED, "--scope", "organisation = acme", "--cause", "vetted", input="y\n"
    )
    table = shell.type("release", "narrowings", LIMITED).stdout

    assert f"withdraw of {LIMITED} is in force for everybody, until 20" in taken.stdout
    assert "1 organisation in the scope: gets access back (acme)" in asked.stderr
    assert "organisation = acme" in table and "withdraw" in table and "in force" in table


def test_a_scope_that_cannot_be_read_is_told_with_its_place(shell: Terminal) -> None:
    told = shell.type("release", "suspend", LIMITED, "--scope", "not us_person and", "--cause", "x", "--yes")

    assert told.exit_code == 1
    assert "at character 18" in told.stderr


def test_an_organisation_that_there_is_not_is_no_scope(shell: Terminal) -> None:
    told = shell.type("release", "suspend", LIMITED, "--scope", "organisation = amce", "--cause", "x", "--yes")

    assert told.exit_code == 1 and listed(shell) == []
    assert "There is no organisation `amce`. Did you mean `acme`?" in told.stderr


def test_a_scope_that_concerns_nobody_is_warned_of_before_and_when_it_is_done(shell: Terminal) -> None:
    words = ("release", "suspend", LIMITED, "--scope", "organisation = acme and role = staff", "--cause", "x")

    shown = shell.type(*words, input="n\n")
    done = shell.type(*words, "--yes")
    concerned = shell.type("release", "suspend", LIMITED, "--scope", "organisation = acme", "--cause", "x", "--yes")

    warning = "warning: The scope concerns 0 organisations: nobody is narrowed by it as things stand."
    assert warning in shown.stderr and warning in done.stderr
    assert done.exit_code == 0 and "warning:" not in concerned.stderr


def test_nobody_but_provider_and_approver_may_narrow(shell: Terminal) -> None:
    told = [
        shell.type("release", "suspend", LIMITED, "--cause", "x", "--yes", by=who).exit_code
        for who in ("developer", "staff", "analyst", "auditor")
    ]

    assert told == [4, 4, 4, 4]


def test_a_second_person_confirms_what_one_has_narrowed_and_nobody_their_own(shell: Terminal) -> None:
    taken = shell.type("release", "suspend", LIMITED, "--cause", "drill", "--yes", by="approver")
    narrowing = listed(shell)[0]
    words = ("release", "review", LIMITED, str(narrowing["id"]))

    own = shell.type(*words, "confirm", "--cause", "fine", by="approver")
    reviewed = shell.type(*words, "confirm", "--cause", "fine", "--as", "analyst", by="analyst")
    again = shell.type(*words, "undo", "--cause", "no", by="analyst")

    assert f"Next, by somebody else: gateway release review {LIMITED} {narrowing['id']}" in taken.stdout
    assert own.exit_code == 1 and "what they did themselves" in own.stderr
    assert reviewed.stdout == f"{narrowing['id']}: suspend of {LIMITED} is confirmed.\n"
    assert again.exit_code == 1 and "somebody has" in again.stderr
    assert "confirmed by" in shell.type("release", "show", LIMITED).stdout
    assert "suspended for everybody" in shell.type("release", "list").stdout


def test_an_empty_scope_is_a_mistake_and_never_everybody(shell: Terminal) -> None:
    for verb in ("suspend", "restore"):
        for empty in ("", "  "):
            typed = shell.type("release", verb, LIMITED, "--scope", empty, "--cause", "order 7", "--yes")
            body = {"verb": verb, "scope": empty, "cause": "order 7"}
            sent = shell.loop.run(shell.house.ask("POST", f"/releases/{LIMITED}/narrowings", json=body))

            assert typed.exit_code == 2 and "leave it out for everybody" in typed.stderr
            assert sent.status_code == 400 and sent.json()["param"] == "scope"
    assert listed(shell) == []


def test_the_list_shows_who_took_a_narrowing_and_who_reviewed_it(shell: Terminal) -> None:
    suspend = ("release", "suspend", LIMITED, "--cause", "order 7", "--yes", "--json")
    taken = json.loads(shell.type(*suspend, by="approver").stdout)
    before = shell.type("release", "narrowings", LIMITED).stdout
    words = ("release", "review", LIMITED, taken["id"], "confirm", "--cause", "seen", "--as", "analyst")
    assert shell.type(*words, by="analyst").exit_code == 0
    after = shell.type("release", "narrowings", LIMITED).stdout

    assert shell.house.callers["approver"].key in before and "due " in before
    assert f"confirmed by {shell.house.callers['analyst'].key}" in after
