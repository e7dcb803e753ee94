"""What the ledger keeps: entries, their salts, the head, writers, the search index, and revisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001_ledger"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_ledger_entry")),
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "ledger_index",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segments", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_index")),
    )
    op.create_table(
        "ledger_posting",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("term", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "term", name=op.f("pk_ledger_posting")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_salt",
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_ledger_salt")),
    )
    op.create_table(
        "ledger_writer",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("oldest_open", sa.BigInteger()),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_writer")),
    )
    op.create_table(
        "revision",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_revision")),
    )


def downgrade() -> None:
    op.drop_table("revision")
    op.drop_table("ledger_writer")
    op.drop_table("ledger_salt")
    op.drop_table("ledger_posting")
    op.drop_table("ledger_index")
    op.drop_table("ledger_head")
    op.drop_table("ledger_entry")
