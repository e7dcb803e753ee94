"""The ledger as it lies on disk, and what must be true of it whatever has happened."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from gateway.clock import DAY
from tests.fakes.postgresql import elsewhere
from tests.faults.load import Got

LINES = 'SELECT "index", line, leaf_hash FROM ledger_entry ORDER BY "index"'
METERS = "SELECT scope, day, requests, tokens_used, tokens_reserved FROM limit_use"


@dataclass
class Record:
    """Every entry, and the meters of the limits."""

    lines: list[tuple[int, bytes, bytes]]
    """Index, canonical bytes and leaf hash, in order."""
    meters: dict[str, tuple[int, int, int, int]]
    """Day, requests, tokens used and tokens reserved, by scope."""

    @classmethod
    def on(cls, data: Path) -> "Record":
        """What a data directory holds."""
        with closing(sqlite3.connect(f"file:{data / 'gateway.sqlite'}?mode=ro", uri=True)) as database:
            lines = database.execute(LINES).fetchall()
            return cls(lines, {scope: tuple(rest) for scope, *rest in database.execute(METERS)})

    @classmethod
    def in_database(cls, url: str) -> "Record":
        """What a PostgreSQL database holds."""
        return elsewhere(_read(cls, url))

    def __post_init__(self) -> None:
        self.entries: list[dict[str, Any]] = [json.loads(line) for _, line, _ in self.lines]
        self.admitted = {entry["id"]: entry for entry in self.entries if entry["event"] == "access:admitted"}
        self.ended = [entry["body"] for entry in self.entries if entry["event"] == "access:finished"]

    def mistakes(self, seen: Iterable[str], got: Iterable[Got]) -> list[str]:
        """Everything that must not be: empty where each promise was kept. Nothing may be under way."""
        return [
            *(f"the upstream saw {call}, which is not recorded" for call in set(seen) - set(self.admitted)),
            *self._untrue_of_callers(got),
            *self._untrue_of_ends(),
            *self._untrue_of_chain(),
            *self._untrue_of_limits(),
        ]

    def _untrue_of_callers(self, got: Iterable[Got]) -> Iterable[str]:
        ends = {body["admitted"]: body for body in self.ended}
        for each in got:
            if each.request_id not in self.admitted:
                yield f"a caller got {each.status} and {each.bytes_in} bytes of {each.request_id}, not recorded"
                continue
            end = ends.get(each.request_id, {})
            if end.get("outcome") == "complete" and each.whole and each.bytes_in != end["bytes_out"]:
                yield f"{each.request_id} brought {each.bytes_in} bytes, recorded are {end['bytes_out']}"

    def _untrue_of_ends(self) -> Iterable[str]:
        closed = [body["admitted"] for body in self.ended]
        if len(closed) != len(set(closed)):
            yield "a call has ended twice"
        yield from (f"{call} was left open" for call in set(self.admitted) - set(closed))
        yield from (f"{call} ended and never began" for call in set(closed) - set(self.admitted))

    def _untrue_of_chain(self) -> Iterable[str]:
        if [index for index, _, _ in self.lines] != list(range(len(self.lines))):
            yield "indices are not contiguous"
        if [entry["index"] for entry in self.entries] != list(range(len(self.entries))):
            yield "an entry stands in another's place"
        for index, line, leaf_hash in self.lines:
            if hashlib.sha256(b"\0" + line).digest() != leaf_hash:
                yield f"the leaf hash of entry {index} is not that of its bytes"

    def _untrue_of_limits(self) -> Iterable[str]:
        for scope, (day, requests, used, reserved) in self.meters.items():
            calls = {
                call: entry["body"]
                for call, entry in self.admitted.items()
                if entry["body"]["limit_scope"] == scope and entry["at"] // DAY == day
            }
            settled = sum(body.get("tokens_settled", 0) for body in self.ended if body["admitted"] in calls)
            if reserved:
                yield f"{reserved} tokens of {scope} are held by nobody"
            if requests != len(calls) or used != settled:
                yield f"{scope} counts {requests} calls and {used} tokens; recorded are {len(calls)} and {settled}"


async def _read(kind: type[Record], url: str) -> Record:
    connection = await asyncpg.connect(url)
    try:
        lines = [tuple(row) for row in await connection.fetch(LINES)]
        return kind(lines, {scope: tuple(rest) for scope, *rest in await connection.fetch(METERS)})
    finally:
        await connection.close()
