"""Cohorts: which organisations a stage reaches that is opened to some of them first.

Stable for ever: an organisation keeps its place on a line from 0 to 1, drawn by hashing it with the
salt. A larger share under the same salt keeps everybody who was in the smaller one.
"""

from hashlib import sha256

import msgspec


class Canary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The share of organisations that a stage reaches; the others stay in the stage before.

    NOTE: part of a strategy's canonical bytes; how a place is drawn never changes.
    """

    percent: int
    """From 1 to 99."""
    salt: str

    def reaches(self, organisation: str) -> bool:
        """Whether the organisation is one of them."""
        drawn = sha256(f"{self.salt}\0{organisation}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") * 100 < self.percent << 64
