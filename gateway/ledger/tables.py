"""Tables of the ledger.

One table is appended to and has no secondary index: rows land side by side, at a cost that does not
grow with the ledger. What search needs is built behind it (ledger/index.py). Acts of administration, which
are few, are listed beside it with what they are found by.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table

from gateway.database.naming import metadata

# Exactly INTEGER on SQLite: the primary key is then the row's place in the table, not an index beside it.
_Place = BigInteger().with_variant(Integer(), "sqlite")

entry_table = Table(
    "ledger_entry",
    metadata,
    Column("index", _Place, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("line", LargeBinary, nullable=False),
)
"""`line` is the canonical bytes, the only form in which an entry is kept; `leaf_hash` is of them."""

salt_table = Table(
    "ledger_salt",
    metadata,
    Column("index", _Place, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(32), nullable=False),
)
"""Salts of commitments, apart from the entries: deleting one makes its commitment say nothing."""

head_table = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
"""One row. Whoever appends locks it before anything else, so nothing can deadlock."""

writer_table = Table(
    "ledger_writer",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("oldest_open", BigInteger),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)
"""One row a process: its last batch, its oldest admitted call not yet finished, whether it still may write."""

revision_table = Table(
    "revision",
    metadata,
    Column("number", _Place, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("subject", String(200), nullable=False),
)
"""What changed of what may pass, in order; the feed names it to every process."""

act_table = Table(
    "ledger_act",
    metadata,
    Column("index", _Place, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(32), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("organisation", String(64), nullable=False),
    Column("release", String(200), nullable=False),
    Index("ix_ledger_act_organisation_at", "organisation", "at"),
    Index("ix_ledger_act_release_at", "release", "at"),
    Index("ix_ledger_act_event_at", "event", "at"),
)
"""When each act of administration was recorded: what was known at an instant is answered by it (ledger/acts.py)."""

posting_table = Table(
    "ledger_posting",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("positions", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Where a term occurs in a segment. Keyed by segment first, so that this table too grows at its end."""

index_table = Table(
    "ledger_index",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one"), primary_key=True, autoincrement=False),
    Column("segments", BigInteger, nullable=False),
)
"""One row: how many segments are indexed."""
