"""The page about presets says what ships, and nothing that does not."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import gateway
from gateway.clock import text_from
from gateway.releases.history_files import FACT_KEYS, KEYS
from gateway.releases.presets import Kind, Preset, presets

PAGE = (Path(__file__).parents[2] / "docs" / "presets.md").read_text("utf-8")
HISTORIES = presets(Kind.HISTORY)
TEMPLATES = presets(Kind.TEMPLATE)


def section(heading: str) -> str:
    """The text below a heading."""
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def lines(heading: str, start: str) -> list[str]:
    """Lines of a section that begin so."""
    return [line for line in section(heading).splitlines() if line.startswith(start)]


def test_every_history_has_its_row_and_no_row_is_of_anything_else() -> None:
    assert lines("Histories", "| `") == [_row(each) for each in HISTORIES]


def test_every_template_has_its_row_and_no_row_is_of_anything_else() -> None:
    assert lines("Templates", "| `") == [f"| `{each.name}` | {each.label()} | {each.summary} |" for each in TEMPLATES]


def test_every_dispute_is_told_and_none_that_is_not_in_the_facts() -> None:
    told = [f"- `{each.name}`, {dispute}" for each in HISTORIES for dispute in each.disputes()]

    assert lines("Where sources disagree", "- ") == told


def test_every_key_of_a_facts_file_is_explained() -> None:
    explained = set(re.findall(r"`(?:facts\[\]\.)?([a-z_]+)`", "\n".join(lines("Reading the facts", "| `"))))

    assert {*KEYS, *FACT_KEYS} - {"system", "developer", "facts", "says"} <= explained


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    commands = [line.removeprefix("$ gateway ").split() for line in block.splitlines()]

    assert len(commands) == 4
    monkeypatch.chdir(tmp_path)
    for words in commands:
        ran = CliRunner().invoke(gateway, words, prog_name="gateway")
        assert ran.exit_code == 0, ran.output


def _row(each: Preset) -> str:
    opened = ", ".join(text_from(stage.opens)[:10] for stage in each.strategy().stages)
    return f"| `{each.name}` | {each.system} | {each.developer} | {opened} | {each.label()} |"
