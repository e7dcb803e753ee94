"""Whatever is done to the lines of a ledger, a verifier that has one checkpoint of it notices."""

import os
import random
from collections.abc import Callable
from hashlib import sha256

import pytest

from gateway.ledger.checkpoints.checkpoint import Checkpoint
from gateway.ledger.checkpoints.verifying import Kept, Verdict, _Reading
from gateway.ledger.entries import Envelope, written
from gateway.ledger.merkle import leaf_hash, root_of
from tests.ledger.builders import NOON, refused

MUTATIONS = 200_000 if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else 10_000
ENTRIES = 24

Row = tuple[int, bytes, bytes]


def _row(index: int, name: str = "call") -> Row:
    line = Envelope(NOON + index // 5, 7, "writer").line(written(refused(f"{name}_{index}").draft), index)
    return index, line, leaf_hash(line)


ROWS = [_row(index) for index in range(ENTRIES)]
KEPT = [
    Kept(f"{size}", Checkpoint("ledger", size, root_of(leaf for _, _, leaf in ROWS[:size])))
    for size in (1, 17, ENTRIES)
]


def verdict_on(rows: list[Row], size: int) -> Verdict:
    reading = _Reading(size, KEPT)
    reading.take(rows, size)
    return reading.ended()


def edited(rows: list[Row], dice: random.Random) -> None:
    """One byte of one line is another."""
    place = dice.randrange(len(rows))
    index, line, leaf = rows[place]
    at = dice.randrange(len(line))
    rows[place] = (index, line[:at] + bytes([line[at] ^ dice.randrange(1, 256)]) + line[at + 1 :], leaf)


def rehashed(rows: list[Row], dice: random.Random) -> None:
    """The same, by one who hashes anew what was changed."""
    edited(rows, dice)
    rows[:] = [(index, line, sha256(b"\0" + line).digest()) for index, line, _ in rows]


def exchanged(rows: list[Row], dice: random.Random) -> None:
    """Two entries stand in each other's place, each with its hash."""
    one, other = dice.sample(range(len(rows)), 2)
    rows[one], rows[other] = (one, *rows[other][1:]), (other, *rows[one][1:])


def left_out(rows: list[Row], dice: random.Random) -> None:
    """An entry is gone, and all that follow have moved up."""
    del rows[dice.randrange(len(rows))]
    rows[:] = [(place, line, leaf) for place, (_, line, leaf) in enumerate(rows)]


def put_in(rows: list[Row], dice: random.Random) -> None:
    """An entry that never was, and all that follow have moved down."""
    rows.insert(dice.randrange(len(rows)), _row(dice.randrange(ENTRIES), "invented"))
    rows[:] = [(place, line, leaf) for place, (_, line, leaf) in enumerate(rows)]


def cut_off(rows: list[Row], dice: random.Random) -> None:
    """The end is gone."""
    del rows[dice.randrange(len(rows)) :]


def forked(rows: list[Row], dice: random.Random) -> None:
    """It went on otherwise from some entry, by one who does everything right."""
    since = dice.randrange(len(rows))
    rows[since:] = [_row(index, "instead") for index in range(since, ENTRIES + dice.randrange(5))]


@pytest.mark.parametrize("tampered", [edited, rehashed, exchanged, left_out, put_in, cut_off, forked])
def test_whatever_is_done_to_the_lines_is_found(tampered: Callable[[list[Row], random.Random], None]) -> None:
    assert not verdict_on(ROWS, ENTRIES).fault
    dice = random.Random(0x1ED6E5)
    for _ in range(MUTATIONS // 7):
        rows = list(ROWS)
        tampered(rows, dice)

        verdict = verdict_on(rows, len(rows))

        assert verdict.fault and verdict.next_step, rows
