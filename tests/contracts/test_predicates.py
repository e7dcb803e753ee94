"""One predicate, two evaluators: Python and SQL give the same of three answers, on both engines."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gateway.clock import Moment
from gateway.database.engine import Database
from gateway.errors import Invalid
from gateway.identity import store
from gateway.identity.attributes import standing
from gateway.identity.callers import Assertion
from gateway.identity.expressions import read_predicate
from gateway.identity.organisations import PROVIDER, Organisation
from gateway.identity.predicates import Facts, Predicate, Some, Truth, truth_of
from gateway.identity.search import Asked, organisations_answering
from gateway.identity.store import organisation_table
from tests.identity.random_predicates import COMPONENTS, NOW, ORGANISATIONS, assertions, moments, predicates

CASES = 10_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 120
PATIENCE_S = 30.0
"""Thousands of cases meet a machine that is busy with something else now and then."""
TRUTHS = {True: Truth.YES, False: Truth.NO, None: Truth.UNKNOWN}

Held = dict[str, list[Assertion]]


@st.composite
def holdings(draw: st.DrawFn) -> Held:
    """What is asserted of the provider and of three customers."""
    held: Held = {}
    for place, organisation in enumerate((PROVIDER, *ORGANISATIONS)):
        held[organisation] = [draw(assertions(place * 10 + number)) for number in range(draw(st.integers(0, 5)))]
    return held


class Undone(Exception):
    """Ends a transaction so that it leaves nothing."""


@pytest.mark.soak
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    predicate=predicates,
    held=holdings(),
    granted=st.sets(st.sampled_from(ORGANISATIONS)),
    components=st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=2, unique=True).map(tuple),
    moment=moments,
)
async def test_python_and_sql_answer_alike(
    database: Database,
    predicate: Predicate,
    held: Held,
    granted: set[str],
    components: tuple[str, ...],
    moment: Moment,
) -> None:
    asked = Asked(components, organisation_table.c.id.in_(sorted(granted)))
    found: dict[str, Truth] = {}

    def work(connection: Connection) -> None:
        for organisation, asserted in held.items():
            store.add_organisation(connection, Organisation(organisation, organisation, NOW, ""))
            for assertion in asserted:
                store.add_assertion(connection, organisation, assertion, "")
        query = organisations_answering(predicate, asked, moment, connection.dialect.name)
        found.update({organisation: TRUTHS[truth] for organisation, truth in connection.execute(query)})
        raise Undone

    with pytest.raises(Undone):
        await database.write(work, deadline_s=PATIENCE_S)

    assert found == {
        organisation: in_python(predicate, organisation, asserted, organisation in granted, components, moment)
        for organisation, asserted in held.items()
    }


def in_python(
    predicate: Predicate,
    organisation: str,
    asserted: list[Assertion],
    granted: bool,
    components: tuple[str, ...],
    moment: Moment,
) -> Truth:
    """What the predicate answers for any of the components."""
    stands = standing(asserted, moment).items()
    attributes = {name: assertion.value for name, assertion in stands}
    assurances = {name: assertion.assurance for name, assertion in stands}
    roles = ("staff",) if organisation == PROVIDER else ("developer",)
    told = {
        truth_of(predicate, Facts(roles, granted, attributes, organisation, component, assurances))
        for component in components
    }
    return next((truth for truth in (Truth.YES, Truth.UNKNOWN) if truth in told), Truth.NO)


@pytest.mark.parametrize("scope", [r'x_a = "\u0000"', r'x_a in ["a", "\u0000"]', r'x_a != "\u0000"'])
async def test_a_text_that_nobody_can_hold_is_asked_for_without_a_fault(database: Database, scope: str) -> None:
    held = {
        "text": Assertion("1", "x_a", "b", issuer="", assurance=0, asserted_at=0),
        "list": Assertion("2", "x_a", ("b", "c"), issuer="", assurance=0, asserted_at=0),
    }
    predicate, moment = read_predicate(scope, kept=True), Moment(NOW, NOW)

    def work(connection: Connection) -> dict[str, Truth]:
        for organisation, assertion in held.items():
            store.add_organisation(connection, Organisation(organisation, organisation, NOW, ""))
            store.add_assertion(connection, organisation, assertion, "")
        asked = Asked(COMPONENTS, organisation_table.c.id == "")
        query = organisations_answering(predicate, asked, moment, connection.dialect.name)
        return {organisation: TRUTHS[truth] for organisation, truth in connection.execute(query)}

    assert await database.write(work) == {
        organisation: in_python(predicate, organisation, [assertion], False, COMPONENTS, moment)
        for organisation, assertion in held.items()
    }
    with pytest.raises(Invalid, match="printed"):
        read_predicate(scope)


async def test_a_disabled_organisation_and_a_withdrawn_assertion_are_not_asked(database: Database) -> None:
    predicate = Some(())

    def work(connection: Connection) -> list[str]:
        for organisation in ORGANISATIONS:
            store.add_organisation(connection, Organisation(organisation, organisation, NOW, ""))
        store.end_organisation(connection, "bolt", NOW, "gone")
        query = organisations_answering(
            predicate, Asked(COMPONENTS, organisation_table.c.id == ""), Moment(NOW, NOW), connection.dialect.name
        )
        return sorted(organisation for organisation, _ in connection.execute(query))

    assert await database.write(work) == ["acme", "corp"]
