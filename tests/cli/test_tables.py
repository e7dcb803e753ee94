"""Tables in a real terminal of 80 columns: nothing that names a thing is ever broken."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

COLUMNS = 80
SHOW = "import sys, msgspec; from gateway.cli.showing import ago, show_table, show_facts\n"
SOON = (datetime.now(UTC) + timedelta(days=89, hours=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
TO_THE_SECOND = re.sub(r"\.\d+", "", SOON)


def on_screen(code: str, columns: int = COLUMNS) -> list[str]:
    """What a piece of code prints in a terminal of its own, line by line, without its styles."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        os.execve(sys.executable, [sys.executable, "-c", SHOW + code], environment | {"TERM": "xterm"})
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # how a pseudo-terminal says that the other side is gone
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert status == 0, said.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r", "").rstrip("\n").split("\n")


def table(header: tuple[str, ...], *rows: tuple[Any, ...], columns: int = COLUMNS) -> list[str]:
    written = msgspec.json.encode(rows).decode().replace("null", "None")
    return on_screen(f"show_table({header!r}, [[*row[:-2], ago(row[-2]), row[-1]] for row in {written}])", columns)


def test_with_room_an_instant_says_how_far_away_it_is_and_to_the_second() -> None:
    lines = table(("id", "ends", "why"), ("key_1", SOON, "contract"))

    assert lines == [
        f"{'id':<7}{'ends':<35}why",
        f"key_1  {TO_THE_SECOND} (in 89 days)  contract",
    ]


def test_with_less_room_an_instant_stands_alone_and_the_last_column_folds_between_words() -> None:
    lines = table(("id", "ends", "why"), ("grant_" + "0" * 24, SOON, "on the word of the contract of last year"))

    assert lines[0] == f"{'id':<32}{'ends':<22}why"
    assert lines[1].startswith(f"grant_{'0' * 24}  {TO_THE_SECOND}  on the word")
    assert len(lines) == 3 and lines[2].startswith(" " * 54)
    assert max(map(len, lines)) <= COLUMNS


def test_what_cannot_stand_beside_its_row_stands_below_it() -> None:
    request = "0199f0c5-a1b2-7c3d-8e4f-5a6b7c8d9e0f"
    lines = table(("index", "event", "release", "at", "what"), (1234, "access:refused", "demo/x-1", SOON, request))

    assert lines[1:] == [
        "      what",
        f"1234   access:refused  demo/x-1  {TO_THE_SECOND}",
        f"      {request}",
    ]


def test_what_fits_in_no_row_is_a_block_and_nothing_in_it_is_broken() -> None:
    grant, release = "grant_" + "0" * 24, "namespace-of-some-length/atlas-1"
    row = (grant, release, "to come", SOON, "contract 7")
    lines = table(("id", "release", "state", "ends", "authority"), row, row)

    assert lines[:5] == [
        f"id         {grant}",
        f"release    {release}",
        "state      to come",
        f"ends       {TO_THE_SECOND}",
        "authority  contract 7",
    ]
    assert lines[5] == "" and lines[6:] == lines[:5]


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 132])
def test_an_id_is_whole_at_every_width(columns: int) -> None:
    row = ("grant_" + "0" * 24, "access:refused", SOON, "grant_" + "1" * 24)
    said = "\n".join(table(("id", "event", "at", "by"), row, columns=columns))

    assert all(word in said for word in (row[0], row[1], row[3]))


def test_long_facts_go_on_below_themselves() -> None:
    lines = on_screen("show_facts([('why', 'word ' * 40)])")

    assert len(lines) == 3 and all(line.startswith("     word") for line in lines[1:])
    assert max(map(len, lines)) <= COLUMNS
