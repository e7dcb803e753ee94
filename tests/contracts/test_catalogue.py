"""The catalogue of releases, on both engines."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import Connection, select, update

from gateway.clock import DAY, at
from gateway.database.engine import Database
from gateway.errors import Conflict, InvalidFile, NotFound, Unavailable
from gateway.ledger.store import Actor, Ledger, Touch
from gateway.ledger.tables import entry_table, revision_table
from gateway.releases import store
from gateway.releases.catalogue import Catalogue
from gateway.releases.files import Reading, read_release
from gateway.releases.strategies import digest_of
from tests.releases.builders import DOCUMENTS, a_file, a_moment

NOW = a_moment("2026-12-01T00:00:00Z")
LATER = a_moment("2027-03-01T00:00:00Z")
ACTOR = Actor(key="rsg_p", organisation="org_provider")
AUP = DOCUMENTS["terms/aup.md"]


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database, Ledger(database, lambda: NOW))


def reading(*changes: tuple[str, str], documents: dict[str, bytes] = DOCUMENTS) -> Reading:
    return read_release(a_file(*changes), documents)


async def entries(database: Database) -> list[dict[str, object]]:
    def work(connection: Connection) -> list[bytes]:
        return list(connection.execute(select(entry_table.c.line).order_by(entry_table.c.index)).scalars())

    return [msgspec.json.decode(line) for line in await database.read(work)]


async def touches(database: Database) -> list[Touch]:
    columns = select(revision_table.c.kind, revision_table.c.subject).order_by(revision_table.c.number)
    return await database.read(lambda connection: [Touch(*row) for row in connection.execute(columns)])


async def test_an_applied_file_is_in_force_and_can_be_read_back_whole(catalogue: Catalogue) -> None:
    applied = await catalogue.apply(ACTOR, reading(), NOW)

    version = await catalogue.get("acme/atlas-1")
    assert applied.changed and version == applied.version
    assert version.strategy == reading().strategy and version.digest == version.strategy.digest()
    assert (version.number, version.previous, version.adopted) == (1, "", False)
    assert (version.applied_at, version.applied_by, version.organisation) == (NOW.latest, "rsg_p", "org_provider")


async def test_applying_is_recorded_and_named_to_every_process(catalogue: Catalogue, database: Database) -> None:
    first = (await catalogue.apply(ACTOR, reading(), NOW, base="")).version
    second = (await catalogue.apply(ACTOR, reading(("model: atlas", "model: b")), NOW, base=first.digest)).version

    bodies = [entry["body"] for entry in await entries(database)]
    assert [entry["event"] for entry in await entries(database)] == ["release:applied"] * 2
    assert bodies[1] == {
        "release": "acme/atlas-1",
        "actor_key": "rsg_p",
        "actor_organisation": "org_provider",
        "subject": "acme/atlas-1",
        "detail": {
            "digest": second.digest,
            "previous": first.digest,
            "base": first.digest,
            "number": 2,
            "adopt": False,
            "change": "",
        },
    }
    assert await touches(database) == [Touch("release", "acme/atlas-1")] * 2


async def test_applying_what_is_in_force_already_changes_and_records_nothing(
    catalogue: Catalogue, database: Database
) -> None:
    first = await catalogue.apply(ACTOR, reading(), NOW)

    again = await catalogue.apply(ACTOR, reading(("to: [public]", "to: public")), LATER, base="sha256:stale")

    assert not again.changed and again.version == first.version
    assert len(await entries(database)) == 1
    assert len(await catalogue.history("acme/atlas-1")) == 1


@pytest.mark.parametrize("base", ["", "sha256:" + "0" * 64])
async def test_a_file_written_against_another_version_is_a_conflict(
    catalogue: Catalogue, database: Database, base: str
) -> None:
    await catalogue.apply(ACTOR, reading(), NOW)

    with pytest.raises(Conflict) as refused:
        await catalogue.apply(ACTOR, reading(("model: atlas", "model: b")), NOW, base=base)

    assert refused.value.code == "release_moved"
    assert len(await entries(database)) == 1


async def test_of_two_changes_to_one_version_one_wins_and_the_other_is_told(
    catalogue: Catalogue, database: Database
) -> None:
    base = (await catalogue.apply(ACTOR, reading(), NOW)).version.digest
    rivals = [reading(("model: atlas", f"model: rival-{i}")) for i in range(6)]

    outcomes = await asyncio.gather(
        *(catalogue.apply(ACTOR, rival, NOW, base=base) for rival in rivals), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Applied"] + ["Conflict"] * 5
    assert [version.number for version in await catalogue.history("acme/atlas-1")] == [2, 1]
    assert len(await entries(database)) == 2


async def test_unchecked_changes_made_at_once_all_get_numbers_of_their_own(catalogue: Catalogue) -> None:
    rivals = [reading(("model: atlas", f"model: rival-{i}")) for i in range(6)]

    applied = await asyncio.gather(*(catalogue.apply(ACTOR, rival, NOW) for rival in rivals))

    history = await catalogue.history("acme/atlas-1")
    assert sorted(each.version.number for each in applied) == [1, 2, 3, 4, 5, 6]
    assert [version.previous for version in history] == [version.digest for version in history[1:]] + [""]


async def test_going_back_is_a_new_version_with_the_old_digest(catalogue: Catalogue) -> None:
    first = (await catalogue.apply(ACTOR, reading(), NOW)).version
    await catalogue.apply(ACTOR, reading(("model: atlas", "model: b")), NOW)

    back = (await catalogue.apply(ACTOR, reading(), NOW)).version

    assert (back.number, back.digest) == (3, first.digest)
    assert await catalogue.get("acme/atlas-1", first.digest) == back
    assert [version.number for version in await catalogue.history("acme/atlas-1")] == [3, 2, 1]
    assert [version.number for version in await catalogue.history("acme/atlas-1", before=3, limit=1)] == [2]


async def test_a_file_with_mistakes_leaves_no_trace(catalogue: Catalogue, database: Database) -> None:
    with pytest.raises(InvalidFile):
        await catalogue.apply(ACTOR, reading(("access: api", "access: open")), NOW)

    assert await catalogue.find("acme/atlas-1") is None
    assert await entries(database) == [] and await touches(database) == []
    assert await catalogue.document(digest_of(AUP)) is None


async def test_a_first_version_that_had_opened_must_be_adopted_and_that_is_recorded(
    catalogue: Catalogue, database: Database
) -> None:
    with pytest.raises(InvalidFile) as refused:
        await catalogue.apply(ACTOR, reading(), LATER)
    applied = await catalogue.apply(ACTOR, reading(), LATER, adopt=True)

    assert [fault.where for fault in refused.value.faults] == ["stages[0].opens"]
    assert applied.version.adopted and (await catalogue.get("acme/atlas-1")).adopted
    [entry] = await entries(database)
    assert entry["body"]["detail"]["adopt"] is True  # type: ignore[index]


async def test_past_dates_are_held_against_what_is_in_force_when_it_is_replaced(catalogue: Catalogue) -> None:
    moved = reading(("2027-01-05T00:00:00Z", "2027-01-06T00:00:00Z"))
    await catalogue.apply(ACTOR, reading(), NOW)

    kept = await catalogue.apply(ACTOR, reading(("model: atlas", "model: b")), LATER)
    with pytest.raises(InvalidFile):
        await catalogue.apply(ACTOR, moved, LATER, adopt=True)

    assert kept.version.number == 2


async def test_validating_writes_nothing_and_says_what_applying_would_say(
    catalogue: Catalogue, database: Database
) -> None:
    content = a_file()
    late = await catalogue.read(content, DOCUMENTS, "atlas.yaml")

    strategy = await catalogue.validate(late, NOW)
    with pytest.raises(InvalidFile) as refused:
        await catalogue.validate(late, LATER)

    assert strategy == late.strategy and await catalogue.find("acme/atlas-1") is None
    assert refused.value.message.startswith("atlas.yaml:8:29: ")
    assert await entries(database) == []


async def test_the_texts_that_are_accepted_can_be_read_by_digest_whichever_version_is_in_force(
    catalogue: Catalogue,
) -> None:
    await catalogue.apply(ACTOR, reading(), NOW)
    await catalogue.apply(ACTOR, reading(documents={"terms/aup.md": b"Other.\n"}), NOW)

    assert await catalogue.document(digest_of(AUP)) == AUP
    assert await catalogue.document(digest_of(b"Other.\n")) == b"Other.\n"
    assert await catalogue.document("sha256:" + "0" * 64) is None


async def test_a_text_that_two_releases_pin_is_kept_once(catalogue: Catalogue, database: Database) -> None:
    await catalogue.apply(ACTOR, reading(), NOW)
    await catalogue.apply(ACTOR, reading(("acme/atlas-1", "acme/atlas-2")), NOW)

    kept = await database.read(lambda c: list(c.execute(select(store.document_table.c.digest)).scalars()))
    assert kept == [digest_of(AUP)]


async def test_every_version_in_force_is_read_at_once(catalogue: Catalogue, database: Database) -> None:
    for name in ("acme/b", "acme/a"):
        await catalogue.apply(ACTOR, reading(("acme/atlas-1", name)), NOW)
    changed = await catalogue.apply(ACTOR, reading(("acme/atlas-1", "acme/a"), ("model: atlas", "model: b")), NOW)

    loaded = await database.read(store.load_all)

    assert sorted(loaded) == ["acme/a", "acme/b"]
    assert loaded["acme/a"] == changed.version
    assert loaded["acme/b"].number == 1


async def test_releases_are_listed_in_order_and_page_by_page(catalogue: Catalogue) -> None:
    for name in ("acme/c", "acme/a", "zeta/b"):
        await catalogue.apply(ACTOR, reading(("acme/atlas-1", name)), NOW)

    first = await catalogue.releases(limit=2)
    rest = await catalogue.releases(after=first[-1].name, limit=2)

    assert [release.name for release in (*first, *rest)] == ["acme/a", "acme/c", "zeta/b"]
    assert {release.number for release in first} == {1}


async def test_when_a_release_was_first_applied_stays_as_it_is(catalogue: Catalogue) -> None:
    await catalogue.apply(ACTOR, reading(), NOW)
    await catalogue.apply(ACTOR, reading(("model: atlas", "model: b")), at(NOW.latest + DAY))

    [release] = await catalogue.releases()

    assert (release.first_applied_at, release.applied_at) == (NOW.latest, NOW.latest + DAY)


@pytest.mark.parametrize("digest", [None, "sha256:" + "0" * 64])
async def test_what_is_not_there_is_not_found(catalogue: Catalogue, digest: str | None) -> None:
    await catalogue.apply(ACTOR, reading(("acme/atlas-1", "acme/other")), NOW)

    with pytest.raises(NotFound):
        await catalogue.get("acme/atlas-1" if digest is None else "acme/other", digest)


@pytest.mark.parametrize("reader", [store.load_all, lambda c: store.version_in_force(c, "acme/atlas-1")])
async def test_a_strategy_changed_behind_the_catalogues_back_is_never_served(
    catalogue: Catalogue, database: Database, reader: Callable[[Connection], object]
) -> None:
    version = (await catalogue.apply(ACTOR, reading(), NOW)).version
    forged = version.strategy.canonical().replace(b'"closed"', b'"api"')
    await database.write(lambda c: c.execute(update(store.version_table).values(strategy=forged)))

    with pytest.raises(Unavailable):
        await database.read(reader)


async def test_only_declared_upstreams_are_taken(database: Database) -> None:
    catalogue = Catalogue(database, Ledger(database, lambda: NOW), upstreams=("simulated",))
    asked = await catalogue.read(a_file(), DOCUMENTS)

    with pytest.raises(InvalidFile) as refused:
        await catalogue.apply(ACTOR, asked, NOW)

    assert [fault.where for fault in refused.value.faults] == ["serves.inference.upstream"]
