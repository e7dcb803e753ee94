"""What as-of answers read: when each act was recorded, listed from the ledger so far, and the policies that judged."""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0009_as_of"
down_revision = "0008_requests"

BATCH = 5_000

_place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    acts = op.create_table(
        "ledger_act",
        sa.Column("index", _place, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_ledger_act")),
    )
    for batch in _acts_so_far(op.get_bind()):
        op.bulk_insert(acts, batch)
    op.create_index(op.f("ix_ledger_act_subject"), "ledger_act", ["subject"])
    for column in ("organisation", "release", "event"):
        op.create_index(f"ix_ledger_act_{column}_at", "ledger_act", [column, "at"])
    op.create_table(
        "policy_set",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("policies", sa.LargeBinary(), nullable=False),
        sa.Column("question", sa.String(length=80), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_set")),
    )


def downgrade() -> None:
    op.drop_table("policy_set")
    op.drop_table("ledger_act")


def _acts_so_far(connection: sa.Connection) -> Iterator[list[dict[str, object]]]:
    """Acts of administration among the entries there are: whatever is said of no call."""
    entries = sa.table("ledger_entry", sa.column("index"), sa.column("line"))
    first = 0
    while True:
        query = sa.select(entries.c.line).where(entries.c.index >= first, entries.c.index < first + BATCH)
        lines = list(connection.execute(query.order_by(entries.c.index)).scalars())
        if not lines:
            return
        said = [json.loads(line) for line in lines if b'"event":"access:' not in bytes(line)]
        acts = [
            {
                "index": entry["index"],
                "at": entry["at"],
                "event": entry["event"],
                "subject": entry["body"]["subject"],
                "organisation": entry["body"].get("organisation", ""),
                "release": entry["body"].get("release", ""),
            }
            for entry in said
            if entry["body"].get("subject")
        ]
        if acts:
            yield acts
        first += BATCH
