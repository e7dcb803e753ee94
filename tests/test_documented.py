"""Documentation that cannot fall behind: everything public has its line, and the README's commands run."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import msgspec
import pytest

import gateway
from gateway.access.reasons import MEANINGS
from gateway.access.refusals import Refused
from gateway.cli.policy import build
from gateway.clock import datetime_from
from gateway.errors import GatewayError, RecordEnded, SettingsInvalid
from gateway.identity.callers import Role
from gateway.identity.facts import FORMS
from gateway.identity.tokens.rates import TooManyRequests
from gateway.ledger.events import Event
from gateway.metrics import Metrics
from gateway.releases.attestations import QUESTIONS
from gateway.releases.predicates import ON_UNKNOWN
from gateway.releases.regimes.classification import RULES
from gateway.releases.reports.documents import Kind
from gateway.releases.stages import CONDITIONS
from gateway.settings import PREFIX, Settings
from tests.fakes.gateway import GatewayProcess, running

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")
COMMANDS_S = 120

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl, by which the documents call, is not here")


def errors_below(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from errors_below(child)


def test_every_reason_stands_in_the_reference_with_its_status_and_words() -> None:
    rows = [
        f"| `{reason}` | {meaning.status} | {meaning.message} | {meaning.next_step} |"
        for reason, meaning in MEANINGS.items()
    ]

    assert [row for row in rows if row not in REFERENCE] == []


UNTOLD = {Refused, SettingsInvalid, RecordEnded, TooManyRequests}
"""Told by reasons or the codes of what is below them, or to nobody who calls: of those the process ends."""


def test_every_error_stands_in_the_reference_with_its_status() -> None:
    for module in walk_packages(gateway.__path__, "gateway."):
        import_module(module.name)

    told = {(kind.code, kind.status) for kind in errors_below(GatewayError) if kind not in UNTOLD}
    missing = [code for code, status in told if not re.search(rf"^\| `{code}` \| {status} \|", REFERENCE, re.MULTILINE)]

    assert missing == []


def test_every_event_stands_in_the_reference() -> None:
    assert [event.value for event in Event if f"`{event.value}`" not in REFERENCE] == []


def test_every_metric_stands_in_the_reference() -> None:
    metrics = Metrics()
    metrics.follow(**dict.fromkeys(_readings(), float))  # type: ignore[arg-type]
    names = re.findall(r"^# HELP (gateway_\w+?)(?:_total|_info)? ", metrics.exposition()[0].decode(), re.MULTILINE)

    assert len(names) > 15
    named = {name.removesuffix("_created") for name in names}
    assert [name for name in named if f"`{name}`" not in REFERENCE] == []


def test_every_setting_stands_on_its_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    names = [PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)]

    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_definition_and_every_attestation_stands_on_the_page_of_labels() -> None:
    page = (ROOT / "docs" / "labels.md").read_text("utf-8")
    days = [(rule, datetime_from(rule.since).date()) for rule in RULES]

    assert [
        rule.label
        for rule, since in days
        if f"| `{rule.regime}` | `{rule.label}` | {rule.nature} | {since} |" not in page or rule.source not in page
    ] == []
    assert [asked for asked, about in QUESTIONS.items() if f"| `{asked}` | {about} |" not in page] == []
    assert [kind for kind in Kind if f"| `{kind}` |" not in page] == []


def test_every_role_stands_in_the_reference() -> None:
    assert [role for role in Role if f"| `{role}` |" not in REFERENCE] == []


def test_every_fact_stands_in_the_reference_with_its_form() -> None:
    rows = [f"| `{name}` | {form} |" for name, form in FORMS.items()]

    assert [row for row in rows if row not in REFERENCE] == []


def test_every_condition_and_every_operator_stands_in_the_reference_or_the_example() -> None:
    example = (ROOT / "examples" / "staged.yaml").read_text("utf-8")

    assert [name for name in CONDITIONS if f"{name}:" not in example] == []
    assert [op for op in ("=", "!=", "<", "<=", ">", ">=", "in", "not_in") if f"`{op}`" not in REFERENCE] == []
    assert all(f"`on_unknown: {answer}`" in REFERENCE for answer in ON_UNKNOWN)


def test_the_index_of_decisions_names_every_one() -> None:
    index, *others = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert re.findall(r"\]\((.+?\.md)\)", index.read_text("utf-8")) == [each.name for each in others]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running(tmp_path_factory.mktemp("readme")) as process:
        yield process


@needs_curl
def test_every_command_of_the_readme_runs_and_says_what_the_readme_says(demo: GatewayProcess) -> None:
    first, *commands = _commands(README)
    assert first == "make run", "the first thing that is told is how to start it"

    said = _run(commands, demo)

    assert "simulated model" in said and '"code":"grant_required"' in said
    assert "access:refused" in said and "access:admitted" in said
    assert said.count("simulated model") == 3, "a grant in force opens what was refused before it, on both roads"
    assert re.search(r"^403$", said, re.MULTILINE) and re.search(r"^200$", said, re.MULTILINE)


@needs_curl
def test_the_story_of_a_release_runs_as_it_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as alone:  # it counts organisations, and those of the README are not in it
        said = _run(_commands((ROOT / "docs" / "story.md").read_text("utf-8")), alone)

    assert "refused to Eve, as it should be" in said
    waiting, opened = said.index("general: not open"), said.index("general: opened")
    assert "no evidence of lm-eval wmdp_bio acc was added" in said[waiting:opened]
    told = {line.partition(": ")[0]: line for line in said.splitlines() if line.startswith(("Acme, ", "Globex, "))}
    assert "simulated model" in told["Acme, while open"] and "simulated model" in told["Acme, restored"]
    assert "model_not_found" in told["Globex, while open"]
    assert '"code":"suspended"' in told["Acme, while suspended"]
    before, during = re.findall(r"^inference.text +(\d+)", said, re.MULTILINE)
    assert (before, during) == ("2", "0"), "whose country nobody asserts counts as in the scope, the provider's own too"
    then, now, globex = (said[said.index(f"{name}: caller") :] for name in ("Then", "Now", "Globex"))
    assert "not admitted: suspended" in then.partition("Now: ")[0] and "is restored." in then.partition("Now: ")[0]
    assert re.search(r"^answer +admitted$", now.partition("Globex: ")[0], re.MULTILINE)
    assert "not admitted: " in globex


def _run(commands: Sequence[str], demo: GatewayProcess) -> str:
    """What these commands say, run in a row at this gateway instead of the one that `make run` serves."""
    script = "\n".join(commands)
    for told, here in (
        ("http://127.0.0.1:8080", demo.base_url),
        ("gateway-data/demo.json", str(demo.data / "demo.json")),
        (".venv/bin/gateway", f"{sys.executable} -m gateway.cli.main"),
    ):
        assert told in script
        script = script.replace(told, here)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMANDS_S,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GATEWAY_URL": demo.base_url, "HOME": str(demo.folder)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _commands(page: str) -> list[str]:
    """The commands of every console block in order, without what they are said to answer."""
    commands: list[str] = []
    for line in "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL)).splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif commands and (commands[-1].endswith("\\") or commands[-1].count('"') % 2):
            commands[-1] += "\n" + line
    return commands


def _readings() -> list[str]:
    return [name for name in Metrics.follow.__annotations__ if name != "return"]


def test_the_page_of_settings_shows_how_opa_is_started_with_options_that_there_are() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()

    assert "$ gateway policy build --output bundle.tar.gz" in page
    assert "$ opa run --server --addr 127.0.0.1:8181 --bundle bundle.tar.gz" in page
    assert {"--output", "--policies"} <= {option for each in build.params for option in each.opts}
