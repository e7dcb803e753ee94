"""What was open before openings were kept by terms and upstream stays open under them, and under no others."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, insert

from gateway.clock import Instant
from gateway.database import migrate
from gateway.database.engine import open_database
from gateway.releases.canonical import without_defaults
from gateway.releases.caps import Cap
from gateway.releases.evidence.store import add_opening, openings
from gateway.releases.requirements import Approvals
from gateway.releases.store import release_table, version_table
from gateway.releases.strategies import Conditions, Stage, Strategy, digest_of
from tests.fakes.postgresql import PostgreSQLServer
from tests.releases.builders import a_stage, a_strategy, an_audience

OPENED_AT = 300
OLD, NEW = ("sha256:" + digit * 64 for digit in "12")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'before.sqlite'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


def as_it_was(strategy: Strategy, stage: Stage) -> str:
    """The digest by which an opening was kept before."""
    asked = {
        "stage": without_defaults(msgspec.structs.replace(stage, cap=None)),
        "audiences": {name: without_defaults(strategy.audiences[name]) for name in stage.to},
        "snapshot": strategy.snapshot,
        "model": strategy.inference.model if strategy.inference else "",
        "files": {},
    }
    return digest_of(msgspec.json.encode(asked, order="sorted"))


async def test_an_opening_is_kept_for_each_version_that_it_opened_and_for_no_later_terms(url: str) -> None:
    stage = a_stage(
        "g", 100, to=("testers",), opens_when=(Approvals(people=2),), conditions=Conditions(terms=("aup",)),
        cap=Cap(organisations=5),
    )  # fmt: skip
    testers = {"testers": an_audience(("grant", "=", "required"))}
    held = a_strategy(stage, audiences=testers, terms={"aup": OLD})
    later = a_strategy(stage, audiences=testers, terms={"aup": NEW})
    await migrate.upgrade(url)
    await migrate.downgrade(url, "0015_scim")
    database = open_database(url)

    def write(connection: Connection) -> None:
        row = {"name": held.release, "number": 1, "digest": held.digest(), "first_applied_at": 1, "applied_at": 1}
        connection.execute(insert(release_table).values(**row))
        connection.execute(
            insert(version_table).values(
                release=held.release, number=1, digest=held.digest(), previous="", strategy=held.canonical(),
                applied_at=1, applied_by="", organisation="", adopted=False, change="",
            )
        )  # fmt: skip
        add_opening(connection, held.release, as_it_was(held, stage), OPENED_AT)

    await database.write(write)
    await migrate.upgrade(url)
    kept: dict[str, Instant] = await database.read(lambda connection: openings(connection, held.release))
    await database.close()

    assert held.opened(kept) == {"g": OPENED_AT}
    assert later.opened(kept) == {}
