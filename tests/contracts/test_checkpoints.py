"""Checkpoints that are kept elsewhere tell whether a ledger is the one that was published, whichever engine has it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from sqlalchemy import Connection, delete, select, update

from gateway.database.engine import Database
from gateway.errors import Invalid, LedgerUnavailable, SettingsInvalid
from gateway.ledger.checkpoints.checkpoint import checkpoint_from, verifiers_of
from gateway.ledger.checkpoints.kept import read_kept
from gateway.ledger.checkpoints.notes import Verifier, signed
from gateway.ledger.checkpoints.publishing import Checkpoints
from gateway.ledger.checkpoints.verifying import Kept, Verdict, continues, verify
from gateway.ledger.merkle import Tree, leaf_hash, root_of
from gateway.ledger.signing import SigningKey, open_signing_key
from gateway.ledger.tables import entry_table, head_table
from tests.ledger.builders import a_writer, refused

Damage = Callable[[Connection], None]
ENTRIES = 12


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "signing.key")


async def grown(database: Database, by: int = ENTRIES, name: str = "call") -> None:
    async with a_writer(database) as writer:
        await asyncio.gather(*(writer.append(refused(f"{name}_{number}")) for number in range(by)))


async def kept_of(database: Database, key: SigningKey, name: str = "kept") -> Kept:
    checkpoints = Checkpoints(database, key)
    _, note = await checkpoints.now()
    return Kept(name, checkpoint_from(note.encode(), *checkpoints.verifiers))


async def done(database: Database, damage: Damage) -> None:
    await database.write(damage)


async def test_a_checkpoint_is_the_root_over_every_line(database: Database, key: SigningKey) -> None:
    checkpoints = Checkpoints(database, key)
    empty, _ = await checkpoints.now()
    await grown(database)
    full, note = await checkpoints.now()

    lines = await database.read(
        lambda c: list(c.execute(select(entry_table.c.line).order_by(entry_table.c.index)).scalars())
    )
    assert (empty.size, empty.root) == (0, root_of([]))
    assert (full.size, full.root) == (ENTRIES, root_of(map(leaf_hash, lines)))
    assert checkpoint_from(note.encode(), *checkpoints.verifiers) == full


async def test_a_ledger_that_goes_on_agrees_with_every_checkpoint_kept_of_it(
    database: Database, key: SigningKey
) -> None:
    kept = []
    for number in range(3):
        await grown(database, 4, f"round_{number}")
        kept.append(await kept_of(database, key, str(number)))
    await grown(database, 2, "later")

    verdict, quick = await verify(database, kept), await continues(database, kept)

    assert (verdict.fault, verdict.size, verdict.agreeing, verdict.vouched) == ("", 14, 3, 12)
    assert (quick.fault, quick.agreeing, quick.vouched) == ("", 3, 12)
    assert (await verify(database)).agreeing == 0


def edited(connection: Connection) -> None:
    line = connection.execute(select(entry_table.c.line).where(entry_table.c.index == 5)).scalar_one()
    connection.execute(
        update(entry_table).where(entry_table.c.index == 5).values(line=line.replace(b"org_a", b"org_b"))
    )


def rewritten(connection: Connection) -> None:
    """As by one who knows how leaves are hashed."""
    line = connection.execute(select(entry_table.c.line).where(entry_table.c.index == 5)).scalar_one()
    other = line.replace(b"org_a", b"org_b")
    values = {"line": other, "leaf_hash": leaf_hash(other)}
    connection.execute(update(entry_table).where(entry_table.c.index == 5).values(**values))


def left_out(connection: Connection) -> None:
    connection.execute(delete(entry_table).where(entry_table.c.index == 5))


def cut_off(connection: Connection) -> None:
    connection.execute(delete(entry_table).where(entry_table.c.index >= 9))
    connection.execute(update(head_table).values(size=9))


def cut_off_and_said_nothing(connection: Connection) -> None:
    connection.execute(update(head_table).values(size=9))


def exchanged(connection: Connection) -> None:
    rows = {
        row.index: row for row in connection.execute(select(entry_table).where(entry_table.c.index.in_([4, 5]))).all()
    }
    for place, other in ((4, 5), (5, 4)):
        values = {"line": rows[other].line, "leaf_hash": rows[other].leaf_hash}
        connection.execute(update(entry_table).where(entry_table.c.index == place).values(**values))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edited, "Entry 5 was changed"),
        (rewritten, "fork"),
        (left_out, "Entry 5 is missing"),
        (cut_off, "3 are missing at its end"),
        (cut_off_and_said_nothing, "ends before 9"),
        (exchanged, "Entry 4 says that it is entry 5"),
    ],
)
async def test_whatever_is_done_to_it_is_found_with_what_to_do(
    database: Database, key: SigningKey, damage: Damage, said: str
) -> None:
    await grown(database)
    kept = [await kept_of(database, key)]
    assert not (await verify(database, kept)).fault

    await done(database, damage)
    verdict = await verify(database, kept)

    assert said in verdict.fault
    assert verdict.next_step


async def test_a_ledger_restored_to_before_a_checkpoint_and_written_on_is_a_fork(
    database: Database, key: SigningKey
) -> None:
    await grown(database, 6)
    early = await kept_of(database, key, "early")
    await grown(database, 6, "then")
    late = await kept_of(database, key, "late")

    await done(database, _restored_to_six)
    short = await continues(database, [early, late])
    await grown(database, 6, "instead")
    forked: list[Verdict] = [await continues(database, [late, early]), await verify(database, [late, early])]

    assert "6 are missing at its end" in short.fault and "Restore to a later point" in short.next_step
    for verdict in forked:
        assert "not those of the checkpoint late" in verdict.fault and "up to 6" in verdict.fault
        assert "restore to a point in time after that checkpoint" in verdict.next_step


def _restored_to_six(connection: Connection) -> None:
    connection.execute(delete(entry_table).where(entry_table.c.index >= 6))
    connection.execute(update(head_table).values(size=6))


async def test_who_has_signed_more_signs_nothing_of_an_older_state(database: Database, key: SigningKey) -> None:
    checkpoints = Checkpoints(database, key)
    await grown(database)
    await checkpoints.now()
    await done(database, _restored_to_six)

    with pytest.raises(LedgerUnavailable, match="gone back"):
        await checkpoints.now()


async def test_only_what_this_ledger_signed_is_taken_for_its_checkpoint(
    sqlite_database: Database, key: SigningKey, tmp_path: Path
) -> None:
    other = open_signing_key(tmp_path / "other.key")
    folder = tmp_path / "kept"
    folder.mkdir()
    verifier = Checkpoints(sqlite_database, key).verifiers[0]
    with pytest.raises(SettingsInvalid, match="no checkpoint in"):
        read_kept(folder, [verifier])
    (folder / "a.checkpoint").write_text((await Checkpoints(sqlite_database, key).now())[1])
    assert [each.name for each in read_kept(folder, [verifier])] == ["a.checkpoint"]
    (folder / "b.checkpoint").write_text((await Checkpoints(sqlite_database, other).now())[1])

    with pytest.raises(SettingsInvalid, match=r"b\.checkpoint is no checkpoint of this ledger"):
        read_kept(folder, [verifier])
    for text in ("x\n1\n2\n", f"{verifier.name}\n01\n{'A' * 43}=\n", f"other\n1\n{'A' * 43}=\n"):
        with pytest.raises(Invalid):
            checkpoint_from(signed(text, verifier.name, key).encode(), verifier)


async def test_a_ledger_goes_on_under_its_name_when_its_key_is_rotated(database: Database, tmp_path: Path) -> None:
    """Old, both, new: what was kept under any is believed, and who knows the old key alone believes the overlap."""
    old, new = (open_signing_key(tmp_path / name) for name in ("old.key", "new.key"))
    files = {name: (tmp_path / f"{name}.key").read_bytes() for name in ("old", "new")}
    public = serialization.load_pem_private_key(files["old"], None).public_key().public_bytes(*SUBJECT_PUBLIC_KEY)
    both, after = (
        a_key(tmp_path / "both", files["old"] + files["new"]),
        a_key(tmp_path / "after", public + files["new"]),
    )
    notes: dict[str, bytes] = {}
    for name, key in (("old", old), ("both", both), ("after", after)):
        await grown(database, 2, name)
        notes[name] = (await Checkpoints(database, key).now())[1].encode()
    (only_old,), (_, only_new) = verifiers_of(old), verifiers_of(after)

    assert old.id == both.id == after.id != new.id and after.public == new.public
    kept = [Kept(name, checkpoint_from(note, *verifiers_of(after))) for name, note in notes.items()]
    assert (await verify(database, kept)).agreeing == 3
    believed = {
        verifier.public: [name for name, note in notes.items() if is_believed(note, verifier)]
        for verifier in (only_old, only_new)
    }
    assert believed == {old.public: ["old", "both"], new.public: ["both", "after"]}
    assert not any(is_believed(note, *verifiers_of(new)) for note in notes.values()), "another ledger's name"
    first, second = notes["both"].splitlines()[-2:]
    forged = notes["both"].replace(second, second[:-8] + b"AAAAAAA=")
    assert is_believed(forged, only_old) and not is_believed(forged, only_old, only_new), "one of theirs is bad"
    assert first != second


SUBJECT_PUBLIC_KEY = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def a_key(path: Path, content: bytes) -> SigningKey:
    path.write_bytes(content)
    path.chmod(0o600)
    return open_signing_key(path)


def is_believed(note: bytes, *verifiers: Verifier) -> bool:
    try:
        checkpoint_from(note, *verifiers)
    except Invalid:
        return False
    return True


def test_a_tree_gives_every_root_on_its_way() -> None:
    leaves, tree = [leaf_hash(bytes([number])) for number in range(70)], Tree()
    for size, leaf in enumerate(leaves):
        assert tree.root() == root_of(leaves[:size])
        tree.add(leaf)
