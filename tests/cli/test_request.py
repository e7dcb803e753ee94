"""Asking for access and reviewing it as people type it: forms shown and filled in, and what a wrong act says."""

import json
from typing import Any

import pytest

from tests.fakes.requests import GATED, asking_release
from tests.fakes.terminal import Terminal

GIVEN = [
    f"--answer={each}" for each in ("purpose=Triage", "sector=health-canary", "users=40", "resells=no")
]  # fmt: skip


@pytest.fixture
def desk(shell: Terminal) -> Terminal:
    """A terminal in front of a release that takes requests."""
    shell.loop.run(shell.house.apply(asking_release()))
    return shell


def asked(desk: Terminal) -> dict[str, Any]:
    told = desk.type("request", "ask", GATED, *GIVEN, "--json", by="developer")
    assert told.exit_code == 0, told.output
    request: dict[str, Any] = json.loads(told.stdout)
    return request


def test_the_form_tells_what_is_asked_and_what_becomes_of_it(desk: Terminal) -> None:
    told = desk.type("request", "form", GATED, by="developer")

    assert told.exit_code == 0
    assert "What do you want it for?" in told.stdout and "one of health-canary, finance" in told.stdout
    assert "number from 1 to 1000" in told.stdout
    assert "every 30 days, or it admits nobody" in told.stdout


def test_a_request_is_asked_shown_reviewed_and_granted(desk: Terminal) -> None:
    told = desk.type("request", "ask", GATED, *GIVEN, by="developer")
    request = json.loads(desk.type("request", "list", "--json", by="developer").stdout)[0]
    shown = desk.type("request", "show", request["id"], by="approver")
    back = desk.type("request", "needs-info", request["id"], "--question", "Which wards?", by="approver")
    mine = desk.type("whoami", by="developer")
    answered = desk.type("request", "answer", request["id"], "--reply", "Two", "--answer", "users=7", by="developer")
    approved = desk.type("request", "approve", request["id"], by="approver")
    listed = desk.type("request", "list", "--state", "open", by="approver")

    assert f"{request['id']}: your organisation has asked for {GATED}." in told.stdout
    assert "reviewers can   approve, needs-info, reject\nwho asked can   withdraw\n" in shown.stdout
    assert "need_info" not in shown.stdout and "screen" not in shown.stdout
    assert "Triage" in shown.stdout and "testers: yes" in shown.stdout
    assert f"{request['id']} of acme is needs_info." in back.stdout
    assert "needs_info; next: gateway request show" in mine.stdout
    assert "is pending_review." in answered.stdout
    assert f"{request['id']} of acme is granted: grant_" in approved.stdout
    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "No requests.\n")


def test_an_auditor_is_shown_no_answers(desk: Terminal) -> None:
    shown = desk.type("request", "show", asked(desk)["id"], by="auditor")

    assert "Triage" not in shown.stdout and "The answers are not shown" in shown.stdout


def test_answers_are_read_from_a_file_and_what_is_given_beside_it_counts_more(desk: Terminal) -> None:
    answers = {"purpose": "Triage", "sector": "finance", "users": 40}

    told = desk.type("request", "ask", GATED, "--file", "-", "--answer", "users=41", "--json", by="developer",
                     input=json.dumps(answers))  # fmt: skip
    shown = json.loads(desk.type("request", "show", json.loads(told.stdout)["id"], "--json", by="developer").stdout)
    broken = desk.type("request", "ask", GATED, "--file", "-", by="developer", input="{")

    assert {each["name"]: each["answer"] for each in shown["answers"]} == answers | {
        "users": 41, "resells": None, "site": None,
    }  # fmt: skip
    assert broken.exit_code == 2 and "answers as JSON" in broken.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--answer", "purpose"], 2, "write FIELD=VALUE"),
        (["--answer", "porpose=x"], 2, "There is no field 'porpose'"),
        (["--answer", "users=many"], 1, "`users` is a whole number from 1 to 1000"),
        (["--answer", "users=5"], 1, "`purpose` must be answered; `sector` must be answered"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(desk: Terminal, words: list[str], code: int, said: str) -> None:
    told = desk.type("request", "ask", GATED, *words, by="developer")

    assert told.exit_code == code
    assert said in " ".join(told.stderr.split())


def test_a_refused_act_says_why_and_what_can_be_done(desk: Terminal) -> None:
    request = asked(desk)["id"]
    own = desk.type("request", "approve", request, by="provider")
    early = desk.type("request", "answer", request, "--reply", "x", by="developer")
    rejected = desk.type("request", "reject", request, "--reason", "no", "--final", by="approver")
    again = desk.type("request", "ask", GATED, *GIVEN, by="developer")
    absent = desk.type("request", "show", "request_nothing", by="developer")

    assert own.exit_code == 4 and "none of the roles that review" in own.stderr
    assert early.exit_code == 1 and "can: approve, needs-info, reject. Whoever asked can: withdraw." in early.stderr
    assert rejected.stdout == f"{request} of acme is rejected.\n"
    assert "rejected, final" in desk.type("request", "list", by="developer").stdout
    assert again.exit_code == 4 and "rejected for good" in again.stderr
    assert absent.exit_code == 1 and "There is no request `request_nothing`" in absent.stderr


def test_a_grant_is_paused_resumed_and_looked_at_again(desk: Terminal) -> None:
    request = asked(desk)["id"]
    grant = json.loads(desk.type("request", "approve", request, "--json", by="approver").stdout)["grant"]

    said = [
        desk.type("grant", *words).stdout
        for words in (
            ("pause", grant, "--cause", "a question"),
            ("list",),
            ("resume", grant),
            ("recertify", grant, "--authority", "quarterly review"),
        )
    ]

    assert f"{grant} of acme for {GATED} is paused; it must be looked at again by" in said[0]
    assert "a question" in said[1] and "paused" in said[1]
    assert "is active" in said[2] and "is active" in said[3]


def test_whoever_asks_on_a_terminal_is_asked_what_is_missing(desk: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.request.sys", type("Terminal", (), {"stdin": _Tty}))

    told = desk.type("request", "ask", GATED, "--answer", "purpose=x", "--json", by="developer",
                     input="finance\n12\n\n\n")  # fmt: skip

    assert told.exit_code == 0, told.output
    assert "[health-canary, finance]" in told.stderr and "What do you want it for?" not in told.stderr


class _Tty:
    @staticmethod
    def isatty() -> bool:
        return True


def test_a_release_shows_how_it_is_asked_for(desk: Terminal) -> None:
    shown = desk.type("release", "show", GATED)

    assert "5 questions; approved by one of approver; for 60 days, looked at again every 30 days" in shown.stdout
    assert json.loads(desk.type("release", "show", GATED, "--json").stdout)["requests"]["grant_days"] == 60
