"""Code older than a schema serves from it where every newer migration only adds, and nowhere else."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, event

from gateway.cli.main import gateway
from gateway.database import migrate
from gateway.database.compatibility import Schema
from gateway.errors import SettingsInvalid
from gateway.shipped import shipped
from tests.fakes.builds import CONTRACTS, EXPANDS, ONLY_ADDS, add_migration
from tests.fakes.postgresql import PostgreSQLServer, elsewhere

FIRST_DECLARED = 13
"""From this ordinal on, every migration says whose code may still serve."""

NOT_ADDING = re.compile(
    r"\bDROP (TABLE|COLUMN|CONSTRAINT|INDEX)\b|\bRENAME\b|\bSET NOT NULL\b|\bALTER COLUMN \S+ TYPE\b"
    r"|\bADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b|\bADD CONSTRAINT\b",
    re.IGNORECASE,
)
"""What code that was written before would trip over."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


class Newer:
    """The migrations of a build to come: those of this one, and more."""

    def __init__(self, folder: Path) -> None:
        self._folder = shutil.copytree(shipped("migrations"), folder, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, name: str, work: str, *declared: str) -> str:
        """Add a migration; its revision."""
        return add_migration(self._folder / "versions", name, work, *declared)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run with these for the length of the block."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(migrate, "shipped", lambda _what: self._folder)
            yield

    def upgrade(self, url: str) -> Schema:
        """What this build finds once it has upgraded."""
        with self.running():
            elsewhere(migrate.upgrade(url))
            return elsewhere(migrate.schema(url))


@pytest.fixture
def newer(tmp_path: Path) -> Newer:
    """A build to come."""
    return Newer(tmp_path / "newer")


def typed(newer: Newer, url: str, *words: str) -> Result:
    """`gateway db` as the build to come runs it."""
    with newer.running():
        return CliRunner().invoke(gateway, ["db", *words], env={"GATEWAY_DATABASE_URL": url})


@pytest.mark.parametrize("declared", [(), (f'compatible_from = "{migrate.head()}"',)], ids=["nothing", "with this one"])
def test_an_upgrade_that_could_not_be_rolled_back_says_so_before_it_changes_anything(
    newer: Newer, url: str, declared: tuple[str, ...]
) -> None:
    elsewhere(migrate.upgrade(url))
    newer.add("tomorrow", EXPANDS, *declared)
    elsewhere_head = migrate.head()

    looked = json.loads(typed(newer, url, "current", "--json").stdout)
    first = typed(newer, url, "upgrade")
    between = elsewhere(migrate.current(url))
    second = typed(newer, url, "upgrade", "--yes")

    assert looked["can_roll_back"] is bool(declared)
    if declared:
        assert first.exit_code == 0 and "warning" not in first.stderr and between != elsewhere_head
    else:
        assert first.exit_code == 1 and "Nothing was changed" in first.stderr and "--yes" in first.stderr
        assert between == elsewhere_head and "warning: This takes the schema" in second.stderr
    assert second.exit_code == 0 and elsewhere(migrate.current(url)) != elsewhere_head


def test_an_empty_database_is_made_without_a_question(newer: Newer, url: str) -> None:
    newer.add("tomorrow", EXPANDS)

    made = typed(newer, url, "upgrade")

    assert made.exit_code == 0 and "warning" not in made.stderr


def test_code_serves_from_a_schema_ahead_that_only_adds_and_its_upgrade_changes_nothing(
    newer: Newer, url: str, tmp_path: Path
) -> None:
    ahead = newer.add("tomorrow", EXPANDS, ONLY_ADDS)

    elsewhere(migrate.upgrade(url))
    before = elsewhere(migrate.schema(url)).oldest_code
    theirs = newer.upgrade(url)
    elsewhere(migrate.prepare(url))
    elsewhere(migrate.upgrade(url))
    said = CliRunner().invoke(gateway, ["db", "current", "--json"], env={"GATEWAY_DATABASE_URL": url})
    doctor = CliRunner().invoke(
        gateway, ["doctor", "--json", "--data", str(tmp_path / "data")], env={"GATEWAY_DATABASE_URL": url}
    )

    assert (theirs.revision, theirs.oldest_code, theirs.may_serve) == (ahead, before, True)
    assert json.loads(said.output) == {
        "current": ahead,
        "needed": migrate.head(),
        "serves_code_from": before,
        "may_serve": True,
        "can_roll_back": True,
    }
    found = next(each for each in json.loads(doctor.stdout)["findings"] if each["part"] == "schema")
    assert found["state"] == "odd" and ahead in found["said"]


@pytest.mark.parametrize("declared", [True, False])
def test_code_is_kept_from_a_schema_that_took_something_away(newer: Newer, url: str, declared: bool) -> None:
    added = newer.add("tomorrow", EXPANDS, ONLY_ADDS)
    taken = newer.add("contracted", CONTRACTS, *([f"compatible_from = {added!r}"] if declared else []))
    last = newer.add("more", "    pass", ONLY_ADDS)

    theirs = newer.upgrade(url)

    assert theirs.may_serve and theirs.oldest_code == (added if declared else taken), "the strictest word of all holds"
    for act in (migrate.prepare, migrate.upgrade):
        with pytest.raises(SettingsInvalid, match=last):
            elsewhere(act(url))
    assert elsewhere(migrate.schema(url)).may_serve is False


def test_the_stamp_goes_with_the_schema(url: str) -> None:
    elsewhere(migrate.upgrade(url, "0011_reviews"))
    before = elsewhere(migrate.schema(url))
    elsewhere(migrate.upgrade(url))
    after = elsewhere(migrate.schema(url))
    elsewhere(migrate.downgrade(url, "base"))
    gone = elsewhere(migrate.schema(url))

    assert (before.oldest_code, before.may_serve) == ("0011_reviews", False)
    assert after.oldest_code in after.known and after.may_serve
    assert (gone.revision, gone.oldest_code, gone.may_serve) == (None, None, False)


def test_every_migration_says_whose_code_may_serve_and_adds_only_where_it_lets_older_code(
    postgresql_server: PostgreSQLServer,
) -> None:
    url = postgresql_server.url(postgresql_server.new_database())
    for path in sorted((shipped("migrations") / "versions").glob("[0-9]*.py")):
        said = re.findall(r'^(only_adds = True|compatible_from = "\d{4}_\w+")$', path.read_text("utf-8"), re.MULTILINE)
        assert len(said) == (int(path.name[:4]) >= FIRST_DECLARED), f"{path.stem} must say whose code may serve, once"
        statements = elsewhere(statements_of(url, path.stem))
        if said == ["only_adds = True"]:
            assert [each for each in statements if NOT_ADDING.search(each)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE api_key DROP COLUMN label",
        "ALTER TABLE api_key RENAME TO key",
        "ALTER TABLE api_key ADD COLUMN x INTEGER NOT NULL",
        "ALTER TABLE api_key ALTER COLUMN label SET NOT NULL",
        "ALTER TABLE api_key ALTER COLUMN label TYPE BIGINT",
        "DROP TABLE api_key",
    ],
)
def test_what_does_not_only_add_is_known(statement: str) -> None:
    assert NOT_ADDING.search(statement)
    assert not NOT_ADDING.search("ALTER TABLE api_key ADD COLUMN x INTEGER DEFAULT 0 NOT NULL")


async def statements_of(url: str, revision: str) -> list[str]:
    """What one migration asks the database to do."""
    statements: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        await migrate.upgrade(url, revision)
    finally:
        event.remove(Engine, "before_cursor_execute", heard)
    return statements
