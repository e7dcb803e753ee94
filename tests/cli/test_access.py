"""`gateway access`, as people type it: sentences for them, JSON for programs, an exit code for scripts."""

import json

import pytest

from tests.fakes.premises import CLOSED, LIMITED, OPEN
from tests.fakes.terminal import Terminal


def test_an_explanation_reads_from_the_answer_to_what_it_would_take(shell: Terminal) -> None:
    told = shell.type("access", "explain", "acme", LIMITED, "inference.text", by="auditor")

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert "not admitted: grant_required" in next(line for line in lines if line.startswith("answer"))
    assert "trusted (limited)" in next(line for line in lines if line.startswith("stage"))
    assert "It would be admitted, if:" in lines
    assert f"  - The organisation holds a grant for {LIMITED}." in lines
    assert any(line.startswith("  - Stage `general` has opened, by its date (") for line in lines)


def test_what_a_stage_waits_for_is_said_with_what_is_known_of_it(shell: Terminal) -> None:
    gated = """\
release: acme/gated
serves: {inference: {upstream: simulated, model: gated}}
stages:
  - name: general
    opens: 2024-01-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
    opens_when: [{approvals: 2}, {concurrence: CAISI}]
"""
    shell.loop.run(shell.house.apply(gated))

    told = shell.type("access", "explain", "bolt", "acme/gated", "inference.text", by="analyst").stdout

    assert "not admitted: stage_not_open" in told
    assert "once the requirements of `general` are met." in told
    assert "missing: approval by 2 people: " in told and "missing: concurrence of CAISI: " in told


def test_a_fact_that_is_known_less_surely_than_is_asked_says_so(shell: Terminal) -> None:
    sure = """\
release: acme/sure
serves: {inference: {upstream: simulated, model: open}}
audiences: {sure: {us_person@2: true}}
stages: [{name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [sure], offers: [inference.text]}]
"""
    shell.loop.run(shell.house.apply(sure))
    shell.type("organisation", "assert", "acme", "us_person", "true", "--issuer", "form", "--assurance", "1")

    told = " ".join(shell.type("access", "explain", "acme", "acme/sure", "inference.text", by="auditor").stdout.split())

    assert "yes, by form with assurance 1 (2 is asked)" in told
    assert "`us_person@2`; it is known at assurance 1, and 2 is asked" in told


def test_who_could_use_it_is_counted_by_audience_and_named(shell: Terminal) -> None:
    shell.type("grant", "give", "acme", LIMITED, "--authority", "contract 7")

    table = shell.type("access", "who", LIMITED, by="auditor").stdout
    whole = json.loads(shell.type("access", "who", LIMITED, "--json", by="auditor").stdout)
    named = shell.type("access", "who", LIMITED, "--component", "inference.text", by="auditor").stdout

    assert "testers=1" in table and "acme" in table
    assert [(c["component"], c["admitted"], c["named"]) for c in whole["components"]] == [
        ("inference.text", 1, ["acme"])
    ]
    assert named.splitlines()[1].split() == ["acme", "testers"]


def test_terms_that_are_not_accepted_are_told_apart_from_what_is_shut(shell: Terminal) -> None:
    whole = json.loads(shell.type("access", "who", OPEN, "--json", by="auditor").stdout)

    [text] = whole["components"]
    assert (text["admitted"], text["accepting"], whole["organisations"]) == (0, 3, 3)
    assert "nobody who has accepted the terms" in shell.type("access", "who", OPEN, by="auditor").stdout


def test_who_tells_of_a_day_to_come_which_stage_may_have_opened_by_then(shell: Terminal) -> None:
    gated = """\
release: acme/gated
serves: {inference: {upstream: simulated, model: gated}}
stages:
  - {name: general, opens: 2024-01-01T00:00:00Z, access: api, to: [public], opens_when: [{approvals: 2}]}
"""
    shell.loop.run(shell.house.apply(gated))

    today = shell.type("access", "who", "acme/gated", by="auditor").stdout
    ahead = shell.type("access", "who", "acme/gated", "--at", "+3d", by="auditor").stdout

    assert "may be open" not in today
    assert "may be open" in ahead and "general, if what it requires is met by then" in ahead


@pytest.mark.parametrize(
    ("words", "by", "code", "said"),
    [
        (("explain", "nobody-here", OPEN, "inference.text"), "auditor", 1, "There is no organisation and no key"),
        (("explain", "acme", "acme/atlsa", "inference.text"), "auditor", 1, "gateway release list"),
        (("explain", "acme", OPEN, "inference.txt"), "auditor", 1, "inference.text"),
        (("explain", "bolt", OPEN, "inference.text"), "developer", 1, "or none that you may see"),
        (("explain", "me", CLOSED, "inference.text"), "developer", 1, "or none that you may see"),
        (("who", OPEN), "developer", 4, "for these roles only"),
        (("who", OPEN, "--at", "someday"), "auditor", 2, "no instant"),
        (("who", "atlas"), "auditor", 2, "namespace/name"),
    ],
)
def test_what_cannot_be_answered_says_why_and_what_to_do(
    shell: Terminal, words: tuple[str, ...], by: str, code: int, said: str
) -> None:
    told = shell.type("access", *words, by=by)

    assert (told.exit_code, said in told.stderr) == (code, True), told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("access", "who", OPEN),
        ("access", "explain", "acme", OPEN, "inference.text"),
        ("release", "label", OPEN),
        ("release", "classify", OPEN),
        ("release", "show", OPEN, "--timeline"),
    ],
)
def test_a_span_says_by_its_sign_on_which_side_of_now_it_lies(shell: Terminal, words: tuple[str, ...]) -> None:
    bare = shell.type(*words, "--at", "30d")
    ahead = shell.type(*words, "--at", "+30d")

    assert bare.exit_code == 2 and "+30d" in bare.stderr and "-30d" in bare.stderr
    assert ahead.exit_code == 0, ahead.stderr


def test_who_was_not_there_yet_is_told_so_and_since_when(shell: Terminal) -> None:
    early = shell.type("access", "explain", "acme", OPEN, "inference.text", "--at", "-365d")
    nobody = shell.type("access", "explain", "nobody", OPEN, "inference.text", "--at", "-365d")

    assert early.exit_code == 1 and "`acme` was not there yet at that instant: it was entered at" in early.stderr
    assert "There is no organisation and no key `nobody`" in nobody.stderr
