"""Whom a narrowing would reach, counted: by hand on both engines, and over a million organisations on PostgreSQL."""

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import Connection

from gateway.access import store as access_store
from gateway.access.reach import Reach
from gateway.clock import DAY, NEVER, at
from gateway.database.engine import Database
from gateway.identity import store
from gateway.identity.organisations import PROVIDER, Organisation
from gateway.identity.predicates import Fact, Facts, Truth, truth_of
from gateway.identity.search import holding
from gateway.ledger.rows import RowInsert
from gateway.releases.components import Component
from gateway.releases.narrowings import Narrowing, Verb, checked_scope, scope_of
from tests.builders import a_grant, a_stage, a_strategy, an_assertion

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
ORGANISATIONS = 1_000_000 if SOAK else 2_000
BATCH = 5_000
PREVIEW_MAX_S = 10.0

SCOPES = (
    "not us_person",
    "not us_person and (residence_country = CN or citizenships in [CN, RU] or kyc < K3)",
    "not us_person@2 and kyc@3 < K3",
)
ASSURANCE = 3
"""Of everything that is asserted of the many."""

NOW = 20_000 * DAY
STRATEGY = a_strategy(a_stage(offers=(Component.TEXT, Component.WEIGHTS)))


def a_narrowing(scope: str) -> Narrowing:
    return Narrowing(
        id="",
        number=0,
        release=STRATEGY.release,
        verb=Verb.SUSPEND,
        scope=checked_scope(scope),
        cause="directive",
        taken_at=NOW,
        taken_by="",
    )


async def reached(database: Database, scope: str) -> tuple[int, int, int, list[str], list[str]]:
    found = await Reach(database).of(a_narrowing(scope), STRATEGY, at(NOW))
    return found.inside, found.unknown, found.outside, found.named, found.named_unknown


@pytest.fixture
async def peopled(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The provider and four customers: two asserted to be US persons or not, one granted, one disabled.

    So few that a statement is for two of them here.
    """
    monkeypatch.setattr("gateway.access.search.SPAN", 2)
    monkeypatch.setattr("gateway.identity.search.SPAN", 2)

    def work(connection: Connection) -> None:
        for organisation in (PROVIDER, "acme", "bolt", "corp", "dead"):
            store.add_organisation(connection, Organisation(organisation, organisation, NOW, ""))
        for organisation, value in (("acme", True), ("bolt", False)):
            assertion = an_assertion("us_person", value, id=f"assertion_{organisation}")
            store.add_assertion(connection, organisation, assertion, "")
        access_store.add_grant(connection, a_grant(organisation="corp"))
        store.end_organisation(connection, "dead", NOW, "gone")

    await database.write(work)
    return database


@pytest.mark.parametrize(
    ("scope", "inside", "unknown"),
    [
        ("", [PROVIDER, "acme", "bolt", "corp"], []),
        ("us_person", ["acme"], [PROVIDER, "corp"]),
        ("not us_person", ["bolt"], [PROVIDER, "corp"]),
        ("not us_person and organisation in [bolt, corp]", ["bolt"], ["corp"]),
        ("grant", ["corp"], []),
        ("role = staff", [PROVIDER], []),
        ("role = developer and not grant", ["acme", "bolt"], []),
        ("component = weights.final and us_person", ["acme"], [PROVIDER, "corp"]),
        ("component = inference.embeddings", [], []),
    ],
)
async def test_every_organisation_that_is_not_disabled_is_counted_once_and_the_first_are_named(
    peopled: Database, scope: str, inside: list[str], unknown: list[str]
) -> None:
    found = await reached(peopled, scope)

    assert sorted(found[3]) == sorted(inside) and sorted(found[4]) == sorted(unknown)
    assert found[:3] == (len(inside), len(unknown), 4 - len(inside) - len(unknown))


async def test_of_whom_a_fact_stands_as_true_is_counted_and_the_first_are_named(peopled: Database) -> None:
    def work(connection: Connection) -> None:
        for place, (organisation, value, differences) in enumerate(
            [
                ("acme", False, {"assurance": 4}),
                ("acme", True, {}),
                ("bolt", True, {}),
                ("corp", True, {}),
                ("dead", True, {"expires_at": NOW}),
                (PROVIDER, True, {}),
            ]
        ):
            assertion = an_assertion("zero_retention", value, id=f"assertion_zero_{place}", **differences)
            store.add_assertion(connection, organisation, assertion, "")
        store.withdraw_assertion(connection, "assertion_zero_3", NOW, "no longer")

    await peopled.write(work)

    async def held(limit: int) -> tuple[int, list[str]]:
        return await peopled.read(lambda connection: holding(connection, "zero_retention", at(NOW), limit))

    assert await held(5) == (2, ["bolt", PROVIDER])
    assert await held(1) == (2, ["bolt"])


def synthetic(number: int, draw: random.Random) -> dict[str, Fact]:
    """What is asserted of one organisation; of some, nothing."""
    held: dict[str, Fact] = {}
    if draw.random() < 0.8:
        held["us_person"] = draw.random() < 0.4
    if draw.random() < 0.9:
        held["residence_country"] = draw.choice(["US", "DE", "CN", "IN", "FR"])
    if draw.random() < 0.5:
        held["citizenships"] = tuple(draw.sample(["US", "DE", "CN", "RU"], draw.randint(0, 2)))
    if draw.random() < 0.7:
        held["kyc"] = f"K{number % 6}"
    return held


ORGANISATION_ROWS = RowInsert(
    "organisation", {"id": "varchar", "name": "text", "created_at": "bigint", "created_by": "varchar"}
)
ASSERTION_ROWS = RowInsert(
    "assertion",
    {
        "id": "varchar",
        "organisation": "varchar",
        "name": "varchar",
        "value": "bytea",
        "issuer": "text",
        "assurance": "integer",
        "asserted_at": "bigint",
        "expires_at": "bigint",
        "asserted_by": "varchar",
    },
)


async def fill(database: Database, count: int) -> list[tuple[str, dict[str, Fact]]]:
    """So many organisations, written in batches."""
    draw = random.Random(7)
    everybody = [(f"org-{number:07}", synthetic(number, draw)) for number in range(count)]
    ids = (f"assertion_{number:024x}" for number in itertools.count())

    def put(batch: list[tuple[str, dict[str, Fact]]]) -> Callable[[Connection], None]:
        organisations = [(organisation, organisation, NOW, "") for organisation, _ in batch]
        assertions = [
            (next(ids), organisation, name, msgspec.json.encode(value), "registry", ASSURANCE, NOW - DAY, NEVER, "")
            for organisation, held in batch
            for name, value in held.items()
        ]

        def work(connection: Connection) -> None:
            ORGANISATION_ROWS.execute(connection, organisations)
            ASSERTION_ROWS.execute(connection, assertions)

        return work

    for start in range(0, count, BATCH):
        await database.write(put(everybody[start : start + BATCH]), deadline_s=60)
    return everybody


@pytest.mark.soak
async def test_a_suspension_by_class_of_person_is_previewed_over_every_organisation(
    postgresql_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody = await fill(postgresql_database, ORGANISATIONS)
    took = {}

    for scope in SCOPES:
        predicate = scope_of(scope)
        expected = Counter(
            truth_of(
                predicate,
                Facts(("developer",), False, held, organisation, Component.TEXT, dict.fromkeys(held, ASSURANCE)),
            )
            for organisation, held in everybody
        )
        began = time.monotonic()
        inside, unknown, outside, named, _ = await reached(postgresql_database, scope)
        took[scope] = time.monotonic() - began
        with capsys.disabled():
            print(f"\npreview over {ORGANISATIONS} organisations: {took[scope]:.2f} s ({scope})")

        assert (inside, unknown, outside) == (expected[Truth.YES], expected[Truth.UNKNOWN], expected[Truth.NO])
        assert len(named) == 5

    assert not SOAK or took[SCOPES[0]] < PREVIEW_MAX_S
