"""What releases keep of proposed versions: changes, the approvals they were given, and which version came by which."""

import sqlalchemy as sa
from alembic import op

revision = "0007_changes"
down_revision = "0006_narrowings"


def upgrade() -> None:
    op.create_table(
        "release_change",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=False),
        sa.Column("strategy", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("base_digest", sa.String(length=80), nullable=False),
        sa.Column("policy", sa.String(length=80), nullable=False),
        sa.Column("adopt", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_surely_at", sa.BigInteger(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("review_by", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_change")),
    )
    op.create_index(op.f("ix_release_change_release"), "release_change", ["release"])
    op.create_table(
        "change_approval",
        sa.Column("change", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("after", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["change"], ["release_change.id"], name=op.f("fk_change_approval_change_release_change")
        ),
        sa.PrimaryKeyConstraint("change", "key", name=op.f("pk_change_approval")),
    )
    op.add_column("strategy_version", sa.Column("change", sa.String(length=40), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("strategy_version", "change")
    op.drop_table("change_approval")
    op.drop_table("release_change")
