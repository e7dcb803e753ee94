"""The command itself: help at once, exit codes that scripts can trust, keys never shown."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli.failures import printable
from gateway.cli.main import NOUNS, gateway
from tests.fakes.premises import OPEN
from tests.fakes.terminal import Terminal

HEAVY = {"httpx", "litestar", "sqlalchemy", "rich", "msgspec", "yaml", "uvicorn", "alembic"}


def run(*words: str, **environment: str | None) -> Result:
    """A command without a gateway."""
    variables = {"GATEWAY_KEY": None, "GATEWAY_URL": None, **environment}
    return CliRunner().invoke(gateway, list(words), env=variables, prog_name="gateway")


def test_help_opens_nothing_heavy() -> None:
    code = (
        "import sys; from gateway.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert HEAVY & {module.split(".")[0] for module in ran.stderr.split()} == set()
    assert all(noun in ran.stdout for noun in NOUNS)


def test_help_is_there_at_once() -> None:
    took_s = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gateway.cli.main", "--help"], capture_output=True, check=True)
        took_s.append(time.perf_counter() - began)

    bare = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import click"], capture_output=True, check=True)
    assert min(took_s) < max(0.3, 3 * (time.perf_counter() - bare))


def commands_below(command: click.Command) -> Iterator[click.Command]:
    """Those that do something: a group is only as good as what is in it."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from commands_below(each)
    else:
        yield command


def test_no_line_of_help_is_cut_off() -> None:
    runner = CliRunner()
    for noun in NOUNS:
        told = runner.invoke(gateway, [noun, "--help"], terminal_width=80).stdout
        assert "..." not in told.partition("Commands:")[2], told
        assert max(map(len, told.splitlines())) <= 80, told


def test_every_noun_has_help_and_every_command_a_json_answer() -> None:
    lacking = []
    for noun in NOUNS:
        for each in commands_below(import_module(f"gateway.cli.{noun}").command):
            if not each.help or (noun != "serve" and "--json" not in str([p.opts for p in each.params])):
                lacking.append((noun, each.name))

    assert lacking == []


def test_a_gateway_that_is_not_there_is_exit_code_3() -> None:
    result = run("whoami", GATEWAY_KEY="rsg_dev_x", GATEWAY_URL="http://127.0.0.1:9")

    assert result.exit_code == 3
    assert result.stdout == "" and "cannot be reached" in result.stderr and "next: " in result.stderr


def test_an_answer_that_does_not_come_in_time_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.asking.TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = run("whoami", GATEWAY_KEY="rsg_dev_x", GATEWAY_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert result.exit_code == 3
    assert "has not answered within" in result.stderr and "before you ask again" in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1", "http://", "http://[", "http://x\ny"])
def test_an_address_that_is_none_is_wrong_usage_or_unreachable(url: str) -> None:
    result = run("whoami", GATEWAY_KEY="rsg_dev_x", GATEWAY_URL=url)

    assert result.exit_code in {2, 3}, result.output
    assert not isinstance(result.exception, ValueError)


def test_without_a_key_nothing_is_asked() -> None:
    result = run("whoami", GATEWAY_URL="http://127.0.0.1:9")

    assert result.exit_code == 4
    assert "GATEWAY_KEY" in result.stderr


def test_a_wrong_word_is_exit_code_2() -> None:
    assert run("nonsense").exit_code == 2
    assert run("key", "revoke", "x" * 12).exit_code == 2


def test_a_whole_key_is_never_put_into_a_path(shell: Terminal) -> None:
    result = shell.type("key", "show", shell.house.tokens["developer"])

    assert result.exit_code == 2
    assert shell.wire.sent == []
    assert shell.house.tokens["developer"] not in result.output


def test_an_unknown_key_and_a_role_that_lacks_are_exit_code_4(shell: Terminal) -> None:
    shell.house.tokens["nobody"] = "rsg_dev_" + "0" * 61
    unknown = shell.type("whoami", by="nobody")
    lacking = shell.type("organisation", "list", by="developer")

    assert (unknown.exit_code, lacking.exit_code) == (4, 4)
    assert "(invalid_api_key)" in unknown.stderr and "(role_required)" in lacking.stderr


def test_what_is_refused_is_exit_code_1(shell: Terminal) -> None:
    result = shell.type("organisation", "create", "acme", "Acme again")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "told", "listing"),
    [
        (("key", "show", "aaaaaaaaaaaa"), "key `aaaaaaaaaaaa`", "gateway key list"),
        (("organisation", "show", "nobody"), "organisation `nobody`", "gateway organisation list"),
        (
            ("organisation", "withdraw", "acme", "a_1", "--cause", "x"),
            "assertion `a_1`",
            "gateway organisation show acme",
        ),
        (("release", "show", "acme/opn"), "release `acme/opn`", "gateway release list"),
        (("terms", "show", "acme/opn"), "release `acme/opn`", "gateway model list"),
        (("terms", "show", OPEN, "apu"), f"text `apu` of `{OPEN}`", f"gateway terms show {OPEN}"),
        (("grant", "revoke", "grant_1", "--cause", "x"), "grant `grant_1`", "gateway grant list"),
        (("audit", "show", "999999"), "entry `999999`", "gateway audit search"),
    ],
)
def test_what_is_not_there_is_named_with_the_command_that_lists_it(
    shell: Terminal, words: tuple[str, ...], told: str, listing: str
) -> None:
    result = shell.type(*words)

    assert result.exit_code == 1
    assert f"There is no {told}" in result.stderr and f"next: See `{listing}`." in result.stderr


def test_a_word_that_is_nearly_known_is_told_with_the_one_that_was_meant(shell: Terminal) -> None:
    event = shell.type("audit", "search", "--event", "key:revokd")
    reason = shell.type("audit", "search", "--reason", "grant_requird")

    assert (event.exit_code, reason.exit_code) == (1, 1)
    assert "next: Did you mean `key:revoked`?" in event.stderr and "it is one of access:admitted" in event.stderr
    assert "next: Did you mean `grant_required`?" in reason.stderr


def test_a_failure_is_json_for_programs_too_with_the_same_exit_code(shell: Terminal, tmp_path: Path) -> None:
    shell.house.tokens["nobody"] = "rsg_dev_" + "0" * 61
    file = tmp_path / "bad.yaml"
    file.write_text("release: acme/x\nstages: 7\n")
    cases = [
        (("release", "show", "acme/opn"), "provider", 1, "not_found"),
        (("key", "list"), "nobody", 4, "invalid_api_key"),
        (("release", "validate", str(file), "--against"), "provider", 1, "invalid_file"),
        (("release", "validate", str(file)), None, 1, "invalid_file"),
    ]
    for words, by, exit_code, code in cases:
        plain, result = shell.type(*words, by=by), shell.type(*words, "--json", by=by)
        problem = json.loads(result.stdout)

        assert (plain.exit_code, result.exit_code, problem["code"]) == (exit_code, exit_code, code)
        assert plain.stdout == "" and result.stderr == plain.stderr
    assert [fault["line"] for fault in problem["faults"]][-1] == 2


def test_a_gateway_that_is_not_there_is_json_for_programs_too() -> None:
    result = run("whoami", "--json", GATEWAY_KEY="rsg_dev_x", GATEWAY_URL="http://127.0.0.1:9")

    assert result.exit_code == 3
    assert json.loads(result.stdout)["code"] == "unreachable"


def test_no_command_shows_the_key_it_was_given(shell: Terminal) -> None:
    results = [
        shell.type(*words)
        for words in (("whoami",), ("key", "list"), ("audit", "search"), ("release", "list"), ("policy", "show"))
    ]

    assert {result.exit_code for result in results} == {0}
    assert not any(shell.house.tokens["provider"] in result.output for result in results)


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    hostile = "a\x1b[31mb\x9b2Jc\u202ed\re"

    assert printable(hostile) == "a�[31mb�2Jc�d�e"


def test_colours_are_for_terminals_only() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "whoami"],
        capture_output=True,
        env={**os.environ, "GATEWAY_KEY": "", "TERM": "xterm-256color"},
        check=False,
    )

    assert ran.returncode == 4
    assert b"\x1b" not in ran.stderr + ran.stdout


def test_json_is_json(shell: Terminal) -> None:
    for words in (("whoami",), ("model", "list"), ("key", "list"), ("grant", "list"), ("audit", "search")):
        result = shell.type(*words, "--json", by="developer")
        assert result.exit_code == 0, result.stderr
        json.loads(result.stdout)
